package io.github.runhooks.interop

import java.io.OutputStream
import java.io.PrintStream
import kotlin.io.path.Path
import kotlin.system.exitProcess

/** Prints what Kotlin's tools make of the contract, as `interop/matrix/report.go` has it: one JSON object a line. */
fun main(args: Array<String>) {
    if (args.size != 3) {
        System.err.println("usage: Main REPOSITORY PROBES GENERATED")
        exitProcess(2)
    }
    val (root, probes, generated) = args.map(::Path)
    // Generators print thanks to standard output, where only reports belong.
    val out = PrintStream(System.out, true, Charsets.UTF_8)
    System.setOut(PrintStream(OutputStream.nullOutputStream()))

    val payloads = payloadsOf(root)
    for (report in validatorReports(root, payloads)) out.println(report)
    val conforming = payloads.filter { it.conforms }
    for (report in generatorReports(root, probes, generated, conforming, canonicalFormsOf(root))) out.println(report)
    out.println(receiverReport(root))
    out.println(clientReport(root, probes, generated, payloads.first { it.name == "page.run-completed" }))
}
