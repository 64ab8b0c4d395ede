package io.github.runhooks.interop;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jsonschema2pojo.DefaultGenerationConfig;
import org.jsonschema2pojo.NoopRuleLogger;
import tools.jackson.databind.json.JsonMapper;

/** jsonschema2pojo on the draft-07 schemas: of the union, and of one event each. */
final class Jsonschema2Pojo {
    private static final String FOLDER = "openapi/dist/json-schema-draft-07/";
    private static final String PACKAGE = "io.github.runhooks.generated.pojo";
    private static final String VERSION = Row.versionOf(DefaultGenerationConfig.class);

    private Jsonschema2Pojo() {}

    static List<Row> rows(Path root, Path generated, List<Vector> conforming) {
        List<Row> rows = new ArrayList<>();
        rows.addAll(union(root, generated.resolve("jsonschema2pojo-union")));
        rows.addAll(events(root, generated.resolve("jsonschema2pojo"), conforming));
        return rows;
    }

    private static List<Row> union(Path root, Path folder) {
        Row.Subject subject = new Row.Subject("jsonschema2pojo", VERSION, "generator", FOLDER + "run-event.json");
        try {
            GeneratedCode code = generate(root, folder, "run-event.json");
            int arms = 0;
            for (String arm : List.of("RunCompleted", "RunFailed")) {
                try {
                    code.type(PACKAGE + "." + arm);
                    arms++;
                } catch (ClassNotFoundException e) {
                    // Not generated.
                }
            }
            return List.of(code.compiles(subject), subject.result("narrows", arms, 2,
                    "oneOf is not read: RunEvent is a class without members; choose run-completed or run-failed by event_type"));
        } catch (Exception e) {
            return List.of(subject.failure("compiles", e));
        }
    }

    private static List<Row> events(Path root, Path folder, List<Vector> conforming) {
        Row.Subject subject = new Row.Subject(
                "jsonschema2pojo", VERSION, "generator", FOLDER + "run-{completed,failed}.json");
        List<Row> rows = new ArrayList<>();
        try {
            GeneratedCode code = generate(root, folder, "run-completed.json", "run-failed.json");
            rows.add(code.compiles(subject));
            if (code.compiled()) {
                Class<?> completed = code.type(PACKAGE + ".RunCompleted");
                Class<?> failed = code.type(PACKAGE + ".RunFailed");
                JsonMapper mapper = JsonMapper.builder(Json.MAPPER.tokenStreamFactory()).build();
                rows.addAll(GeneratedCode.decodesAndRoundTrips(subject, conforming, new GeneratedCode.Codec() {
                    @Override
                    public Object decode(byte[] payload) {
                        String type = mapper.readTree(payload).get("event_type").asString();
                        Class<?> event = type.equals("run_failed") ? failed : completed;
                        return mapper.readValue(payload, event);
                    }

                    @Override
                    public byte[] encode(Object event) {
                        return mapper.writeValueAsBytes(event);
                    }
                }));
            }
        } catch (Exception e) {
            rows.add(subject.failure("compiles", e));
        }
        return rows;
    }

    private static GeneratedCode generate(Path root, Path folder, String... schemas) throws Exception {
        List<URL> sources = new ArrayList<>();
        for (String schema : schemas) {
            sources.add(url(root.resolve(FOLDER + schema)));
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
                return true;
            }

            @Override
            public String getDateTimeType() {
                return "java.time.OffsetDateTime";
            }
        }, new NoopRuleLogger());
        return GeneratedCode.compile(target, folder.resolve("classes"));
    }

    private static URL url(Path file) throws MalformedURLException {
        return file.toUri().toURL();
    }
}
