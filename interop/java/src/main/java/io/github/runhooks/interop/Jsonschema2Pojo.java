package io.github.runhooks.interop;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jsonschema2pojo.DefaultGenerationConfig;
import org.jsonschema2pojo.NoopRuleLogger;

/** jsonschema2pojo on the draft-07 schemas: of the union, and of one event each. */
final class Jsonschema2Pojo {
    private static final String FOLDER = "openapi/dist/json-schema-draft-07/";
    private static final String PACKAGE = "io.github.runhooks.generated.pojo";
    private static final String VERSION = Row.versionOf(DefaultGenerationConfig.class);

    private Jsonschema2Pojo() {}

    static List<Row> rows(Path root, Path generated, List<Vector> conforming) {
        List<Row> rows = new ArrayList<>();
        rows.add(union(root, generated.resolve("jsonschema2pojo-union")));
        rows.addAll(events(root, generated.resolve("jsonschema2pojo"), conforming,
                "jsonschema2pojo (String, BigInteger)", true));
        rows.addAll(events(root, generated.resolve("jsonschema2pojo-types"), conforming,
                "jsonschema2pojo (OffsetDateTime, Long)", false));
        return rows;
    }

    private static Row union(Path root, Path folder) {
        Row.Subject subject = new Row.Subject("jsonschema2pojo", VERSION, "generator", FOLDER + "run-event.json");
        try {
            GeneratedCode code = generate(root, folder, true, "run-event.json");
            if (code.sources() == 0) {
                return subject.result("narrows", 0, 1,
                        "oneOf is not read, so nothing is generated: choose run-completed or run-failed by event_type");
            }
            return code.compiles(subject);
        } catch (Exception e) {
            return subject.failure("compiles", e);
        }
    }

    private static List<Row> events(Path root, Path folder, List<Vector> conforming, String tool, boolean exact) {
        Row.Subject subject = new Row.Subject(tool, VERSION, "generator", FOLDER + "run-{completed,failed}.json");
        List<Row> rows = new ArrayList<>();
        try {
            GeneratedCode code = generate(root, folder, exact, "run-completed.json", "run-failed.json");
            rows.add(code.compiles(subject));
            if (code.compiled()) {
                Class<?> completed = code.type(PACKAGE + ".RunCompleted");
                Class<?> failed = code.type(PACKAGE + ".RunFailed");
                rows.addAll(GeneratedCode.decodesAndRoundTrips(subject, conforming, payload -> {
                    String type = Json.MAPPER.readTree(payload).get("event_type").asString();
                    Class<?> event = type.equals("run_failed") ? failed : completed;
                    return Json.MAPPER.readValue(payload, event);
                }));
            }
        } catch (Exception e) {
            rows.add(subject.failure("compiles", e));
        }
        return rows;
    }

    /** Exact: times are text, and integers have no bounds. */
    private static GeneratedCode generate(Path root, Path folder, boolean exact, String... schemas) throws IOException {
        List<URL> sources = new ArrayList<>();
        for (String schema : schemas) {
            sources.add(root.resolve(FOLDER + schema).toUri().toURL());
        }
        Path target = Files.createDirectories(folder.resolve("src"));
        org.jsonschema2pojo.Jsonschema2Pojo.generate(new DefaultGenerationConfig() {
            @Override
            public Iterator<URL> getSource() {
                return sources.iterator();
            }

            @Override
            public File getTargetDirectory() {
                return target.toFile();
            }

            @Override
            public String getTargetPackage() {
                return PACKAGE;
            }

            @Override
            public boolean isUseTitleAsClassname() {
                return true;
            }

            @Override
            public boolean isUseLongIntegers() {
                return !exact;
            }

            @Override
            public boolean isUseBigIntegers() {
                return exact;
            }

            @Override
            public String getDateTimeType() {
                return exact ? "java.lang.String" : "java.time.OffsetDateTime";
            }
        }, new NoopRuleLogger());
        return GeneratedCode.compile(target, folder.resolve("classes"));
    }
}
