package io.github.runhooks.interop;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.SortedMap;
import org.jsonschema2pojo.DefaultGenerationConfig;
import org.jsonschema2pojo.NoopRuleLogger;
import org.jsonschema2pojo.SourceType;

/** jsonschema2pojo on the draft-07 schemas: of the union, and of one event each. */
final class Jsonschema2Pojo {
    static final String VERSION = Report.versionOf(DefaultGenerationConfig.class);
    private static final String FOLDER = "openapi/dist/json-schema-draft-07/";
    private static final String PACKAGE = "io.github.runhooks.generated";

    private Jsonschema2Pojo() {}

    static List<Report> reports(Path root, Path generated, SortedMap<String, byte[]> conforming) {
        return List.of(
                union(root, generated.resolve("jsonschema2pojo-union")),
                events(root, generated.resolve("jsonschema2pojo"), conforming, false),
                events(root, generated.resolve("jsonschema2pojo-exact"), conforming, true));
    }

    private static Report union(Path root, Path target) {
        Report.Subject subject = new Report.Subject("jsonschema2pojo", VERSION, FOLDER + "run-event.json", null);
        try {
            generate(target, false, root.resolve(FOLDER + "run-event.json"));
            if (GeneratedCode.sources(target).isEmpty()) {
                return Report.Generator.failure(subject, "oneOf is not read, and nothing is generated");
            }
            return Report.Generator.failure(subject, "something is generated of oneOf: have it decoded");
        } catch (Exception e) {
            return Report.Generator.failure(subject, Report.reason(e));
        }
    }

    private static Report events(Path root, Path target, SortedMap<String, byte[]> conforming, boolean exact) {
        Report.Subject subject = new Report.Subject("jsonschema2pojo", VERSION, FOLDER + "run-{completed,failed}.json",
                exact ? "times as String, integers as BigInteger" : "times as OffsetDateTime, integers as Long");
        try {
            generate(target, exact,
                    root.resolve(FOLDER + "run-completed.json"), root.resolve(FOLDER + "run-failed.json"));
            GeneratedCode code = GeneratedCode.compile(target);
            if (!code.runs()) {
                return new Report.Generator(subject, null, code.compiles(), null, null);
            }
            Class<?> completed = code.type(PACKAGE + ".RunCompleted");
            Class<?> failed = code.type(PACKAGE + ".RunFailed");
            return new Report.Generator(subject, null, code.compiles(),
                    Report.Answer.no("there is a class an event, and none for both: the caller chooses by event_type"),
                    GeneratedCode.decoded(conforming, payload -> {
                        String type = Json.MAPPER.readTree(payload).get("event_type").asString();
                        Class<?> event = type.equals("run_failed") ? failed : completed;
                        return Json.MAPPER.writeValueAsString(Json.MAPPER.readValue(payload, event));
                    }));
        } catch (Exception e) {
            return Report.Generator.failure(subject, Report.reason(e));
        }
    }

    /** Exact: times are text, and integers have no bounds. */
    static void generate(Path target, boolean exact, Path... schemas) throws IOException {
        Files.createDirectories(target);
        List<URL> sources = new ArrayList<>();
        for (Path schema : schemas) {
            sources.add(schema.toUri().toURL());
        }
        org.jsonschema2pojo.Jsonschema2Pojo.generate(new DefaultGenerationConfig() {
            @Override
            public Iterator<URL> getSource() {
                return sources.iterator();
            }

            @Override
            public SourceType getSourceType() {
                return schemas[0].toString().endsWith(".yaml") ? SourceType.YAMLSCHEMA : SourceType.JSONSCHEMA;
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
    }
}
