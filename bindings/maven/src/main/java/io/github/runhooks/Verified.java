package io.github.runhooks;

import java.time.Instant;

/**
 * A request that is genuine.
 *
 * @param id that of the event: the same where it is sent again
 * @param timestamp when it was signed
 */
public record Verified(String id, Instant timestamp) {}
