import com.fasterxml.jackson.annotation.JsonInclude
import com.fasterxml.jackson.core.JsonFactory
import com.fasterxml.jackson.core.JsonGenerator
import com.fasterxml.jackson.core.StreamWriteConstraints
import com.fasterxml.jackson.databind.JsonSerializer
import com.fasterxml.jackson.databind.SerializerProvider
import com.fasterxml.jackson.databind.json.JsonMapper
import com.fasterxml.jackson.databind.module.SimpleModule
import io.github.runhooks.CheckOptions
import io.github.runhooks.Runhooks
import java.io.File
import java.time.Instant
import java.time.format.DateTimeFormatterBuilder

/** Prints what the package says of each vector, a line of JSON each. The argument is vectors/. */
fun main(args: Array<String>) {
    val expectations = File(args[0]).walk().filter { it.name.endsWith(".expect.json") }.sorted()
    for (file in expectations) {
        val name = file.name.removeSuffix(".expect.json")
        val payload = file.resolveSibling("$name.json").readBytes()
        val checked = Runhooks.check(payload, CheckOptions().each()) // as vectors list findings
        val line = mapOf(
            "vector" to name,
            "verdict" to checked.verdict,
            "codes" to checked.findings.map { it.code },
            "event" to Runhooks.parse(payload).event,
        )
        println(json.writeValueAsString(line.filterValues { it != null }))
    }
}

private val digits = DateTimeFormatterBuilder().appendInstant(-1).toFormatter()

/** Writes an instant with the digits that it has, as canonical events do, and of any depth. */
private val json = JsonMapper.builder(
    JsonFactory.builder().streamWriteConstraints(StreamWriteConstraints.builder().maxNestingDepth(2000).build()).build(),
).addModule(
    SimpleModule().addSerializer(
        Instant::class.java,
        object : JsonSerializer<Instant>() {
            override fun serialize(value: Instant, out: JsonGenerator, all: SerializerProvider) =
                out.writeString(digits.format(value))
        },
    ),
).defaultPropertyInclusion(JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, null)).build()
