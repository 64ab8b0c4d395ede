package io.github.runhooks;

import static com.fasterxml.jackson.databind.DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * The judge, the canonical event and the verifier of Runhooks. A payload is the body of a request as it
 * was received: its bytes, or its text. No payload makes a method throw; of options that make no sense an
 * {@link IllegalArgumentException} says what to do. All methods are thread-safe.
 */
public final class Runhooks {
    private Runhooks() {}

    /** Checks a payload for its sender. */
    public static Checked check(byte[] payload) {
        return check(payload, new CheckOptions());
    }

    /** Checks a payload for its sender. */
    public static Checked check(String payload) {
        return check(bytes(payload));
    }

    /** Checks a payload. */
    public static Checked check(byte[] payload, CheckOptions options) {
        return call("check", options, payload, Checked.class);
    }

    /** Checks a payload. */
    public static Checked check(String payload, CheckOptions options) {
        return check(bytes(payload), options);
    }

    /** Returns the event of a payload in its canonical form, or what is wrong with the payload. */
    public static Parsed parse(byte[] payload) {
        return parse(payload, new ParseOptions());
    }

    /** Returns the event of a payload in its canonical form, or what is wrong with the payload. */
    public static Parsed parse(String payload) {
        return parse(bytes(payload));
    }

    /** Returns the event of a payload in its canonical form, or what is wrong with the payload. */
    public static Parsed parse(byte[] payload, ParseOptions options) {
        return call("parse", options, payload, Parsed.class);
    }

    /** Returns the event of a payload in its canonical form, or what is wrong with the payload. */
    public static Parsed parse(String payload, ParseOptions options) {
        return parse(bytes(payload), options);
    }

    /**
     * Verifies that a request is signed as Standard Webhooks says, with one of the secrets.
     *
     * @param headers the request's: names, in any case, and a text each, or a list of texts
     * @throws VerificationException the request is not genuine
     */
    public static Verified verify(Map<String, ?> headers, byte[] payload, String... secrets)
            throws VerificationException {
        return verify(headers, payload, List.of(secrets), new VerifyOptions());
    }

    /** Verifies a request whose body was received as text; see {@link #verify(Map, byte[], String...)}. */
    public static Verified verify(Map<String, ?> headers, String payload, String... secrets)
            throws VerificationException {
        return verify(headers, bytes(payload), secrets);
    }

    /** Verifies a request; see {@link #verify(Map, byte[], String...)}. */
    public static Verified verify(Map<String, ?> headers, byte[] payload, List<String> secrets, VerifyOptions options)
            throws VerificationException {
        Map<String, Object> signed = new LinkedHashMap<>();
        headers.forEach((name, value) -> {
            if (name != null && name.toLowerCase(Locale.ROOT).startsWith("webhook-")) {
                signed.put(name, Objects.requireNonNullElse(value, List.of()));
            }
        });
        Verification v = call("verify", options.with(signed, secrets), payload, Verification.class);
        if (!v.verified) {
            throw new VerificationException(v.reason, v.message);
        }
        return new Verified(v.id, v.timestamp);
    }

    private record Verification(boolean verified, String id, Instant timestamp, String reason, String message) {}

    private record Failure(String error) {}

    private static <T> T call(String function, Object options, byte[] payload, Class<T> type) {
        try {
            byte[] answer = Module.call(function, JSON.writeValueAsBytes(options), payload);
            if (new String(answer, 0, Math.min(answer.length, 9), StandardCharsets.UTF_8).equals("{\"error\":")) {
                throw new IllegalArgumentException(JSON.readValue(answer, Failure.class).error);
            }
            return JSON.readValue(answer, type);
        } catch (IOException e) { // answers are JSON of these types
            throw new UncheckedIOException(e);
        }
    }

    /** Without bounds of its own: what it reads is the module's, and holds what any payload may. */
    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(Integer.MAX_VALUE)
                            .maxNumberLength(Integer.MAX_VALUE)
                            .maxNameLength(Integer.MAX_VALUE)
                            .maxStringLength(Integer.MAX_VALUE)
                            .build())
                    .build())
            .addModule(new JavaTimeModule())
            .defaultPropertyInclusion(JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, null))
            .enable(USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    /** As UTF-8, with U+FFFD for half a surrogate pair, which UTF-8 can't have. */
    private static byte[] bytes(String payload) {
        CharsetEncoder encoder = StandardCharsets.UTF_8.newEncoder()
                .onMalformedInput(CodingErrorAction.REPLACE)
                .replaceWith(new byte[] {(byte) 0xef, (byte) 0xbf, (byte) 0xbd});
        try {
            ByteBuffer bytes = encoder.encode(CharBuffer.wrap(payload));
            return Arrays.copyOf(bytes.array(), bytes.limit());
        } catch (CharacterCodingException impossible) {
            throw new AssertionError(impossible);
        }
    }
}
