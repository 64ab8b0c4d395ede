package io.github.runhooks.interop

import kotlin.reflect.KClass
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonObjectBuilder
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put

/** What is seen of one [tool] with one [input]; what [see] throws is why it can't take it. */
fun report(
    kind: String,
    tool: String,
    version: String,
    input: String,
    note: String,
    see: JsonObjectBuilder.() -> Unit,
): JsonObject {
    val seen = try {
        buildJsonObject(see)
    } catch (e: Exception) {
        buildJsonObject { put("error", e.brief()) }
    }
    return buildJsonObject {
        put("kind", kind)
        put("tool", tool)
        put("version", version)
        put("input", input)
        put("note", note)
        for ((name, value) in seen) put(name, value)
    }
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
