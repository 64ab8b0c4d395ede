package io.github.runhooks.interop

import io.github.optimumcode.json.schema.FormatBehavior
import io.github.optimumcode.json.schema.JsonSchema
import io.github.optimumcode.json.schema.JsonSchemaLoader
import io.github.optimumcode.json.schema.OutputCollector
import io.github.optimumcode.json.schema.SchemaOption
import java.nio.file.Path
import kotlin.io.path.readText
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject

private val schemas = listOf("json-schema-2020-12", "json-schema-draft-07").flatMap { draft ->
    listOf("run-event", "observed-run-event").map { "openapi/dist/$draft/$it.json" }
}

fun validatorReports(root: Path, payloads: List<Payload>): List<JsonObject> = schemas.map { input ->
    report(
        "validator", "optimumcode json-schema-validator", JsonSchema::class.libraryVersion, input,
        "on the parser of kotlinx.serialization, which takes more than JSON; formats are asserted",
    ) {
        val schema = JsonSchemaLoader.create()
            .withSchemaOption(SchemaOption.FORMAT_BEHAVIOR_OPTION, FormatBehavior.ANNOTATION_AND_ASSERTION)
            .fromDefinition(root.resolve(input).readText())
        putJsonObject("verdicts") {
            for (payload in payloads) put(payload.name, schema.verdict(payload))
        }
    }
}

private fun JsonSchema.verdict(payload: Payload): String = try {
    val event = Json.parseToJsonElement(payload.text())
    if (validate(event, OutputCollector.flag()).valid) "valid" else "invalid"
} catch (e: Exception) {
    e.brief()
} catch (e: StackOverflowError) {
    e.brief()
}
