package io.github.runhooks.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** Whether what internal/portability/rules.go says of Java's tools is still so. */
final class Rules {
    private enum Tool {
        OPENAPI_GENERATOR("openapi-generator", OpenApiGenerator.VERSION),
        JSONSCHEMA2POJO("jsonschema2pojo", Jsonschema2Pojo.VERSION);

        private final String name;
        private final String version;

        Tool(String name, String version) {
            this.name = name;
            this.version = version;
        }
    }

    /**
     * What is to be seen of a rule: what the tool writes for its document, or its error, has one text and not another.
     * Null is none. helps is false where there is no other way to say it, so that no fixed document can help.
     */
    private record Break(String rule, Tool tool, String has, String hasNot, boolean helps) {
        Break(String rule, Tool tool, String has, String hasNot) {
            this(rule, tool, has, hasNot, true);
        }

        boolean seenIn(String text) {
            return (has == null || text.contains(has)) && (hasNot == null || !text.contains(hasNot));
        }
    }

    private static final List<Break> BREAKS = List.of(
            new Break("const-without-type", Tool.OPENAPI_GENERATOR, "Object a", "AEnum"),
            new Break("const-without-type", Tool.JSONSCHEMA2POJO, "Object a;", null),
            new Break("exclusive-bound", Tool.OPENAPI_GENERATOR, "@Min(value = 0)", null),
            new Break("pattern-properties", Tool.OPENAPI_GENERATOR, "Object a;", "Map<"),
            new Break("pattern-properties", Tool.JSONSCHEMA2POJO, "class A ", "Map<String, String>"),
            new Break("ref-siblings", Tool.OPENAPI_GENERATOR, "class EventA ", "String c;"),
            new Break("ref-siblings", Tool.JSONSCHEMA2POJO, "String b;", "String c;"),
            new Break("union-without-discriminator", Tool.OPENAPI_GENERATOR, "interface Event ", "@JsonSubTypes"),
            new Break("nullable-in-3.1", Tool.OPENAPI_GENERATOR, "@NotNull", "@Nullable String a"),
            new Break("not-in-3.0", Tool.OPENAPI_GENERATOR, "SpecValidationException", null),
            new Break("condition", Tool.OPENAPI_GENERATOR, "@Nullable String b", null, false),
            new Break("condition", Tool.JSONSCHEMA2POJO, "String b;", null, false),
            new Break("webhooks-only", Tool.OPENAPI_GENERATOR, "class Event ", "receiveEvent"),
            new Break("no-operation-id", Tool.OPENAPI_GENERATOR, "eventsPost", null),
            new Break("inline-object", Tool.OPENAPI_GENERATOR, "class EventA ", null),
            new Break("inline-object", Tool.JSONSCHEMA2POJO, "class A ", null),
            new Break("untitled", Tool.JSONSCHEMA2POJO, "class Untitled ", null),
            new Break("openapi-3.2", Tool.OPENAPI_GENERATOR, "SpecValidationException", null),
            new Break("unquoted-version", Tool.OPENAPI_GENERATOR, "SpecValidationException", null),
            new Break("duplicate-key", Tool.OPENAPI_GENERATOR, "SpecValidationException", null),
            new Break("yaml-boolean", Tool.OPENAPI_GENERATOR, "FALSE(\"false\")", null),
            new Break("yaml-number", Tool.OPENAPI_GENERATOR, "_83(\"83\")", null),
            new Break("yaml-date", Tool.OPENAPI_GENERATOR, "(\"2026-11-28T00:00:00.000+00:00\")", null),
            new Break("yaml-tag", Tool.OPENAPI_GENERATOR, "SpecValidationException", null));

    private static final YAMLMapper YAML = new YAMLMapper();

    private final Path testdata;
    private final Path target;

    Rules(Path root, Path target) {
        this.testdata = root.resolve("internal/portability/testdata");
        this.target = target;
    }

    List<Report> reports() throws IOException {
        List<Report> reports = new ArrayList<>();
        for (Break b : BREAKS) {
            Report.Answer breaks = b.seenIn(output(b.tool, b.rule)) ? Report.Answer.YES : Report.Answer.no(wanted(b));
            Report.Answer helps = null;
            if (b.helps) {
                helps = b.seenIn(output(b.tool, b.rule + ".fixed"))
                        ? Report.Answer.no("it is the same with the fixed document")
                        : Report.Answer.YES;
            }
            reports.add(new Report.Rule(b.rule, b.tool.name, b.tool.version, breaks, helps));
        }
        return reports;
    }

    private static String wanted(Break b) {
        return "wanted %s, and not %s".formatted(b.has, b.hasNot);
    }

    /** What the tool writes, in one text, or its error. */
    private String output(Tool tool, String name) throws IOException {
        Path document = testdata.resolve(name + ".yaml");
        Path folder = Files.createDirectories(target.resolve(tool.name).resolve(name));
        try {
            switch (tool) {
                case OPENAPI_GENERATOR -> OpenApiGenerator.generate(
                        OpenApiGenerator.models(document, folder, "io.github.runhooks.generated")
                                .addGlobalProperty("apis", "")
                                .addGlobalProperty("apiTests", "false")
                                .addGlobalProperty("apiDocs", "false")
                                .addAdditionalProperty("interfaceOnly", "true"));
                case JSONSCHEMA2POJO -> Jsonschema2Pojo.generate(folder, false, schema(document));
            }
        } catch (RuntimeException e) {
            return Report.reason(e);
        }
        StringBuilder text = new StringBuilder();
        for (Path source : GeneratedCode.sources(folder)) {
            text.append(Files.readString(source));
        }
        return text.toString();
    }

    /** The schema Event of an OpenAPI document, with all that it refers to; or the document, if it is a schema. */
    private Path schema(Path document) throws IOException {
        JsonNode root = YAML.readTree(document);
        if (root.has("openapi")) {
            ObjectNode event = root.at("/components/schemas/Event").deepCopy().asObject();
            event.set("components", root.get("components"));
            root = event;
        }
        Path schema = target.resolve(document.getFileName());
        YAML.writeValue(schema, root);
        Path other = Files.createDirectories(target.resolve("other")).resolve("data.yaml");
        if (Files.notExists(other)) {
            Files.copy(testdata.resolve("other/data.yaml"), other);
        }
        return schema;
    }
}
