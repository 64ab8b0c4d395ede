package io.github.runhooks.interop;

import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.openapitools.codegen.DefaultGenerator;
import org.openapitools.codegen.config.CodegenConfigurator;

/** openapi-generator: models for Spring Boot, as the receiver uses them, and a client for java.net.http. */
final class OpenApiGenerator {
    static final String VERSION = Report.versionOf(DefaultGenerator.class);
    private static final String INPUT = "openapi/dist/receiver-3.0.yaml";
    private static final String PACKAGE = "io.github.runhooks.generated";

    private final Path root;
    private final Path generated;
    private final SortedMap<String, byte[]> conforming;

    private OpenApiGenerator(Path root, Path generated, SortedMap<String, byte[]> conforming) {
        this.root = root;
        this.generated = generated;
        this.conforming = conforming;
    }

    static List<Report> reports(Path root, Path generated, SortedMap<String, byte[]> conforming) {
        OpenApiGenerator generator = new OpenApiGenerator(root, generated, conforming);
        List<Report> reports = new ArrayList<>();
        reports.add(generator.spring("spring", "with schemaMappings, and times as OffsetDateTime",
                OpenApiGenerator::eventTypeAsText));
        reports.add(generator.spring("spring-exact", "with schemaMappings, and times as String, integers as BigInteger",
                configurator -> eventTypeAsText(configurator)
                        .addTypeMapping("OffsetDateTime", "String")
                        .addTypeMapping("integer", "java.math.BigInteger")
                        .addTypeMapping("long", "java.math.BigInteger")));
        reports.add(generator.spring("spring-plain", "without schemaMappings", configurator -> configurator));
        reports.add(generator.client());
        return reports;
    }

    private interface Settings {
        CodegenConfigurator on(CodegenConfigurator configurator);
    }

    /** The union's getter of event_type returns String, and each arm's an enum of its own, unless told. */
    private static CodegenConfigurator eventTypeAsText(CodegenConfigurator configurator) {
        return configurator
                .addSchemaMapping("RunCompleted_event_type", "String")
                .addSchemaMapping("RunFailed_event_type", "String");
    }

    private Report spring(String folder, String note, Settings settings) {
        Report.Subject subject = new Report.Subject("openapi-generator spring", VERSION, INPUT, note);
        Path target = generated.resolve(folder);
        try {
            generate(settings.on(models(root.resolve(INPUT), target, PACKAGE)
                    .addInlineSchemaOption("RESOLVE_INLINE_ENUMS", "true")
                    .addAdditionalProperty("useSealed", "true")));
            GeneratedCode code = GeneratedCode.compile(target);
            if (!code.runs()) {
                return new Report.Generator(subject, null, code.compiles(), null, null);
            }
            Class<?> union = code.type(PACKAGE + ".RunEvent");
            Report.Answer narrows =
                    union.isSealed() ? Report.Answer.YES : Report.Answer.no("RunEvent is not a sealed interface");
            return new Report.Generator(subject, null, code.compiles(), narrows, GeneratedCode.decoded(conforming,
                    payload -> Json.MAPPER.writeValueAsString(Json.MAPPER.readValue(payload, union))));
        } catch (Exception e) {
            return Report.Generator.failure(subject, Report.reason(e));
        }
    }

    /** The client has a mapper of its own, of Jackson 2. */
    private Report client() {
        Report.Subject subject = new Report.Subject("openapi-generator java", VERSION, INPUT,
                "library native; the value of RunEvent is an Object, which instanceof tells apart");
        Path target = generated.resolve("client");
        try {
            generate(client(root.resolve(INPUT), target, PACKAGE));
            GeneratedCode code = GeneratedCode.compile(target);
            if (!code.runs()) {
                return new Report.Generator(subject, null, code.compiles(), null, null);
            }
            Class<?> union = code.type(PACKAGE + ".RunEvent");
            ObjectMapper mapper = (ObjectMapper)
                    code.type(PACKAGE + ".ApiClient").getMethod("createDefaultObjectMapper").invoke(null);
            mapper.getFactory().setStreamReadConstraints(
                    StreamReadConstraints.builder().maxNameLength(1 << 20).build()); // as Json has it
            return new Report.Generator(subject, null, code.compiles(), narrows(mapper, union),
                    GeneratedCode.decoded(conforming,
                            payload -> mapper.writeValueAsString(mapper.readValue(payload, union))));
        } catch (Exception e) {
            return Report.Generator.failure(subject, Report.reason(e));
        }
    }

    private Report.Answer narrows(ObjectMapper mapper, Class<?> union) throws Exception {
        for (Map.Entry<String, String> event :
                Map.of("page.run-completed", "RunCompleted", "page.run-failed", "RunFailed").entrySet()) {
            Object read = mapper.readValue(conforming.get(event.getKey()), union);
            String type = union.getMethod("getActualInstance").invoke(read).getClass().getSimpleName();
            if (!type.equals(event.getValue())) {
                return Report.Answer.no(event.getKey() + " is read as " + type);
            }
        }
        return Report.Answer.YES;
    }

    /** A client for java.net.http. */
    static CodegenConfigurator client(Path spec, Path target, String codePackage) {
        return new CodegenConfigurator()
                .setInputSpec(spec.toString())
                .setOutputDir(target.toString())
                .setGeneratorName("java")
                .setLibrary("native")
                .setModelPackage(codePackage)
                .setApiPackage(codePackage)
                .setInvokerPackage(codePackage)
                .addGlobalProperty("models", "")
                .addGlobalProperty("apis", "")
                .addGlobalProperty("supportingFiles", "")
                .addGlobalProperty("modelTests", "false")
                .addGlobalProperty("apiTests", "false")
                .addAdditionalProperty("useJakartaEe", "true")
                .addAdditionalProperty("openApiNullable", "false")
                .addAdditionalProperty("hideGenerationTimestamp", "true");
    }

    /** Nothing but the models, as for the receiver. */
    static CodegenConfigurator models(Path spec, Path target, String modelPackage) {
        return new CodegenConfigurator()
                .setInputSpec(spec.toString())
                .setOutputDir(target.toString())
                .setGeneratorName("spring")
                .setModelPackage(modelPackage)
                .addGlobalProperty("models", "")
                .addGlobalProperty("modelDocs", "false")
                .addGlobalProperty("modelTests", "false")
                .addAdditionalProperty("useSpringBoot4", "true")
                .addAdditionalProperty("useJackson3", "true")
                .addAdditionalProperty("useJspecify", "true")
                .addAdditionalProperty("openApiNullable", "false")
                .addAdditionalProperty("documentationProvider", "none")
                .addAdditionalProperty("hideGenerationTimestamp", "true");
    }

    static void generate(CodegenConfigurator configurator) {
        DefaultGenerator generator = new DefaultGenerator();
        generator.setGenerateMetadata(false);
        generator.opts(configurator.toClientOptInput()).generate();
    }
}
