package io.github.runhooks.interop

import java.nio.file.Path
import kotlin.io.path.listDirectoryEntries
import kotlin.io.path.name
import kotlinx.serialization.json.JsonObject

/** Announces the program of the guide, which `serve.sh` starts. */
fun receiverReport(root: Path): JsonObject {
    val libraries = root.resolve("interop/kotlin/receiver/target/lib").listDirectoryEntries("*.jar").map { it.name }
    fun version(library: String) =
        libraries.firstNotNullOf { Regex("""$library-(\d.*)\.jar""").matchEntire(it) }.groupValues[1]
    return report(
        "receiver", "ktor", version("ktor-server-core-jvm"), "docs/languages/kotlin.md",
        "with [bindings/maven](../bindings/maven)",
    ) {}
}
