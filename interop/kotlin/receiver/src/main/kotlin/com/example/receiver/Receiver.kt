package com.example.receiver

import com.example.receiver.model.RunEvent
import com.networknt.schema.Schema
import com.networknt.schema.SchemaRegistry
import com.networknt.schema.SchemaRegistryConfig
import com.networknt.schema.SpecificationVersion
import com.standardwebhooks.Webhook
import com.standardwebhooks.exceptions.WebhookVerificationException
import io.ktor.http.HttpStatusCode
import io.ktor.server.application.Application
import io.ktor.server.application.log
import io.ktor.server.cio.CIO
import io.ktor.server.engine.embeddedServer
import io.ktor.server.request.header
import io.ktor.server.request.receiveChannel
import io.ktor.server.response.respond
import io.ktor.server.response.respondText
import io.ktor.server.routing.post
import io.ktor.server.routing.routing
import io.ktor.util.toMap
import io.ktor.utils.io.readBuffer
import kotlinx.io.readByteArray
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import org.slf4j.Logger
import tools.jackson.core.JacksonException
import tools.jackson.core.StreamReadConstraints
import tools.jackson.core.StreamReadFeature
import tools.jackson.core.StreamWriteConstraints
import tools.jackson.core.json.JsonFactory
import tools.jackson.databind.DeserializationFeature
import tools.jackson.databind.JsonNode
import tools.jackson.databind.json.JsonMapper

private const val MAX_BODY = 32L shl 20

fun main() {
    val secret = System.getenv("RUNHOOKS_SECRET") ?: error("RUNHOOKS_SECRET is not set")
    val port = System.getenv("PORT")?.toInt() ?: 9000
    embeddedServer(CIO, port, host = "127.0.0.1") { receiveEvents(Webhook(secret)) }.start(wait = true)
}

/** Takes the events of all robots at one URL. */
fun Application.receiveEvents(webhook: Webhook) {
    val events = Events(log)
    routing {
        // Answers fast: a sender that waits too long tries again. Put work that takes time on a queue.
        post("/events") {
            val body = call.receiveChannel().readBuffer(MAX_BODY + 1).readByteArray()
            if (body.size > MAX_BODY) {
                return@post call.respond(HttpStatusCode.PayloadTooLarge)
            }
            // The library wants text. Bytes that are no UTF-8 become other bytes, so their signature doesn't match.
            val payload = body.decodeToString()
            try {
                webhook.verify(payload, call.request.headers.toMap())
            } catch (e: WebhookVerificationException) {
                return@post call.respondText(e.message.orEmpty(), status = HttpStatusCode.Unauthorized)
            }
            try {
                events.take(call.request.header("webhook-id"), payload)
                call.respond(HttpStatusCode.NoContent)
            } catch (e: NoEventException) {
                call.respondText(e.message.orEmpty(), status = HttpStatusCode.BadRequest)
            }
        }
    }
}

class NoEventException(message: String) : Exception(message)

private class Events(private val log: Logger) {
    private val documented = schema("/run-event.json")
    private val observed = schema("/observed-run-event.json")
    private val json = Json { ignoreUnknownKeys = true }

    fun take(id: String?, payload: String) {
        val event = parse(payload)
        val errors = observed.validate(event)
        when {
            errors.isEmpty() -> dispatch(id, event, payload)
            event.isOther() -> log.info("$id: nobody here wants ${event["event_type"]}")
            else -> throw NoEventException(errors.first().toString())
        }
    }

    /** Servers send more than what is documented: that is taken as plain JSON, and never answered with an error. */
    private fun dispatch(id: String?, event: JsonNode, payload: String) {
        if (documented.validate(event).isNotEmpty()) return handleUntyped(id, event)
        val typed = try {
            json.decodeFromString(RunEvent.serializer(), payload)
        } catch (_: SerializationException) {
            return handleUntyped(id, event) // What Kotlin's types can't hold, such as an integer beyond 64 bits.
        }
        handle(id, typed)
    }

    /** An event comes at least once: keep the ids that you have seen, and do nothing for a known one. */
    private fun handle(id: String?, event: RunEvent) = when (event) {
        is RunEvent.RunCompletedWrapper -> with(event.value.data) {
            log.info("$id: run $runId of $robotName ended: $status")
        }
        is RunEvent.RunFailedWrapper -> with(event.value.data) {
            log.info("$id: run $runId of $robotName failed: ${error.message}")
        }
    }

    private fun handleUntyped(id: String?, event: JsonNode) =
        log.info("$id: ${event["event_type"]} as plain JSON: ${event["data"]}")
}

/** As strict as the contract, and as exact. kotlinx.serialization takes much that isn't JSON, so this reads first. */
private val strict = JsonMapper.builder(
    JsonFactory.builder()
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .streamReadConstraints(
            StreamReadConstraints.builder().maxNestingDepth(1000).maxNameLength(MAX_BODY.toInt()).build(),
        )
        .streamWriteConstraints(StreamWriteConstraints.builder().maxNestingDepth(1000).build())
        .build(),
)
    .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS, DeserializationFeature.USE_BIG_INTEGER_FOR_INTS)
    .build()

private fun parse(payload: String): JsonNode = try {
    // Jackson takes half a surrogate pair, such as \ud800, which is no text.
    strict.readTree(payload).also { strict.writeValueAsString(it).encodeToByteArray(throwOnInvalidSequence = true) }
} catch (e: JacksonException) {
    throw NoEventException("The body is not JSON that can be read: ${e.originalMessage}")
} catch (_: CharacterCodingException) {
    throw NoEventException("The body has an unpaired surrogate.")
}

/** Events of other types may come to the same URL. To refuse them only makes the sender try again. */
private fun JsonNode.isOther(): Boolean {
    val type = path("event_type")
    return type.isString && type.stringValue() !in setOf("", "run_completed", "run_failed")
}

private fun schema(resource: String): Schema {
    val config = SchemaRegistryConfig.builder().formatAssertionsEnabled(true).build()
    val registry = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12) {
        it.schemaRegistryConfig(config)
    }
    // Read by the mapper above, its bounds are BigIntegers: with others the validator throws on 1e400.
    return Events::class.java.getResourceAsStream(resource).use { registry.getSchema(strict.readTree(it)) }
}
