package io.github.runhooks;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * What {@link Runhooks#parse} returns.
 *
 * @param eventType as sent, or empty where there is none
 * @param truncated whether there are more findings
 * @param event null if, and only if, the verdict is {@link Verdict#INVALID}
 */
public record Parsed(
        Verdict verdict,
        @JsonProperty("event_type") String eventType,
        List<Finding> findings,
        boolean truncated,
        CanonicalRunEvent event) {}
