package io.github.runhooks;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * What {@link Runhooks#check} says of a payload.
 *
 * @param eventType as sent, or empty where there is none
 * @param truncated whether there are more findings
 */
public record Checked(
        boolean passes,
        Verdict verdict,
        @JsonProperty("event_type") String eventType,
        List<Finding> findings,
        boolean truncated) {}
