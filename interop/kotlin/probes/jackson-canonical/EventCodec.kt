package io.github.runhooks.generated

import com.fasterxml.jackson.annotation.JsonInclude
import com.fasterxml.jackson.core.JsonFactory
import com.fasterxml.jackson.core.StreamReadConstraints
import com.fasterxml.jackson.databind.DeserializationFeature
import com.fasterxml.jackson.databind.SerializationFeature
import com.fasterxml.jackson.databind.json.JsonMapper
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule
import com.fasterxml.jackson.module.kotlin.kotlinModule
import com.fasterxml.jackson.module.kotlin.readValue
import io.github.runhooks.generated.models.CanonicalRunEvent
import io.github.runhooks.interop.Codec

class EventCodec : Codec<CanonicalRunEvent> {
    // The contract sets no limit to a name: Jackson stops at 50,000.
    private val factory = JsonFactory.builder()
        .streamReadConstraints(StreamReadConstraints.builder().maxNameLength(1 shl 20).build())
        .build()

    // Members that are null are left out, and cells that are null are not.
    private val mapper = JsonMapper.builder(factory)
        .addModules(kotlinModule(), JavaTimeModule())
        .defaultPropertyInclusion(JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, null))
        .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
        .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, DeserializationFeature.ADJUST_DATES_TO_CONTEXT_TIME_ZONE)
        .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
        .build()

    override fun decode(payload: String): CanonicalRunEvent = mapper.readValue(payload)

    override fun encode(event: CanonicalRunEvent): String = mapper.writeValueAsString(event)
}
