package io.github.runhooks.interop;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarFile;
import tools.jackson.databind.JsonNode;

/** The receiver of docs/languages/java.md, and {@code runhooks trigger} at it. */
final class Receiver {
    private static final String SECRET = "whsec_cnVuaG9va3MtaW50ZXJvcC1zZWNyZXQtMQ==";
    private static final String OTHER_SECRET = "whsec_cnVuaG9va3MtaW50ZXJvcC1zZWNyZXQtMg==";

    private final Row.Subject subject;
    private final String runhooks;

    private Receiver(Row.Subject subject, String runhooks) {
        this.subject = subject;
        this.runhooks = runhooks;
    }

    static List<Row> rows(String jar, String runhooks, Path log) throws IOException, InterruptedException {
        Row.Subject subject = new Row.Subject("Spring Boot", springBootOf(jar), "receiver", "interop/java/receiver");
        int port = freePort();
        ProcessBuilder builder = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-jar", jar,
                "--server.address=127.0.0.1", "--server.port=" + port);
        builder.environment().put("RUNHOOKS_SECRET", SECRET);
        builder.redirectErrorStream(true).redirectOutput(log.toFile());
        Process process = builder.start();
        try {
            awaitPort(port, process, log);
            return new Receiver(subject, runhooks).rows("http://127.0.0.1:" + port + "/events");
        } finally {
            process.destroy();
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        }
    }

    private List<Row> rows(String url) throws IOException, InterruptedException {
        HttpServer proxy = proxy(url);
        proxy.start();
        String proxied = "http://127.0.0.1:" + proxy.getAddress().getPort();
        try {
            return List.of(
                    row("signed", List.of(204, 204, 204),
                            trigger(SECRET, "run_completed", "--to", url),
                            trigger(SECRET, "run_failed", "--to", url),
                            trigger(SECRET, "run_completed", "--to", proxied + "/same")),
                    row("tampered", List.of(401, 401, 401),
                            trigger(OTHER_SECRET, "run_completed", "--to", url),
                            trigger(SECRET, "run_completed", "--to", proxied + "/tampered"),
                            trigger(SECRET, "run_failed", "--to", proxied + "/tampered")),
                    row("deviating", List.of(204, 204),
                            trigger(SECRET, "run_completed", "--as", "maxun", "--to", url),
                            trigger(SECRET, "run_failed", "--as", "maxun", "--to", url)));
        } finally {
            proxy.stop(0);
        }
    }

    private Row row(String check, List<Integer> want, int... got) {
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < got.length; i++) {
            if (want.get(i) != got[i]) {
                wrong.add("answered " + got[i] + ", not " + want.get(i));
            }
        }
        return subject.result(check, got.length - wrong.size(), got.length, Notes.examples(wrong));
    }

    /** Makes one attempt, and returns the status of the answer. */
    private int trigger(String secret, String... args) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(runhooks, "trigger", "--format", "json"));
        command.addAll(Arrays.asList(args));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("RUNHOOKS_SECRET", secret);
        Process process = builder.start();
        JsonNode attempt = Json.MAPPER.readTree(process.getInputStream().readAllBytes());
        process.waitFor();
        return attempt.path("status").asInt();
    }

    /** Passes requests on; those to /tampered with one letter of the body changed. */
    private static HttpServer proxy(String url) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        HttpClient client = HttpClient.newHttpClient();
        server.createContext("/", exchange -> {
            try (exchange) {
                String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
                if (exchange.getRequestURI().getPath().equals("/tampered")) {
                    body = body.replaceFirst("Robot", "Rob0t");
                }
                HttpResponse<Void> answer =
                        client.send(copy(exchange, url, body), HttpResponse.BodyHandlers.discarding());
                exchange.sendResponseHeaders(answer.statusCode(), -1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        return server;
    }

    private static HttpRequest copy(HttpExchange exchange, String url, String body) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(url)).POST(HttpRequest.BodyPublishers.ofString(body));
        exchange.getRequestHeaders().forEach((name, values) -> {
            if (name.startsWith("Webhook-") || name.equals("Content-type")) {
                values.forEach(value -> request.header(name, value));
            }
        });
        return request.build();
    }

    private static String springBootOf(String jar) throws IOException {
        try (JarFile file = new JarFile(jar)) {
            return file.getManifest().getMainAttributes().getValue("Spring-Boot-Version");
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static void awaitPort(int port, Process process, Path log) throws IOException, InterruptedException {
        for (int i = 0; i < 600 && process.isAlive(); i++) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                return;
            } catch (IOException e) {
                Thread.sleep(100);
            }
        }
        throw new IOException("the receiver does not listen on port " + port + ": see " + log);
    }
}
