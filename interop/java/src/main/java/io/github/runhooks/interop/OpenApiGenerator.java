package io.github.runhooks.interop;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.openapitools.codegen.DefaultGenerator;
import org.openapitools.codegen.config.CodegenConfigurator;
import tools.jackson.databind.json.JsonMapper;

/** openapi-generator's models for Spring Boot, as the receiver uses them. */
final class OpenApiGenerator {
    private static final String INPUT = "openapi/dist/receiver-3.0.yaml";
    private static final String MODELS = "io.github.runhooks.generated.model";

    private OpenApiGenerator() {}

    static List<Row> rows(Path root, Path generated, List<Vector> conforming) {
        List<Row> rows = new ArrayList<>();
        rows.addAll(spring(root, generated.resolve("spring"), conforming, "openapi-generator spring",
                Map.of("RunCompleted_event_type", "String", "RunFailed_event_type", "String")));
        rows.addAll(spring(root, generated.resolve("spring-plain"), conforming,
                "openapi-generator spring, no mappings", Map.of()));
        return rows;
    }

    private static List<Row> spring(
            Path root, Path folder, List<Vector> conforming, String tool, Map<String, String> schemaMappings) {
        Row.Subject subject = new Row.Subject(tool, Row.versionOf(DefaultGenerator.class), "generator", INPUT);
        List<Row> rows = new ArrayList<>();
        try {
            generate(root, folder, schemaMappings);
            GeneratedCode code = GeneratedCode.compile(folder.resolve("src"), folder.resolve("classes"));
            rows.add(code.compiles(subject));
            if (code.compiled()) {
                Class<?> union = code.type(MODELS + ".RunEvent");
                JsonMapper mapper = JsonMapper.builder(Json.MAPPER.tokenStreamFactory()).build();
                GeneratedCode.Codec codec = new GeneratedCode.Codec() {
                    @Override
                    public Object decode(byte[] payload) {
                        return mapper.readValue(payload, union);
                    }

                    @Override
                    public byte[] encode(Object event) {
                        return mapper.writeValueAsBytes(event);
                    }
                };
                rows.add(narrows(subject, union, conforming, codec));
                rows.addAll(GeneratedCode.decodesAndRoundTrips(subject, conforming, codec));
            }
        } catch (Exception e) {
            rows.add(subject.failure("compiles", e));
        }
        return rows;
    }

    private static Row narrows(
            Row.Subject subject, Class<?> union, List<Vector> conforming, GeneratedCode.Codec codec) throws Exception {
        int told = 0;
        int decoded = 0;
        for (Vector vector : conforming) {
            Object event;
            try {
                event = codec.decode(vector.payload());
            } catch (RuntimeException e) {
                continue; // The row of "decodes" tells.
            }
            decoded++;
            String type = Json.MAPPER.readTree(vector.payload()).get("event_type").asString();
            told += event.getClass().getSimpleName().equals(type.equals("run_failed") ? "RunFailed" : "RunCompleted") ? 1 : 0;
        }
        return subject.result("narrows", told, decoded, union.isSealed() ? "RunEvent is a sealed interface" : "");
    }

    private static void generate(Path root, Path folder, Map<String, String> schemaMappings) throws IOException {
        CodegenConfigurator configurator = new CodegenConfigurator()
                .setInputSpec(root.resolve(INPUT).toString())
                .setOutputDir(folder.toString())
                .setGeneratorName("spring")
                .setModelPackage(MODELS)
                .addTypeMapping("integer", "Long")
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
        DefaultGenerator generator = new DefaultGenerator();
        generator.setGenerateMetadata(false);
        generator.opts(configurator.toClientOptInput()).generate();
    }
}
