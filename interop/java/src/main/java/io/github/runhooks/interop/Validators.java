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
import tools.jackson.core.JacksonException;

/** networknt json-schema-validator, with formats asserted. */
final class Validators {
    private Validators() {}

    static List<Row> rows(Path root, List<Vector> vectors) {
        return List.of(
                verdicts(root, "openapi/dist/json-schema-2020-12/run-event.json",
                        SpecificationVersion.DRAFT_2020_12, vectors),
                verdicts(root, "openapi/dist/json-schema-draft-07/run-event.json",
                        SpecificationVersion.DRAFT_7, vectors));
    }

    private static Row verdicts(Path root, String input, SpecificationVersion version, List<Vector> vectors) {
        Row.Subject subject = new Row.Subject(
                "networknt json-schema-validator", Row.versionOf(Schema.class), "validator", input);
        try {
            Schema schema = schema(root.resolve(input), version);
            int judged = 0;
            List<String> wrong = new ArrayList<>();
            for (Vector vector : vectors) {
                if (!vector.isStrictJson()) {
                    continue;
                }
                judged++;
                boolean accepts;
                try {
                    accepts = schema.validate(Json.MAPPER.readTree(vector.payload())).isEmpty();
                } catch (JacksonException e) {
                    wrong.add(vector.name() + " throws " + e.getClass().getSimpleName());
                    continue;
                }
                if (accepts != vector.conforms()) {
                    wrong.add(vector.name() + (accepts ? " is accepted" : " is refused"));
                }
            }
            return subject.result("verdicts", judged - wrong.size(), judged, Notes.examples(wrong));
        } catch (IOException | RuntimeException e) {
            return subject.failure("verdicts", e);
        }
    }

    private static Schema schema(Path file, SpecificationVersion version) throws IOException {
        SchemaRegistryConfig config = SchemaRegistryConfig.builder().formatAssertionsEnabled(true).build();
        SchemaRegistry registry =
                SchemaRegistry.withDefaultDialect(version, builder -> builder.schemaRegistryConfig(config));
        try (InputStream in = Files.newInputStream(file)) {
            return registry.getSchema(in);
        }
    }
}
