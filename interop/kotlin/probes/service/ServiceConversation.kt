package io.github.runhooks.service

import io.github.runhooks.interop.Conversation
import io.github.runhooks.interop.Service
import io.github.runhooks.service.apis.DeliveriesApi
import io.github.runhooks.service.apis.EndpointsApi
import io.github.runhooks.service.apis.EventsApi
import io.github.runhooks.service.infrastructure.ApiClient
import io.github.runhooks.service.infrastructure.ClientError
import io.github.runhooks.service.infrastructure.ClientException
import io.github.runhooks.service.infrastructure.Serializer
import io.github.runhooks.service.models.EndpointCreate
import io.github.runhooks.service.models.EventType
import io.github.runhooks.service.models.Problem
import io.github.runhooks.service.models.Publication
import java.net.URI
import java.time.Duration
import java.time.Instant
import tools.jackson.module.kotlin.readValue

/** How long the delivery may take. */
private val patience = Duration.ofMinutes(1)

class ServiceConversation : Conversation {
    override fun with(service: Service, saw: MutableMap<String, String>) {
        ApiClient.accessToken = service.token
        val endpoint = EndpointsApi(service.url).createEndpoint(
            EndpointCreate(url = URI(service.sink), robotId = service.robot, events = setOf(EventType.run_completed)),
        )
        saw["endpoint"] = endpoint.state.value
        saw["secret"] = endpoint.secret.orEmpty().take(6)

        val events = EventsApi(service.url)
        fun publication(data: Map<String, Any>) = Publication(Publication.EventType.run_completed, data)
        val published = events.publishEvent(publication(service.data))
        saw["published"] = published.deliveries.toString()

        val until = Instant.now() + patience
        while (saw.getOrDefault("delivery", "pending") == "pending" && Instant.now() < until) {
            DeliveriesApi(service.url).listDeliveries(robotId = service.robot).items
                .find { it.eventId == published.eventId }
                ?.let { saw["delivery"] = it.state.value }
            Thread.sleep(50)
        }

        try {
            events.publishEvent(publication(service.data - "run_id"))
        } catch (e: ClientException) {
            val body = (e.response as ClientError<*>).body as String
            val problem = Serializer.jacksonObjectMapper.readValue<Problem>(body)
            saw["problem"] = "${problem.status} ${problem.type}"
            problem.findings?.first()?.let { saw["finding"] = "${it.severity.value} ${it.code} ${it.pointer}" }
        }
    }
}
