package io.github.runhooks.interop

import java.io.File
import java.nio.file.Path
import kotlin.io.path.Path
import kotlin.io.path.name
import org.jetbrains.kotlin.cli.common.arguments.K2JVMCompilerArguments
import org.jetbrains.kotlin.cli.common.messages.MessageCollectorImpl
import org.jetbrains.kotlin.cli.jvm.K2JVMCompiler
import org.jetbrains.kotlin.config.Services
import org.jetbrains.kotlinx.serialization.compiler.extensions.SerializationComponentRegistrar

private val ownClasspath = System.getProperty("java.class.path")
private val serializationPlugin = SerializationComponentRegistrar::class.java.protectionDomain.codeSource.location.path

/** What the compiler complained of: a line each, with the name of the file. */
class Complaints(val errors: List<String>, val warnings: List<String>) {
    /** The first one and how many there are, or null if there are none: warnings count as errors do. */
    fun summary(): String? {
        val (all, kind) = if (errors.isNotEmpty()) errors to "error" else warnings to "warning"
        return when (all.size) {
            0 -> null
            1 -> "$kind: ${all.first()}"
            else -> "${all.size} ${kind}s, the first: ${all.first()}"
        }
    }
}

/** Compiles [sources], a folder, into [classes], where earlier ones may be that it uses. */
fun compileKotlin(sources: Path, classes: Path): Complaints {
    val collector = MessageCollectorImpl()
    val arguments = K2JVMCompilerArguments().apply {
        freeArgs = listOf(sources.toString())
        destination = classes.toString()
        classpath = listOf(ownClasspath, classes).joinToString(File.pathSeparator)
        pluginClasspaths = arrayOf(serializationPlugin)
        jvmTarget = "17"
        noStdlib = true
        noReflect = true
    }
    K2JVMCompiler().exec(collector, Services.EMPTY, arguments)
    val (errors, others) = collector.messages.partition { it.severity.isError }
    return Complaints(errors.map { it.brief() }, others.filter { it.severity.isWarning }.map { it.brief() })
}

private fun MessageCollectorImpl.Message.brief(): String =
    listOfNotNull(location?.let { "${Path(it.path).name}:${it.line}" }, message.lines().first()).joinToString(": ")
