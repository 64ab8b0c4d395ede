package io.github.runhooks.generated

import io.github.runhooks.generated.infrastructure.Serializer
import io.github.runhooks.generated.models.RunEvent
import io.github.runhooks.interop.Codec
import kotlinx.serialization.json.Json

class EventCodec : Codec<RunEvent> {
    // What the generator sets up, less what a receiver doesn't want: it takes no JSON, and writes null for what is absent.
    private val json = Json(Serializer.kotlinxSerializationJson) {
        isLenient = false
        encodeDefaults = false
    }

    override fun decode(payload: String): RunEvent = json.decodeFromString(RunEvent.serializer(), payload)

    override fun encode(event: RunEvent): String = json.encodeToString(RunEvent.serializer(), event)
}
