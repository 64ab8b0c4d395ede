package io.github.runhooks.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/** A payload of vectors/, and whether the documented contract accepts it. */
record Vector(String name, byte[] payload, boolean conforms, boolean isStrictJson) {
    private static final String EXPECTATION = ".expect.json";

    static List<Vector> all(Path folder) throws IOException {
        List<Vector> vectors = new ArrayList<>();
        List<Path> expectations;
        try (Stream<Path> files = Files.walk(folder, 2)) {
            expectations = files.filter(file -> file.toString().endsWith(EXPECTATION)).sorted().toList();
        }
        for (Path file : expectations) {
            String name = file.getFileName().toString().replace(EXPECTATION, "");
            JsonNode want = Json.MAPPER.readTree(Files.readAllBytes(file));
            boolean strict = true;
            for (JsonNode finding : want.path("findings")) {
                strict &= !finding.path("code").asString().startsWith("json.");
            }
            vectors.add(new Vector(name, Files.readAllBytes(file.resolveSibling(name + ".json")),
                    want.path("verdict").asString().equals("conforms"), strict));
        }
        return vectors;
    }
}
