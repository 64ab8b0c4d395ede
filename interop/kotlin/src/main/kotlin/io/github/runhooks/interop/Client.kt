package io.github.runhooks.interop

import com.fasterxml.jackson.databind.ObjectMapper
import com.fasterxml.jackson.module.kotlin.convertValue
import java.net.URLClassLoader
import java.nio.file.Path
import kotlin.io.path.createDirectories
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject
import okhttp3.OkHttpClient
import org.openapitools.codegen.DefaultGenerator
import org.openapitools.codegen.config.CodegenConfigurator

private const val INPUT = "openapi/dist/service.yaml"
private const val PACKAGE = "io.github.runhooks.service"

/** A delivery service: [sink] is where to deliver to, and [data] that of an event of [robot]. */
class Service(
    val url: String,
    val token: String,
    val sink: String,
    val robot: String,
    val data: Map<String, Any>,
)

/** What the source in `probes/service` is: the conversation of package matrix, by the generated client. */
interface Conversation {
    /** Puts into [saw] what is seen, by step. */
    fun with(service: Service, saw: MutableMap<String, String>)
}

/** What openapi-generator's client of the delivery service is, and sees of one. */
fun clientReport(root: Path, probes: Path, generated: Path, event: Payload): JsonObject =
    report(
        "client", "openapi-generator kotlin", DefaultGenerator::class.libraryVersion, INPUT,
        "library jvm-okhttp4, with useJackson3, and OkHttp ${OkHttpClient::class.libraryVersion}: it has warnings with 5",
    ) {
        val folder = generated.resolve("service")
        generate(root.resolve(INPUT), folder)
        val classes = folder.resolve("classes").createDirectories()
        val complaints = compileKotlin(folder.resolve("src"), classes)
        put("compiles", answer(complaints.summary()))
        if (complaints.errors.isEmpty() && "SERVICE_URL" in System.getenv()) {
            putJsonObject("calls") {
                for ((step, seen) in calls(probes.resolve("service"), classes, event)) put(step, seen)
            }
        }
    }

private fun generate(input: Path, folder: Path) {
    val configurator = CodegenConfigurator()
        .setGeneratorName("kotlin")
        .setInputSpec(input.toString())
        .setOutputDir(folder.toString())
        .setPackageName(PACKAGE)
        .addAdditionalProperty("serializationLibrary", "jackson")
        .addAdditionalProperty("useJackson3", "true")
        .addAdditionalProperty("hideGenerationTimestamp", "true")
    for (part in listOf("models", "apis", "supportingFiles")) configurator.addGlobalProperty(part, "")
    for (part in listOf("modelDocs", "modelTests", "apiDocs", "apiTests")) configurator.addGlobalProperty(part, "false")
    DefaultGenerator().apply { setGenerateMetadata(false) }.opts(configurator.toClientOptInput()).generate()
}

/** What the program sees, as far as it gets. */
private fun calls(program: Path, classes: Path, event: Payload): Map<String, String> {
    compileKotlin(program, classes).errors.firstOrNull()?.let { return mapOf("error" to it) }
    val loader = URLClassLoader(arrayOf(classes.toUri().toURL()))
    val conversation =
        loader.loadClass("$PACKAGE.ServiceConversation").getDeclaredConstructor().newInstance() as Conversation
    val robot = "kotlin openapi-generator"
    val mapper = ObjectMapper()
    val data = mapper.convertValue<Map<String, Any>>(mapper.readTree(event.text()).get("data"))
    val environment = System.getenv()
    val service = Service(
        environment.getValue("SERVICE_URL"), environment.getValue("SERVICE_TOKEN"), environment.getValue("SERVICE_SINK"),
        robot, data + ("robot_id" to robot),
    )
    val saw = sortedMapOf<String, String>()
    try {
        conversation.with(service, saw)
    } catch (e: Exception) {
        saw["error"] = e.brief()
    }
    return saw
}
