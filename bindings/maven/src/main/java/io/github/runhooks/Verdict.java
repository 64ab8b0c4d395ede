package io.github.runhooks;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What a payload is, by the contract. */
public enum Verdict {
    /** It is as documented. */
    @JsonProperty("conforms")
    CONFORMS,
    /** It differs from what is documented in ways that servers are known to. */
    @JsonProperty("deviates")
    DEVIATES,
    /** It is no event that is known. */
    @JsonProperty("invalid")
    INVALID
}
