package io.github.runhooks.interop;

import java.util.List;

/** Notes of rows, kept short. */
final class Notes {
    private static final int EXAMPLES = 4;
    private static final int LENGTH = 120;

    private Notes() {}

    static String examples(List<String> all) {
        String note = String.join("; ", all.subList(0, Math.min(EXAMPLES, all.size())));
        if (all.size() > EXAMPLES) {
            note += "; and " + (all.size() - EXAMPLES) + " more";
        }
        return note;
    }

    static String shorten(String text) {
        return text.length() <= LENGTH ? text : text.substring(0, LENGTH) + "…";
    }
}
