package io.github.runhooks.interop

import java.nio.file.Path
import kotlin.io.path.listDirectoryEntries
import kotlin.io.path.name
import kotlin.io.path.readBytes

/** A file of `vectors`. */
class Payload(val name: String, val conforms: Boolean, private val bytes: ByteArray) {
    /** Throws on what is not UTF-8, as no JSON text may be anything else. */
    fun text(): String = bytes.decodeToString(throwOnInvalidSequence = true)
}

/** All payloads, by name. */
fun payloadsOf(root: Path): List<Payload> =
    read(root, Regex("""(.*)(?<!\.expect|\.canonical)\.json"""))

/** The canonical form of each vector that has one, by name. */
fun canonicalFormsOf(root: Path): List<Payload> = read(root, Regex("""(.*)\.canonical\.json"""))

private fun read(root: Path, file: Regex): List<Payload> =
    listOf("conforms", "deviates", "invalid").flatMap { folder ->
        root.resolve("vectors/$folder").listDirectoryEntries().mapNotNull { path ->
            file.matchEntire(path.name)?.let { Payload(it.groupValues[1], folder == "conforms", path.readBytes()) }
        }
    }.sortedBy { it.name }
