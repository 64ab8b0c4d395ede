import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.runhooks.CanonicalRunEvent;
import io.github.runhooks.CheckOptions;
import io.github.runhooks.ParseOptions;
import io.github.runhooks.Parsed;
import io.github.runhooks.Runhooks;
import io.github.runhooks.Verdict;
import io.github.runhooks.VerificationException;
import io.github.runhooks.Verified;
import io.github.runhooks.VerifyOptions;
import java.lang.management.ManagementFactory;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

/** Of the package as it is installed from its jar. VECTORS is the folder of vectors. */
class PackageTest {
    private static final byte[] KEY = new byte[32];
    private static final String SECRET = "whsec_" + Base64.getEncoder().encodeToString(KEY);
    private final byte[] payload = Files.readAllBytes(Path.of(System.getenv("VECTORS"), "deviates/dialect.local-time.json"));
    private final String text = new String(payload, StandardCharsets.UTF_8);

    PackageTest() throws Exception {}

    @Test
    void bytesAndTextAreTheSame() {
        assertEquals(Runhooks.check(payload), Runhooks.check(text));
        assertEquals(Runhooks.parse(payload), Runhooks.parse(text));
        assertEquals("json.syntax", Runhooks.check("").findings().get(0).code());
        assertEquals("é\ufffd", Runhooks.check("{\"event_type\":\"é\ud800\"}").eventType());
        assertNull(Runhooks.parse("{}").event());
        assertEquals(Verdict.INVALID, Runhooks.parse("{}").verdict());
    }

    @Test
    void options() {
        assertFalse(Runhooks.check(payload).passes());
        assertTrue(Runhooks.check(payload, new CheckOptions().againstObserved()).passes());
        assertTrue(Runhooks.check(text, new CheckOptions().asReceiver()).passes());
        assertNull(Runhooks.parse(payload).event().getRun().getStartedAt().getInstant());
        CanonicalRunEvent event = Runhooks.parse(payload, new ParseOptions()
                        .zone(ZoneId.of("Europe/Berlin")).locale(Locale.US).layouts("2.1.2006").provenance())
                .event();
        assertNotNull(event.getRun().getStartedAt().getInstant());
        assertTrue(event.getProvenance().containsKey("/run/id"), () -> event.getProvenance().toString());
        assertNull(Runhooks.parse(text, new ParseOptions()).event().getProvenance());
        Exception wrong = assertThrows(IllegalArgumentException.class,
                () -> Runhooks.parse(payload, new ParseOptions().zone(ZoneId.of("+02:00"))));
        assertTrue(wrong.getMessage().contains("Europe/Berlin"), wrong.getMessage());
    }

    @Test
    void whatIsGenuine() throws Exception {
        Instant at = Instant.ofEpochSecond(1_767_225_600);
        VerifyOptions then = new VerifyOptions().now(at.plusSeconds(299));
        Map<String, String> headers = sign(text, at);
        assertEquals(new Verified("evt_1", at), Runhooks.verify(headers, payload, List.of(SECRET), then));
        Map<String, List<String>> lists = Map.of(
                "Webhook-ID", List.of("evt_1"),
                "WEBHOOK-TIMESTAMP", List.of(headers.get("webhook-timestamp")),
                "Webhook-Signature", List.of(headers.get("webhook-signature")),
                "Cookie", List.of());
        assertEquals(new Verified("evt_1", at), Runhooks.verify(lists, payload, List.of("whsec_" + "AAAA".repeat(8), SECRET), then));
        assertEquals("evt_1", Runhooks.verify(sign(text, Instant.now()), text, SECRET).id());

        refuses("mismatch", headers, text + " ", then);
        refuses("too-old", headers, text, new VerifyOptions());
        refuses("too-new", headers, text, new VerifyOptions().now(at.minusSeconds(61)).tolerance(Duration.ofMinutes(1)));
        refuses("header-missing", Map.of(), text, then);
        for (List<String> secrets : List.of(List.<String>of(), List.of("hunter2"))) {
            Exception e = assertThrows(IllegalArgumentException.class, () -> Runhooks.verify(headers, payload, secrets, then));
            assertFalse(e.getMessage().contains("hunter2"), e.getMessage());
        }
    }

    private static void refuses(String reason, Map<String, String> headers, String body, VerifyOptions options) {
        VerificationException e = assertThrows(VerificationException.class,
                () -> Runhooks.verify(headers, body.getBytes(StandardCharsets.UTF_8), List.of(SECRET), options));
        assertEquals(reason, e.reason());
    }

    @Test
    void manyThreadsAtOnce() throws Exception {
        List<byte[]> payloads = new ArrayList<>();
        List<Parsed> want = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            payloads.add(text.replace("Robot", "Robot " + "x".repeat(i * i)).getBytes(StandardCharsets.UTF_8));
            want.add(Runhooks.parse(payloads.get(i)));
        }
        ExecutorService threads = Executors.newFixedThreadPool(16);
        List<Future<Integer>> all = new ArrayList<>();
        for (int thread = 0; thread < 16; thread++) {
            int own = thread;
            all.add(threads.submit(() -> {
                for (int i = 0; i < 50; i++) {
                    assertEquals(want.get((own + i) % 16), Runhooks.parse(payloads.get((own + i) % 16)));
                }
                return own;
            }));
        }
        for (int thread = 0; thread < 16; thread++) {
            assertEquals(thread, all.get(thread).get());
        }
        threads.shutdown();
    }

    @Test
    void aSmallStackDoes() throws Exception {
        String deep = "[".repeat(990) + "]".repeat(990);
        FutureTask<Verdict> call = new FutureTask<>(() -> Runhooks.check("{\"a\":" + deep + "}").verdict());
        new Thread(null, call, "small", 200 << 10).start();
        assertEquals(Verdict.INVALID, call.get());
    }

    @Test
    void anInterruptedCallHarmsNoOther() {
        Parsed want = Runhooks.parse(payload);
        Thread.currentThread().interrupt();
        assertThrows(RuntimeException.class, () -> Runhooks.parse(payload));
        Thread.interrupted();
        assertEquals(want, Runhooks.parse(payload));
    }

    @Test
    void memoryStaysBounded() {
        Runhooks.check(payload);
        long before = heap();
        refuses("header-missing", Map.of(), "x".repeat(128 << 20), new VerifyOptions());
        long after = heap();
        assertTrue(after - before < 64 << 20, () -> before + " bytes were in use, and now " + after);
    }

    private static long heap() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    /** The README's example, as it stands. */
    @Test
    void receiver() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        ProcessBuilder program = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-cp", System.getProperty("java.class.path"), "Receiver");
        program.environment().putAll(Map.of("PORT", "" + port, "RUNHOOKS_SECRET", SECRET));
        Process receiver = program.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try {
            String event = Files.readString(Path.of(System.getenv("VECTORS"), "conforms/page.run-completed.json"));
            assertEquals(204, post(port, event, sign(event, Instant.now())));
            assertEquals(401, post(port, event + " ", sign(event, Instant.now())));
            assertEquals(422, post(port, "{}", sign("{}", Instant.now())));
            assertTrue(receiver.inputReader().readLine().startsWith("evt_1 "));
        } finally {
            receiver.destroy();
        }
    }

    private static int post(int port, String body, Map<String, String> headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port)).POST(HttpRequest.BodyPublishers.ofString(body));
        headers.forEach(request::header);
        Instant patience = Instant.now().plusSeconds(60);
        while (true) {
            try {
                return HttpClient.newHttpClient().send(request.build(), BodyHandlers.discarding()).statusCode();
            } catch (ConnectException e) { // it is still starting
                if (Instant.now().isAfter(patience)) {
                    throw e;
                }
                Thread.onSpinWait();
            }
        }
    }

    private static Map<String, String> sign(String body, Instant at) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(KEY, "HmacSHA256"));
        String content = "evt_1." + at.getEpochSecond() + "." + body;
        String signature = Base64.getEncoder().encodeToString(mac.doFinal(content.getBytes(StandardCharsets.UTF_8)));
        return Map.of(
                "webhook-id", "evt_1",
                "webhook-timestamp", "" + at.getEpochSecond(),
                "webhook-signature", "v1," + signature);
    }
}
