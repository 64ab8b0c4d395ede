package io.github.runhooks.interop;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The payloads of vectors/. */
final class Vectors {
    private Vectors() {}

    private static final Pattern PAYLOAD = Pattern.compile("(.*)(?<!\\.expect|\\.canonical)\\.json");
    private static final Pattern CANONICAL = Pattern.compile("(.*)\\.canonical\\.json");

    /** The payloads of some of its folders, by name. */
    static SortedMap<String, byte[]> read(Path root, String... folders) throws IOException {
        return read(root, PAYLOAD, folders);
    }

    /** The canonical form of each vector that has one, by name. */
    static SortedMap<String, byte[]> canonical(Path root) throws IOException {
        return read(root, CANONICAL, "conforms", "deviates");
    }

    private static SortedMap<String, byte[]> read(Path root, Pattern name, String... folders) throws IOException {
        SortedMap<String, byte[]> payloads = new TreeMap<>();
        for (String folder : folders) {
            Path path = root.resolve("vectors").resolve(folder);
            try (DirectoryStream<Path> files = Files.newDirectoryStream(path, "*.json")) {
                for (Path file : files) {
                    Matcher matcher = name.matcher(file.getFileName().toString());
                    if (matcher.matches()) {
                        payloads.put(matcher.group(1), Files.readAllBytes(file));
                    }
                }
            }
        }
        return payloads;
    }
}
