package io.github.runhooks.interop;

import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** networknt json-schema-validator, with formats asserted. */
final class Validators {
    private static final Map<String, SpecificationVersion> DRAFTS = new TreeMap<>(Map.of(
            "2020-12", SpecificationVersion.DRAFT_2020_12,
            "draft-07", SpecificationVersion.DRAFT_7));

    private Validators() {}

    static List<Report> reports(Path root, SortedMap<String, byte[]> payloads) throws IOException {
        List<Report> reports = new ArrayList<>();
        for (Map.Entry<String, SpecificationVersion> draft : DRAFTS.entrySet()) {
            for (String name : List.of("run-event.json", "observed-run-event.json")) {
                String input = "openapi/dist/json-schema-" + draft.getKey() + "/" + name;
                Schema schema = schema(root.resolve(input), draft.getValue());
                Map<String, String> verdicts = new TreeMap<>();
                payloads.forEach((vector, payload) -> verdicts.put(vector, verdict(schema, payload)));
                reports.add(new Report.Validator(
                        new Report.Subject("networknt json-schema-validator", Report.versionOf(Schema.class), input,
                                "with formats; Jackson reads numbers as BigInteger and BigDecimal, in the schema, too"),
                        verdicts));
            }
        }
        return reports;
    }

    private static String verdict(Schema schema, byte[] payload) {
        try {
            return schema.validate(Json.MAPPER.readTree(payload)).isEmpty() ? "valid" : "invalid";
        } catch (RuntimeException | StackOverflowError e) {
            return Report.reason(e);
        }
    }

    private static Schema schema(Path file, SpecificationVersion version) throws IOException {
        SchemaRegistryConfig config = SchemaRegistryConfig.builder().formatAssertionsEnabled(true).build();
        SchemaRegistry registry =
                SchemaRegistry.withDefaultDialect(version, builder -> builder.schemaRegistryConfig(config));
        try (InputStream in = Files.newInputStream(file)) {
            return registry.getSchema(Json.MAPPER.readTree(in));
        }
    }
}
