package io.github.runhooks.generated

import io.github.runhooks.generated.infrastructure.Serializer
import io.github.runhooks.generated.models.RunCompleted
import io.github.runhooks.generated.models.RunFailed
import io.github.runhooks.interop.Codec
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** Chooses the class by event_type itself, since the generated RunEvent doesn't. */
class EventCodec : Codec<Any> {
    // What the generator sets up, less what a receiver doesn't want: it takes no JSON, and writes null for what is absent.
    private val json = Json(Serializer.kotlinxSerializationJson) {
        isLenient = false
        encodeDefaults = false
    }

    override fun decode(payload: String): Any {
        val event = json.parseToJsonElement(payload)
        return when (event.jsonObject.getValue("event_type").jsonPrimitive.content) {
            "run_completed" -> json.decodeFromJsonElement(RunCompleted.serializer(), event)
            else -> json.decodeFromJsonElement(RunFailed.serializer(), event)
        }
    }

    override fun encode(event: Any): String = when (event) {
        is RunCompleted -> json.encodeToString(RunCompleted.serializer(), event)
        else -> json.encodeToString(RunFailed.serializer(), event as RunFailed)
    }
}
