package io.github.runhooks;

/** A request is not genuine. The message may be told to its sender. */
public final class VerificationException extends Exception {
    private static final long serialVersionUID = 1;
    private final String reason;

    VerificationException(String reason, String message) {
        super(message);
        this.reason = reason;
    }

    /** Returns "header-missing", "header-malformed", "too-old", "too-new" or "mismatch". */
    public String reason() {
        return reason;
    }
}
