package io.github.runhooks;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How {@link Runhooks#check} checks. */
public final class CheckOptions {
    @JsonProperty
    private String as;

    @JsonProperty
    private String against;

    @JsonProperty
    private boolean each;

    /** Is for those who can't change what is sent: hints say where the data is, and what deviates passes. */
    public CheckOptions asReceiver() {
        as = "receiver";
        return this;
    }

    /** Also passes what deviates. */
    public CheckOptions againstObserved() {
        against = "observed";
        return this;
    }

    /** Lists each finding, rather than those of one column as one. */
    public CheckOptions each() {
        each = true;
        return this;
    }
}
