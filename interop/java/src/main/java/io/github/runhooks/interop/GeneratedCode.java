package io.github.runhooks.interop;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** Sources that a generator wrote, compiled with all warnings on and loaded. */
final class GeneratedCode {
    /** Reads a payload into the generated types, and writes it again. */
    interface Codec {
        String decodeAndEncode(byte[] payload) throws Exception;
    }

    private final List<Diagnostic<? extends JavaFileObject>> diagnostics;
    private final Path classes;
    private final ClassLoader loader;

    private GeneratedCode(List<Diagnostic<? extends JavaFileObject>> diagnostics, Path classes) throws IOException {
        this.diagnostics = diagnostics;
        this.classes = classes;
        this.loader = new URLClassLoader(new URL[] {classes.toUri().toURL()});
    }

    static GeneratedCode compile(Path folder) throws IOException {
        return compile(folder, Files.createDirectories(folder.resolve("classes")));
    }

    /** Compiles the sources of a folder that use these. */
    GeneratedCode compileWith(Path folder) throws IOException {
        return compile(folder, classes);
    }

    private static GeneratedCode compile(Path folder, Path classes) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
        String path = System.getProperty("java.class.path") + File.pathSeparator + classes;
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(diagnostics, Locale.ROOT, null)) {
            compiler.getTask(new StringWriter(), manager, diagnostics,
                    List.of("-Xlint:all", "-proc:none", "--release", "17", "-cp", path, "-d", classes.toString()),
                    null, manager.getJavaFileObjectsFromPaths(sources(folder))).call();
        }
        return new GeneratedCode(diagnostics.getDiagnostics(), classes);
    }

    static List<Path> sources(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
        }
    }

    /** Whether javac has nothing to say, warnings included. */
    Report.Answer compiles() {
        if (diagnostics.isEmpty()) {
            return Report.Answer.YES;
        }
        Diagnostic<? extends JavaFileObject> worst =
                diagnostics.stream().filter(GeneratedCode::isError).findFirst().orElse(diagnostics.get(0));
        long errors = diagnostics.stream().filter(GeneratedCode::isError).count();
        String text = worst.getMessage(Locale.ROOT).lines().findFirst().orElse("");
        return Report.Answer.no("%d errors and %d warnings of -Xlint:all, the first: %s"
                .formatted(errors, diagnostics.size() - errors, text));
    }

    boolean runs() {
        return diagnostics.stream().noneMatch(GeneratedCode::isError);
    }

    private static boolean isError(Diagnostic<?> diagnostic) {
        return diagnostic.getKind() == Diagnostic.Kind.ERROR;
    }

    Class<?> type(String name) throws ClassNotFoundException {
        return loader.loadClass(name);
    }

    static Map<String, Report.Decoded> decoded(SortedMap<String, byte[]> payloads, Codec codec) {
        Map<String, Report.Decoded> decoded = new TreeMap<>();
        payloads.forEach((vector, payload) -> {
            try {
                decoded.put(vector, new Report.Decoded(codec.decodeAndEncode(payload), null));
            } catch (Exception | StackOverflowError e) {
                decoded.put(vector, new Report.Decoded(null, Report.reason(e)));
            }
        });
        return decoded;
    }
}
