import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.concurrent.Executors;

/** Receives events from a server that signs nothing: it knows it by a secret in the URL, or a password. */
public final class Receiver {
    private static final int MAX_BYTES = 64 << 20; // a crawl of 50 pages can have 40 MiB
    private static final String SECRET = System.getenv("EVENTS_SECRET"); // openssl rand -hex 16

    public static void main(String[] arguments) throws IOException {
        if (SECRET == null || SECRET.isEmpty()) {
            throw new IllegalStateException("EVENTS_SECRET is not set");
        }
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "9000"));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/events/", exchange -> {
            try (exchange) {
                exchange.sendResponseHeaders(receive(exchange), -1);
            }
        });
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.start();
        System.out.println("listening on " + server.getAddress().getPort());
    }

    private static int receive(HttpExchange exchange) throws IOException {
        String authorization = exchange.getRequestHeaders().getFirst("Authorization");
        if (!isKnown(exchange.getRequestURI(), authorization == null ? "" : authorization)) {
            return 404; // as if nothing were here
        }
        if (!exchange.getRequestMethod().equals("POST")) {
            return 405;
        }
        byte[] body = exchange.getRequestBody().readNBytes(MAX_BYTES + 1);
        if (body.length > MAX_BYTES) {
            return 413;
        }
        // Parse and validate it here, as above. This is the same in each attempt: make it the
        // unique key of your table, and store the bytes. The URL has the secret in it: don't log it.
        System.out.println("sha256:" + HexFormat.of().formatHex(sha256(body)));
        return 204;
    }

    /** Tells a sender by HTTP Basic, by the path's last segment, or by ?secret=. */
    static boolean isKnown(URI url, String authorization) {
        String password = "";
        if (authorization.regionMatches(true, 0, "Basic ", 0, 6)) {
            try {
                String text = new String(Base64.getDecoder().decode(authorization.substring(6)), StandardCharsets.UTF_8);
                password = text.startsWith("robot:") ? text.substring("robot:".length()) : "";
            } catch (IllegalArgumentException malformed) {
                password = "";
            }
        }
        String asked = "";
        for (String part : (url.getRawQuery() == null ? "" : url.getRawQuery()).split("&")) {
            if (part.startsWith("secret=")) {
                asked = URLDecoder.decode(part.substring("secret=".length()), StandardCharsets.UTF_8);
            }
        }
        String path = url.getPath();
        // All of them, whichever it was.
        return same(password) | same(path.substring(path.lastIndexOf('/') + 1)) | same(asked);
    }

    /** Compares in a time that tells nothing of the secret, nor of its length. */
    private static boolean same(String given) {
        return MessageDigest.isEqual(
                sha256(given.getBytes(StandardCharsets.UTF_8)), sha256(SECRET.getBytes(StandardCharsets.UTF_8)));
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException impossible) {
            throw new AssertionError(impossible);
        }
    }
}
