package io.github.runhooks.interop

import com.fasterxml.jackson.databind.ObjectMapper
import java.net.URLClassLoader
import java.nio.file.Path
import kotlin.io.path.createDirectories
import kotlin.io.path.readText
import kotlin.io.path.writeText
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject
import org.openapitools.codegen.DefaultGenerator
import org.openapitools.codegen.config.CodegenConfigurator

private const val PACKAGE = "io.github.runhooks.generated"

/**
 * A way to use openapi-generator.
 *
 * @property codec the folder of `probes` whose `EventCodec` decodes and encodes
 * @property narrowing the folder of `probes` whose `RunId` tells the events apart
 */
private class Variant(
    val generator: String,
    val note: String,
    val codec: String,
    val narrowing: String,
    val options: Map<String, String>,
    val typeMappings: Map<String, String> = emptyMap(),
    val schemaMappings: Map<String, String> = emptyMap(),
    val supportingFiles: String? = null,
    val inputs: List<String> = listOf("openapi/dist/receiver-3.0.yaml"),
)

private val wrapped = mapOf("serializationLibrary" to "kotlinx_serialization", "generateOneOfAnyOfWrappers" to "true")

/** Of the many files beside the models, those that the models need with kotlinx.serialization. */
private val serializer = listOf(
    "AtomicBoolean", "AtomicInteger", "AtomicLong", "BigDecimal", "BigInteger", "LocalDate", "LocalDateTime",
    "OffsetDateTime", "StringBuilder", "URI", "URL", "UUID",
).joinToString(",", prefix = "Serializer.kt,") { "${it}Adapter.kt" }

private val spring = mapOf(
    "useSpringBoot3" to "true",
    "documentationProvider" to "none",
    "annotationLibrary" to "none",
    "generateJsonIncludeAnnotations" to "false",
    "generateJsonSetterNullsAnnotations" to "false",
)

private val variants = listOf(
    Variant(
        "kotlin", "for Jackson; event_type chooses the class", "jackson-apart", "subtypes",
        mapOf("serializationLibrary" to "jackson"),
    ),
    Variant(
        "kotlin", "for kotlinx.serialization; event_type chooses the class", "kotlinx-apart", "subtypes",
        mapOf("serializationLibrary" to "kotlinx_serialization"),
        supportingFiles = serializer,
    ),
    Variant(
        "kotlin", "for kotlinx.serialization, with generateOneOfAnyOfWrappers", "kotlinx", "wrappers",
        wrapped,
        supportingFiles = serializer,
    ),
    Variant(
        "kotlin", "for kotlinx.serialization, with generateOneOfAnyOfWrappers; times as String",
        "kotlinx", "wrappers",
        wrapped + ("dateLibrary" to "string"),
        supportingFiles = serializer,
        inputs = listOf("openapi/dist/receiver-3.0.yaml", "openapi/dist/receiver.yaml", "openapi/dist/webhooks.yaml"),
    ),
    Variant(
        "kotlin-spring", "for Jackson", "jackson-apart", "subtypes",
        spring,
    ),
    Variant(
        "kotlin-spring", "for Jackson; event_type and times as String, integers as BigInteger", "jackson-apart", "subtypes",
        spring,
        typeMappings = mapOf("integer" to "java.math.BigInteger", "long" to "java.math.BigInteger", "date-time" to "kotlin.String"),
        schemaMappings = mapOf("RunCompleted_event_type" to "kotlin.String", "RunFailed_event_type" to "kotlin.String"),
    ),
    Variant(
        "kotlin", "for Jackson; the schema and its \$defs as the components of an OpenAPI document", "jackson-canonical",
        "canonical",
        mapOf("serializationLibrary" to "jackson"),
        inputs = listOf("openapi/dist/json-schema-2020-12/$CANONICAL.json"),
    ),
)

/** The schema that is no OpenAPI document, and whose payloads are the canonical forms. */
private const val CANONICAL = "canonical-run-event"

fun generatorReports(
    root: Path,
    probes: Path,
    generated: Path,
    conforming: List<Payload>,
    canonicalForms: List<Payload>,
): List<JsonObject> =
    variants.flatMap { variant -> variant.inputs.map { variant to it } }.mapIndexed { i, (variant, input) ->
        report(
            "generator", "openapi-generator ${variant.generator}", DefaultGenerator::class.libraryVersion, input,
            variant.note,
        ) {
            val folder = generated.resolve("$i-${variant.generator}")
            val canonical = CANONICAL in input
            val payloads = if (canonical) canonicalForms else conforming
            variant.generate(root.resolve(input).let { if (canonical) documentOf(it, folder) else it }, folder)
            val classes = folder.resolve("classes").createDirectories()
            val complaints = compileKotlin(folder.resolve("src"), classes)
            put("compiles", answer(complaints.summary()))
            if (complaints.errors.isNotEmpty()) return@report

            val codecs = compileKotlin(probes.resolve(variant.codec), classes)
            check(codecs.errors.isEmpty()) { codecs.errors.first() }
            val narrowing = compileKotlin(probes.resolve(variant.narrowing), classes)

            val loader = URLClassLoader(arrayOf(classes.toUri().toURL()))
            val codec = loader.instanceOf<Codec<Any>>("EventCodec")
            val wrong = narrowing.summary() ?: payloads.firstOfOtherType(codec, loader.instanceOf("RunId"))
            put("narrows", answer(wrong))
            putJsonObject("decoded") {
                for (payload in payloads) put(payload.name, codec.roundTrip(payload))
            }
        }
    }

/** Writes an OpenAPI document whose components are a schema and what it refers to, into [folder]. */
private fun documentOf(schema: Path, folder: Path): Path {
    val members = Json.parseToJsonElement(schema.readText()).jsonObject
    val document = buildJsonObject {
        put("openapi", "3.1.0")
        putJsonObject("info") {
            put("title", CANONICAL)
            put("version", "1")
        }
        putJsonObject("paths") {}
        putJsonObject("components") {
            putJsonObject("schemas") {
                put(members.getValue("title").jsonPrimitive.content, JsonObject(members - "\$schema" - "\$defs"))
                for ((name, definition) in members.getValue("\$defs").jsonObject) put(name, definition)
            }
        }
    }
    val text = document.toString().replace("#/\$defs/", "#/components/schemas/")
    return folder.createDirectories().resolve("openapi.json").apply { writeText(text) }
}

private fun Variant.generate(input: Path, folder: Path) {
    val configurator = CodegenConfigurator()
        .setGeneratorName(generator)
        .setInputSpec(input.toString())
        .setOutputDir(folder.toString())
        .setPackageName(PACKAGE)
        .setModelPackage("$PACKAGE.models")
        .addGlobalProperty("models", "")
        .addGlobalProperty("modelDocs", "false")
        .addGlobalProperty("modelTests", "false")
        .addAdditionalProperty("hideGenerationTimestamp", "true")
    if (schemaMappings.isNotEmpty()) configurator.addInlineSchemaOption("RESOLVE_INLINE_ENUMS", "true")
    supportingFiles?.let { configurator.addGlobalProperty("supportingFiles", it) }
    options.forEach(configurator::addAdditionalProperty)
    typeMappings.forEach(configurator::addTypeMapping)
    schemaMappings.forEach(configurator::addSchemaMapping)
    DefaultGenerator().apply { setGenerateMetadata(false) }.opts(configurator.toClientOptInput()).generate()
}

@Suppress("UNCHECKED_CAST")
private fun <T> ClassLoader.instanceOf(name: String): T =
    loadClass("$PACKAGE.$name").getDeclaredConstructor().newInstance() as T

/** Which payload isn't decoded to the type that it says, so that it has another run, if there is one. */
private fun List<Payload>.firstOfOtherType(codec: Codec<Any>, runId: (Any) -> String): String? =
    firstNotNullOfOrNull { payload ->
        try {
            val event = ObjectMapper().readTree(payload.text())
            val want = listOf("/data/run_id", "/data/runId", "/run/id").map(event::at).first { it.isTextual }.textValue()
            val got = runId(codec.decode(payload.text()))
            if (got == want) null else "${payload.name}: the run is $got, not $want"
        } catch (_: Exception) {
            null // That it isn't decoded is told elsewhere.
        }
    }

private fun Codec<Any>.roundTrip(payload: Payload): JsonObject = buildJsonObject {
    try {
        put("json", encode(decode(payload.text())))
    } catch (e: Exception) {
        put("error", e.brief())
    } catch (e: StackOverflowError) {
        put("error", e.brief())
    }
}
