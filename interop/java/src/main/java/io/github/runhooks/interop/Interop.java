package io.github.runhooks.interop;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Prints the rows of Java, one JSON object a line. */
final class Interop {
    private Interop() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length != 4) {
            System.err.println("usage: Interop REPOSITORY GENERATED RECEIVER.jar RUNHOOKS");
            System.exit(2);
        }
        Path root = Path.of(args[0]);
        Path generated = Path.of(args[1]);
        // Generators print to standard output, where only rows belong.
        PrintStream out = System.out;
        System.setOut(System.err);

        List<Vector> vectors = Vector.all(root.resolve("vectors"));
        tellWhatTheParserRefuses(vectors);
        List<Row> rows = new ArrayList<>(Validators.rows(root, vectors));
        List<Vector> conforming = vectors.stream().filter(Vector::conforms).toList();
        rows.addAll(OpenApiGenerator.rows(root, generated, conforming));
        rows.addAll(Jsonschema2Pojo.rows(root, generated, conforming));
        rows.addAll(Receiver.rows(args[2], args[3], generated.resolve("receiver.log")));
        for (Row row : rows) {
            out.println(Json.MAPPER.writeValueAsString(row));
        }
        out.flush();
    }

    /** No schema can tell what is no strict JSON: that is the parser's part. */
    private static void tellWhatTheParserRefuses(List<Vector> vectors) {
        List<String> accepted = new ArrayList<>();
        int broken = 0;
        for (Vector vector : vectors) {
            if (vector.isStrictJson()) {
                continue;
            }
            broken++;
            try {
                Json.MAPPER.readTree(vector.payload());
                accepted.add(vector.name());
            } catch (RuntimeException e) {
                // Refused, as it should be.
            }
        }
        System.err.printf("Jackson refuses %d of the %d vectors that are not strict JSON; it accepts %s%n",
                broken - accepted.size(), broken, accepted);
    }
}
