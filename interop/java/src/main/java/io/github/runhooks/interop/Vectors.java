package io.github.runhooks.interop;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;

/** The payloads of vectors/. */
final class Vectors {
    private Vectors() {}

    /** The payloads of some of its folders, by name. */
    static SortedMap<String, byte[]> read(Path root, String... folders) throws IOException {
        SortedMap<String, byte[]> payloads = new TreeMap<>();
        for (String folder : folders) {
            Path path = root.resolve("vectors").resolve(folder);
            try (DirectoryStream<Path> files = Files.newDirectoryStream(path, "*.json")) {
                for (Path file : files) {
                    String name = file.getFileName().toString();
                    if (!name.endsWith(".expect.json")) {
                        payloads.put(name.substring(0, name.length() - ".json".length()), Files.readAllBytes(file));
                    }
                }
            }
        }
        return payloads;
    }
}
