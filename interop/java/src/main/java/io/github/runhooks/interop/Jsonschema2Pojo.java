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
import java.util.TreeMap;
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
        List<Report> reports = new ArrayList<>();
        reports.add(report(root, generated.resolve("jsonschema2pojo"), "run-event.json", conforming, false));
        for (boolean exact : List.of(false, true)) {
            for (String event : List.of("run_completed", "run_failed")) {
                String schema = event.replace('_', '-') + ".json";
                reports.add(report(root, generated.resolve("jsonschema2pojo-" + event + (exact ? "-exact" : "")),
                        schema, of(event, conforming), exact));
            }
        }
        return reports;
    }

    /** The vectors of one event. */
    private static SortedMap<String, byte[]> of(String event, SortedMap<String, byte[]> conforming) {
        SortedMap<String, byte[]> its = new TreeMap<>(conforming);
        its.values().removeIf(payload -> !Json.MAPPER.readTree(payload).path("event_type").asString().equals(event));
        return its;
    }

    private static Report report(
            Path root, Path target, String schema, SortedMap<String, byte[]> conforming, boolean exact) {
        Report.Subject subject = new Report.Subject("jsonschema2pojo", VERSION, FOLDER + schema,
                exact ? "times as String, integers as BigInteger" : "times as OffsetDateTime, integers as Long");
        try {
            generate(root.resolve(FOLDER + schema), target, exact);
            if (GeneratedCode.sources(target).isEmpty()) {
                return Report.Generator.failure(subject, "oneOf is not read, and nothing is generated");
            }
            GeneratedCode code = GeneratedCode.compile(target);
            if (!code.runs()) {
                return new Report.Generator(subject, null, code.compiles(), null, null);
            }
            Class<?> type = code.type(PACKAGE + (schema.equals("run-failed.json") ? ".RunFailed" : ".RunCompleted"));
            return new Report.Generator(subject, null, code.compiles(), null, GeneratedCode.decoded(conforming,
                    payload -> Json.MAPPER.writeValueAsString(Json.MAPPER.readValue(payload, type))));
        } catch (Exception e) {
            return Report.Generator.failure(subject, Report.reason(e));
        }
    }

    /** Exact: times are text, and integers have no bounds. */
    static void generate(Path schema, Path target, boolean exact) throws IOException {
        Files.createDirectories(target);
        URL source = schema.toUri().toURL();
        org.jsonschema2pojo.Jsonschema2Pojo.generate(new DefaultGenerationConfig() {
            @Override
            public Iterator<URL> getSource() {
                return List.of(source).iterator();
            }

            @Override
            public SourceType getSourceType() {
                return schema.toString().endsWith(".yaml") ? SourceType.YAMLSCHEMA : SourceType.JSONSCHEMA;
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
