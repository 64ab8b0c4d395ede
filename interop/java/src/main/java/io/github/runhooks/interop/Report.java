package io.github.runhooks.interop;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.Map;
import tools.jackson.core.JacksonException;

/** What one tool makes of one file, in the shape of interop/matrix/report.go. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Report.Validator.class, name = "validator"),
    @JsonSubTypes.Type(value = Report.Generator.class, name = "generator"),
    @JsonSubTypes.Type(value = Report.Receiver.class, name = "receiver"),
    @JsonSubTypes.Type(value = Report.Client.class, name = "client"),
    @JsonSubTypes.Type(value = Report.Rule.class, name = "rule")
})
sealed interface Report {
    record Subject(String tool, String version, String input, String note) {}

    record Validator(@JsonUnwrapped Subject subject, Map<String, String> verdicts) implements Report {}

    record Generator(
            @JsonUnwrapped Subject subject, String error, Answer compiles, Answer narrows, Map<String, Decoded> decoded)
            implements Report {
        static Generator failure(Subject subject, String error) {
            return new Generator(subject, error, null, null, null);
        }
    }

    record Receiver(@JsonUnwrapped Subject subject) implements Report {}

    /** The calls are what it sees of the service, by step; null where there is none to call. */
    record Client(@JsonUnwrapped Subject subject, String error, Answer compiles, Map<String, String> calls)
            implements Report {}

    record Rule(String rule, String tool, String version, Answer breaks, Answer helps) implements Report {}

    /** A no says why. */
    record Answer(boolean ok, String note) {
        static final Answer YES = new Answer(true, null);

        static Answer no(String why) {
            return new Answer(false, why);
        }
    }

    /** A payload encoded again, or why it can't be. */
    record Decoded(String json, String error) {}

    /** The first line of what went wrong, without what differs from run to run. */
    static String reason(Throwable cause) {
        String message = cause instanceof JacksonException json ? json.getOriginalMessage() : cause.getMessage();
        String text = cause.getClass().getSimpleName() + ": " + message;
        String line = text.lines().findFirst().orElse("").replaceAll("@[0-9a-f]{5,8}\\b", "");
        return line.length() < 200 ? line : line.substring(0, 196) + "...";
    }

    /** The version of the library that has the class, which stands in the name of its jar. */
    static String versionOf(Class<?> type) {
        return type.getProtectionDomain().getCodeSource().getLocation().getPath()
                .replaceFirst(".*-(\\d[^/]*)\\.jar$", "$1");
    }
}
