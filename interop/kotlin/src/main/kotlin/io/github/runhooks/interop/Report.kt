package io.github.runhooks.interop

import kotlin.reflect.KClass
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonObjectBuilder
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put

/** What is said about one [tool] and one [input], with what [body] adds. */
fun report(
    kind: String,
    tool: String,
    version: String,
    input: String,
    note: String,
    body: JsonObjectBuilder.() -> Unit,
): JsonObject = buildJsonObject {
    put("kind", kind)
    put("tool", tool)
    put("version", version)
    put("input", input)
    put("note", note)
    body()
}

/** Yes, or no for the reason of [complaint]. */
fun answer(complaint: String?): JsonObject = buildJsonObject {
    put("ok", complaint == null)
    complaint?.let { put("note", it) }
}

/** The version of the library that has this class, which stands in the name of its jar. */
val KClass<*>.libraryVersion: String
    get() = Regex("""-(\d[^/]*)\.jar$""").find(java.protectionDomain.codeSource.location.path)!!.groupValues[1]

/** One short line, whatever was thrown. */
fun Throwable.brief(): String {
    val line = message?.lineSequence()?.firstOrNull { it.isNotBlank() }?.trim()
    return listOfNotNull(this::class.simpleName, line).joinToString(": ").take(190)
}
