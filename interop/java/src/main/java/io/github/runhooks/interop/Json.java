package io.github.runhooks.interop;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.StreamWriteConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.cfg.DateTimeFeature;
import tools.jackson.databind.json.JsonMapper;

/** JSON, as strictly and as exactly as Jackson reads and writes it. */
final class Json {
    /** The contract lets JSON nest 1,000 levels deep, and sets no limit to a name: Jackson stops at 500, and at 50,000. */
    static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(1000)
                            .maxNameLength(1 << 20)
                            .build())
                    .streamWriteConstraints(StreamWriteConstraints.builder().maxNestingDepth(1000).build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(DateTimeFeature.ADJUST_DATES_TO_CONTEXT_TIME_ZONE)
            .changeDefaultPropertyInclusion(inclusion -> inclusion.withValueInclusion(JsonInclude.Include.NON_NULL))
            .build();

    private Json() {}

    /** The pointer to the first place where the two differ, with both values, or "" if they are equal as JSON. */
    static String difference(JsonNode want, JsonNode got, String pointer) {
        if (want.isNumber() && got.isNumber() && want.decimalValue().compareTo(got.decimalValue()) == 0) {
            return "";
        }
        if (want.isObject() && got.isObject()) {
            Set<String> names = new TreeSet<>(want.propertyNames());
            names.addAll(got.propertyNames());
            for (String name : names) {
                String place = pointer + "/" + name;
                if (!got.has(name)) {
                    return place + " is lost";
                }
                if (!want.has(name)) {
                    return place + " is added";
                }
                String difference = difference(want.get(name), got.get(name), place);
                if (!difference.isEmpty()) {
                    return difference;
                }
            }
            return "";
        }
        if (want.isArray() && got.isArray() && want.size() == got.size()) {
            for (int i = 0; i < want.size(); i++) {
                String difference = difference(want.get(i), got.get(i), pointer + "/" + i);
                if (!difference.isEmpty()) {
                    return difference;
                }
            }
            return "";
        }
        return want.equals(got) ? "" : pointer + ": " + want + " becomes " + got;
    }
}
