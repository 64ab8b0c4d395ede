import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamWriteConstraints;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import io.github.runhooks.CanonicalRunEvent;
import io.github.runhooks.CheckOptions;
import io.github.runhooks.Checked;
import io.github.runhooks.Finding;
import io.github.runhooks.Runhooks;
import io.github.runhooks.Verdict;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.List;

/** Prints what the package says of each vector, a line of JSON each. The argument is vectors/. */
public class Vectors {
    public static void main(String[] args) throws IOException {
        JsonMapper json = writer();
        for (String folder : List.of("conforms", "deviates", "invalid")) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of(args[0], folder), "*.expect.json")) {
                for (Path file : files) {
                    String name = file.getFileName().toString().replace(".expect.json", "");
                    byte[] payload = Files.readAllBytes(file.resolveSibling(name + ".json"));
                    Checked checked = Runhooks.check(payload, new CheckOptions().each()); // as vectors list findings
                    List<String> codes = checked.findings().stream().map(Finding::code).toList();
                    CanonicalRunEvent event = Runhooks.parse(payload).event();
                    System.out.println(json.writeValueAsString(new Line(name, checked.verdict(), codes, event)));
                }
            }
        }
    }

    record Line(String vector, Verdict verdict, List<String> codes, CanonicalRunEvent event) {}

    /** Writes an instant with the digits that it has, as canonical events do, and of any depth. */
    static JsonMapper writer() {
        DateTimeFormatter format = new DateTimeFormatterBuilder().appendInstant(-1).toFormatter();
        SimpleModule instants = new SimpleModule().addSerializer(Instant.class, new JsonSerializer<>() {
            @Override
            public void serialize(Instant value, JsonGenerator out, SerializerProvider all) throws IOException {
                out.writeString(format.format(value));
            }
        });
        JsonFactory deep = JsonFactory.builder()
                .streamWriteConstraints(StreamWriteConstraints.builder().maxNestingDepth(2000).build())
                .build();
        return JsonMapper.builder(deep)
                .addModule(instants)
                .defaultPropertyInclusion(JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, null))
                .build();
    }
}
