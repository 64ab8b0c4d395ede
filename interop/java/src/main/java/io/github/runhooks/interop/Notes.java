package io.github.runhooks.interop;

import java.util.Collection;
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

    /** One example of each group, with the group's size; the largest come first. */
    static String groups(Collection<List<String>> groups) {
        return examples(groups.stream()
                .sorted((a, b) -> b.size() - a.size())
                .map(all -> all.size() + "×, such as " + shorten(all.get(0)))
                .toList());
    }

    private static String shorten(String text) {
        return text.length() <= LENGTH ? text : text.substring(0, LENGTH) + "…";
    }
}
