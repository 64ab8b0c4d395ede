package io.github.runhooks.generated

import com.fasterxml.jackson.annotation.JsonInclude
import com.fasterxml.jackson.core.JsonFactory
import com.fasterxml.jackson.core.StreamReadConstraints
import com.fasterxml.jackson.databind.DeserializationFeature
import com.fasterxml.jackson.databind.SerializationFeature
import com.fasterxml.jackson.databind.json.JsonMapper
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule
import com.fasterxml.jackson.module.kotlin.kotlinModule
import com.fasterxml.jackson.module.kotlin.treeToValue
import io.github.runhooks.generated.models.RunCompleted
import io.github.runhooks.generated.models.RunFailed
import io.github.runhooks.interop.Codec

/** Chooses the class by event_type itself, since the generated RunEvent doesn't. */
class EventCodec : Codec<Any> {
    // The contract sets no limit to a name: Jackson stops at 50,000.
    private val factory = JsonFactory.builder()
        .streamReadConstraints(StreamReadConstraints.builder().maxNameLength(1 shl 20).build())
        .build()

    private val mapper = JsonMapper.builder(factory)
        .addModules(kotlinModule(), JavaTimeModule())
        .serializationInclusion(JsonInclude.Include.NON_NULL)
        .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, DeserializationFeature.ADJUST_DATES_TO_CONTEXT_TIME_ZONE)
        .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
        .build()

    override fun decode(payload: String): Any {
        val event = mapper.readTree(payload)
        return when (event["event_type"].textValue()) {
            "run_completed" -> mapper.treeToValue<RunCompleted>(event)
            else -> mapper.treeToValue<RunFailed>(event)
        }
    }

    override fun encode(event: Any): String = mapper.writeValueAsString(event)
}
