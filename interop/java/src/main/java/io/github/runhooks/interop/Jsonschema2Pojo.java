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

/** jsonschema2pojo on the draft-07 schemas: of the union, of one event each, and of the canonical event. */
final class Jsonschema2Pojo {
    static final String VERSION = Report.versionOf(DefaultGenerationConfig.class);
    private static final String FOLDER = "openapi/dist/json-schema-draft-07/";
    private static final String PACKAGE = "io.github.runhooks.generated";

    private Jsonschema2Pojo() {}

    static List<Report> reports(
            Path root, Path generated, SortedMap<String, byte[]> conforming, SortedMap<String, byte[]> forms) {
        return List.of(
                union(root, generated.resolve("jsonschema2pojo-union")),
                events(root, generated.resolve("jsonschema2pojo"), conforming, false),
                events(root, generated.resolve("jsonschema2pojo-exact"), conforming, true),
                canonical(root, generated.resolve("jsonschema2pojo-canonical"), forms, false),
                canonical(root, generated.resolve("jsonschema2pojo-canonical-told"), forms, true));
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
        Report.Subject subject =
                new Report.Subject("jsonschema2pojo", VERSION, FOLDER + "run-{completed,failed}.json", note(exact));
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

    /** Told: which Java types a row, the provenance and a value of any type are, as the package of bindings/maven has it. */
    private static Report canonical(Path root, Path target, SortedMap<String, byte[]> forms, boolean told) {
        Report.Subject subject = new Report.Subject("jsonschema2pojo", VERSION, FOLDER + "canonical-run-event.json",
                note(false) + (told ? "; with existingJavaType added to rows, provenance and values of any type" : ""));
        try {
            Path schema = root.resolve(FOLDER + "canonical-run-event.json");
            generate(target, false, told ? tell(schema, Files.createDirectories(target)) : schema);
            GeneratedCode code = GeneratedCode.compile(target);
            if (!code.runs()) {
                return new Report.Generator(subject, null, code.compiles(), null, null);
            }
            Class<?> event = code.type(PACKAGE + ".CanonicalRunEvent");
            return new Report.Generator(subject, null, code.compiles(),
                    told
                            ? code.compileWith(root.resolve("interop/java/canonical")).compiles()
                            : Report.Answer.no("it makes nothing of anyOf: a cell is an Object, and not a String"),
                    GeneratedCode.decoded(forms,
                            form -> Json.MAPPER.writeValueAsString(Json.MAPPER.readValue(form, event))));
        } catch (Exception e) {
            return Report.Generator.failure(subject, Report.reason(e));
        }
    }

    private static Path tell(Path schema, Path folder) throws IOException {
        String map = "\"existingJavaType\": \"java.util.Map<String, String>\", ";
        String any = "\"existingJavaType\": \"tools.jackson.databind.JsonNode\", ";
        return Files.writeString(folder.resolve("canonical-run-event.json"), Files.readString(schema)
                .replace("\"title\": \"CanonicalRow\"", map + "\"title\": \"CanonicalRow\"")
                .replaceAll("(\"provenance\": \\{\\s*)(\"description)", "$1" + map + "$2")
                .replaceAll("(\"value\": \\{\\s*)(\"description)", "$1" + any + "$2"));
    }

    private static String note(boolean exact) {
        return exact ? "times as String, integers as BigInteger" : "times as OffsetDateTime, integers as Long";
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
