package io.github.runhooks.interop;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Sources that a generator wrote, compiled with all warnings on and loaded. */
final class GeneratedCode {
    /** Reads a payload into the generated types. */
    interface Decoder {
        Object decode(byte[] payload) throws Exception;
    }

    private final int sources;
    private final List<Diagnostic<? extends JavaFileObject>> errors;
    private final List<Diagnostic<? extends JavaFileObject>> warnings;
    private final ClassLoader loader;

    private GeneratedCode(int sources, List<Diagnostic<? extends JavaFileObject>> diagnostics, ClassLoader loader) {
        this.sources = sources;
        this.errors = diagnostics.stream().filter(d -> d.getKind() == Diagnostic.Kind.ERROR).toList();
        this.warnings = diagnostics.stream().filter(d -> d.getKind() != Diagnostic.Kind.ERROR).toList();
        this.loader = loader;
    }

    static GeneratedCode compile(Path sources, Path classes) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
        Files.createDirectories(classes);
        List<Path> files;
        try (Stream<Path> walk = Files.walk(sources)) {
            files = walk.filter(file -> file.toString().endsWith(".java")).toList();
        }
        if (files.isEmpty()) {
            return new GeneratedCode(0, List.of(), null);
        }
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(diagnostics, Locale.ROOT, null)) {
            compiler.getTask(new StringWriter(), manager, diagnostics,
                    List.of("-Xlint:all", "-proc:none", "--release", "17", "-d", classes.toString()),
                    null, manager.getJavaFileObjectsFromPaths(files)).call();
        }
        return new GeneratedCode(files.size(), diagnostics.getDiagnostics(),
                new URLClassLoader(new URL[] {classes.toUri().toURL()}));
    }

    int sources() {
        return sources;
    }

    boolean compiled() {
        return errors.isEmpty();
    }

    Class<?> type(String name) throws ClassNotFoundException {
        return loader.loadClass(name);
    }

    Row compiles(Row.Subject subject) {
        if (!compiled()) {
            Diagnostic<? extends JavaFileObject> first = errors.get(0);
            long broken = errors.stream().map(Diagnostic::getSource).distinct().count();
            return subject.result("compiles", sources - (int) broken, sources,
                    first.getMessage(Locale.ROOT).lines().collect(Collectors.joining(" ")));
        }
        Map<String, Long> kinds = warnings.stream().collect(
                Collectors.groupingBy(warning -> String.valueOf(warning.getCode()), Collectors.counting()));
        return subject.result("compiles", sources, sources, kinds.isEmpty() ? "" : "warnings of -Xlint:all: " + kinds);
    }

    /** Every conforming payload: read, and written again. */
    static List<Row> decodesAndRoundTrips(Row.Subject subject, List<Vector> conforming, Decoder decoder) {
        Map<String, List<String>> refused = new LinkedHashMap<>();
        Map<String, List<String>> changed = new LinkedHashMap<>();
        int same = 0;
        for (Vector vector : conforming) {
            Object event;
            try {
                event = decoder.decode(vector.payload());
            } catch (Exception e) {
                // The reason, less the values: one note for all that fail in the same way.
                String reason = firstLine(e).replaceFirst(": .*", "").replaceAll(" \\([^()]*\\)| from String \".*\"", "");
                refused.computeIfAbsent(reason, k -> new ArrayList<>()).add(vector.name() + ": " + reason);
                continue;
            }
            try {
                JsonNode want = Json.MAPPER.readTree(vector.payload());
                String difference = Json.difference(want, Json.MAPPER.readTree(Json.MAPPER.writeValueAsBytes(event)), "");
                if (difference.isEmpty()) {
                    same++;
                } else {
                    // Members of any name that are lost are one thing; a change is one thing a member.
                    String kind = difference.endsWith(" is lost") ? "is lost" : difference.replaceFirst(": .*", "");
                    changed.computeIfAbsent(kind, k -> new ArrayList<>()).add(difference);
                }
            } catch (Exception e) {
                changed.computeIfAbsent(firstLine(e), k -> new ArrayList<>()).add(vector.name() + ": " + firstLine(e));
            }
        }
        int decoded = conforming.size() - refused.values().stream().mapToInt(List::size).sum();
        return List.of(
                subject.result("decodes", decoded, conforming.size(), Notes.groups(refused.values())),
                subject.result("round-trip", same, decoded, Notes.groups(changed.values())));
    }

    private static String firstLine(Exception e) {
        String message = e instanceof JacksonException json ? json.getOriginalMessage() : e.getMessage();
        return String.valueOf(message).lines().findFirst().orElse(e.getClass().getSimpleName());
    }
}
