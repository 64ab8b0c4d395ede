package com.example.receiver

import io.github.runhooks.CanonicalRunEvent
import io.github.runhooks.Parsed
import io.github.runhooks.Runhooks
import io.github.runhooks.VerificationException
import io.ktor.http.HttpStatusCode
import io.ktor.server.application.Application
import io.ktor.server.application.log
import io.ktor.server.cio.CIO
import io.ktor.server.engine.embeddedServer
import io.ktor.server.request.receiveChannel
import io.ktor.server.response.respond
import io.ktor.server.response.respondText
import io.ktor.server.routing.post
import io.ktor.server.routing.routing
import io.ktor.util.toMap
import io.ktor.utils.io.readBuffer
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import kotlinx.io.readByteArray
import org.slf4j.Logger

private const val MAX_BODY = 64L shl 20

fun main() {
    val secret = System.getenv("RUNHOOKS_SECRET") ?: error("RUNHOOKS_SECRET is not set")
    val port = System.getenv("PORT")?.toInt() ?: 9000
    Runhooks.parse("{}") // starts the module, so that no event waits for it
    embeddedServer(CIO, port, host = "127.0.0.1") { receiveEvents(secret) }.start(wait = true)
}

/** Takes the events of all robots at one URL. */
fun Application.receiveEvents(secret: String) = routing {
    // Answers fast: a sender that waits too long tries again. Put work that takes time on a queue.
    post("/events") {
        val body = call.receiveChannel().readBuffer(MAX_BODY + 1).readByteArray()
        if (body.size > MAX_BODY) {
            return@post call.respond(HttpStatusCode.PayloadTooLarge)
        }
        val headers = call.request.headers.toMap()
        try {
            val (id, parsed) = withContext(Dispatchers.Default) {
                Runhooks.verify(headers, body, secret).id to Runhooks.parse(body)
            }
            when {
                parsed.event != null -> log.handle(id, parsed.event)
                parsed.isOther() -> log.info("$id: nobody here wants ${parsed.eventType}")
                else -> return@post call.respondText(
                    parsed.findings.first().message,
                    status = HttpStatusCode.BadRequest,
                )
            }
            call.respond(HttpStatusCode.NoContent)
        } catch (e: VerificationException) {
            call.respondText(e.message.orEmpty(), status = HttpStatusCode.Unauthorized)
        }
    }
}

/** Events of other types may come to the same URL. To refuse them only makes the sender try again. */
private fun Parsed.isOther() = findings.singleOrNull()?.code == "event.type-unknown" && eventType.isNotEmpty()

/** An event comes at least once: keep the ids that you have seen, and do nothing for a known one. */
private fun Logger.handle(id: String, event: CanonicalRunEvent) {
    info("$id: ${event.type}: run ${event.run.id} of ${event.run.robotName}: ${event.run.status}")
    for (list in event.lists) {
        for (row in list.rows) {
            info("${list.name}: $row")
        }
    }
    event.error?.let { warn("${event.run.robotName}: ${it.message}") }
}
