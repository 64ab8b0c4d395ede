package io.github.runhooks.interop;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.jar.JarFile;

/** Prints what Java's tools make of the contract, one JSON object a line. */
final class Interop {
    private Interop() {}

    public static void main(String[] args) throws IOException {
        if (args.length != 3) {
            System.err.println("usage: Interop REPOSITORY GENERATED RECEIVER.jar");
            System.exit(2);
        }
        Path root = Path.of(args[0]);
        Path generated = Path.of(args[1]);
        // Generators print thanks to standard output, where only reports belong.
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        System.setOut(new PrintStream(OutputStream.nullOutputStream()));

        SortedMap<String, byte[]> conforming = Vectors.read(root, "conforms");
        List<Report> reports = new ArrayList<>();
        reports.addAll(Validators.reports(root, Vectors.read(root, "conforms", "deviates", "invalid")));
        reports.addAll(OpenApiGenerator.reports(root, generated, conforming));
        reports.addAll(Jsonschema2Pojo.reports(root, generated, conforming, Vectors.canonical(root)));
        reports.add(receiver(args[2]));
        reports.add(ServiceClient.report(root, generated, conforming.get("page.run-completed")));
        reports.addAll(new Rules(root, generated.resolve("rules")).reports());
        for (Report report : reports) {
            out.println(Json.MAPPER.writeValueAsString(report));
        }
        out.flush();
    }

    private static Report receiver(String jar) throws IOException {
        try (JarFile file = new JarFile(jar)) {
            String version = file.getManifest().getMainAttributes().getValue("Spring-Boot-Version");
            return new Report.Receiver(
                    new Report.Subject("Spring Boot", version, "docs/languages/java.md", "with [bindings/maven](../bindings/maven)"));
        }
    }
}
