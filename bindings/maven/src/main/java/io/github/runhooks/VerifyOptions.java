package io.github.runhooks;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How {@link Runhooks#verify} verifies. */
public final class VerifyOptions {
    private final Map<String, Object> options = new LinkedHashMap<>();

    /** Sets how far a timestamp may lie in the past or in the future; otherwise five minutes. */
    public VerifyOptions tolerance(Duration tolerance) {
        options.put("tolerance_seconds", tolerance.toMillis() / 1000.0);
        return this;
    }

    /** Sets the time, for requests that were recorded; otherwise it is now. */
    public VerifyOptions now(Instant now) {
        options.put("now", now.toEpochMilli() / 1000.0);
        return this;
    }

    Map<String, Object> with(Map<String, Object> headers, List<String> secrets) {
        Map<String, Object> all = new LinkedHashMap<>(options);
        all.put("headers", headers);
        all.put("secrets", secrets);
        return all;
    }
}
