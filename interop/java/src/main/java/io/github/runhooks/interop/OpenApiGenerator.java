package io.github.runhooks.interop;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.openapitools.codegen.DefaultGenerator;
import org.openapitools.codegen.config.CodegenConfigurator;
import tools.jackson.core.JacksonException;

/** openapi-generator's models for Spring Boot, as the receiver uses them. */
final class OpenApiGenerator {
    private static final String INPUT = "openapi/dist/receiver-3.0.yaml";
    private static final String MODELS = "io.github.runhooks.generated.model";

    private OpenApiGenerator() {}

    static List<Row> rows(Path root, Path generated, List<Vector> conforming) {
        // The union's getter of event_type returns String, and each arm's an enum of its own, unless told.
        Map<String, String> eventTypeAsText = Map.of("RunCompleted_event_type", "String", "RunFailed_event_type", "String");
        List<Row> rows = new ArrayList<>();
        rows.addAll(spring(root, generated.resolve("spring"), conforming, "openapi-generator spring (String, BigInteger)",
                eventTypeAsText, Map.of("OffsetDateTime", "String", "integer", "java.math.BigInteger")));
        rows.addAll(spring(root, generated.resolve("spring-types"), conforming,
                "openapi-generator spring (OffsetDateTime, Long)", eventTypeAsText, Map.of("integer", "Long")));
        rows.addAll(spring(root, generated.resolve("spring-plain"), conforming,
                "openapi-generator spring (without mappings)", Map.of(), Map.of()));
        return rows;
    }

    private static List<Row> spring(Path root, Path folder, List<Vector> conforming, String tool,
            Map<String, String> schemaMappings, Map<String, String> typeMappings) {
        Row.Subject subject = new Row.Subject(tool, Row.versionOf(DefaultGenerator.class), "generator", INPUT);
        List<Row> rows = new ArrayList<>();
        try {
            generate(root, folder, schemaMappings, typeMappings);
            GeneratedCode code = GeneratedCode.compile(folder.resolve("src"), folder.resolve("classes"));
            rows.add(code.compiles(subject));
            if (code.compiled()) {
                Class<?> union = code.type(MODELS + ".RunEvent");
                rows.add(narrows(subject, union, conforming));
                rows.addAll(GeneratedCode.decodesAndRoundTrips(
                        subject, conforming, payload -> Json.MAPPER.readValue(payload, union)));
            }
        } catch (Exception e) {
            rows.add(subject.failure("compiles", e));
        }
        return rows;
    }

    private static Row narrows(Row.Subject subject, Class<?> union, List<Vector> conforming) {
        int told = 0;
        int decoded = 0;
        for (Vector vector : conforming) {
            Object event;
            try {
                event = Json.MAPPER.readValue(vector.payload(), union);
            } catch (JacksonException e) {
                continue; // The row of "decodes" tells.
            }
            decoded++;
            String type = Json.MAPPER.readTree(vector.payload()).get("event_type").asString();
            String want = type.equals("run_failed") ? "RunFailed" : "RunCompleted";
            if (event.getClass().getSimpleName().equals(want)) {
                told++;
            }
        }
        return subject.result("narrows", told, decoded, union.isSealed() ? "RunEvent is a sealed interface" : "");
    }

    private static void generate(
            Path root, Path folder, Map<String, String> schemaMappings, Map<String, String> typeMappings) {
        CodegenConfigurator configurator = new CodegenConfigurator()
                .setInputSpec(root.resolve(INPUT).toString())
                .setOutputDir(folder.toString())
                .setGeneratorName("spring")
                .setModelPackage(MODELS)
                .addInlineSchemaOption("RESOLVE_INLINE_ENUMS", "true")
                .addGlobalProperty("models", "")
                .addGlobalProperty("modelDocs", "false")
                .addGlobalProperty("modelTests", "false")
                .addAdditionalProperty("useSpringBoot4", "true")
                .addAdditionalProperty("useJackson3", "true")
                .addAdditionalProperty("useSealed", "true")
                .addAdditionalProperty("openApiNullable", "false")
                .addAdditionalProperty("documentationProvider", "none")
                .addAdditionalProperty("hideGenerationTimestamp", "true");
        schemaMappings.forEach(configurator::addSchemaMapping);
        typeMappings.forEach(configurator::addTypeMapping);
        DefaultGenerator generator = new DefaultGenerator();
        generator.setGenerateMetadata(false);
        generator.opts(configurator.toClientOptInput()).generate();
    }
}
