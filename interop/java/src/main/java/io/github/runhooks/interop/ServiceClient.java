package io.github.runhooks.interop;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.type.TypeReference;

/** openapi-generator's client of the delivery service, and what it sees of one. */
public final class ServiceClient {
    /** The program in clients: it has the conversation of package matrix by the generated client. */
    public interface Conversation {
        /** @param saw gets what is seen, by step */
        void with(Service service, Map<String, String> saw) throws Exception;
    }

    /**
     * A service.
     *
     * @param sink where to deliver to
     * @param data that of an event of the robot
     */
    public record Service(String url, String token, String sink, String robot, Map<String, Object> data) {}

    private static final String INPUT = "openapi/dist/service.yaml";
    private static final String PACKAGE = "io.github.runhooks.service";

    private ServiceClient() {}

    static Report report(Path root, Path generated, byte[] event) {
        Report.Subject subject = new Report.Subject(
                "openapi-generator java", OpenApiGenerator.VERSION, INPUT, "library native, with useJackson3");
        Path target = generated.resolve("service");
        try {
            OpenApiGenerator.generate(OpenApiGenerator.client(root.resolve(INPUT), target, PACKAGE)
                    .addAdditionalProperty("useJackson3", "true"));
            GeneratedCode code = GeneratedCode.compile(target);
            Map<String, String> calls =
                    code.runs() ? calls(code.compileWith(root.resolve("interop/java/clients")), event) : null;
            return new Report.Client(subject, null, code.compiles(), calls);
        } catch (Exception e) {
            return new Report.Client(subject, Report.reason(e), null, null);
        }
    }

    /** What the program sees, as far as it gets. */
    private static Map<String, String> calls(GeneratedCode program, byte[] event) {
        Map<String, String> environment = System.getenv();
        if (!environment.containsKey("SERVICE_URL")) {
            return null;
        }
        if (!program.runs()) {
            return Map.of("error", program.compiles().note());
        }
        String robot = "java openapi-generator";
        Map<String, Object> data = new HashMap<>(Json.MAPPER.convertValue(
                Json.MAPPER.readTree(event).get("data"), new TypeReference<Map<String, Object>>() {}));
        data.put("robot_id", robot);
        Map<String, String> saw = new TreeMap<>();
        try {
            Conversation conversation = (Conversation)
                    program.type(PACKAGE + ".ServiceConversation").getDeclaredConstructor().newInstance();
            conversation.with(new Service(environment.get("SERVICE_URL"), environment.get("SERVICE_TOKEN"),
                    environment.get("SERVICE_SINK"), robot, data), saw);
        } catch (Exception e) {
            saw.put("error", Report.reason(e));
        }
        return saw;
    }
}
