package io.github.runhooks.interop;

/** One result: a cell of the matrix. */
record Row(
        String language, String tool, String version, String kind, String input, String check,
        boolean ok, int passed, int of, String note) {

    /** What a row is about; {@code result} makes rows of it. */
    record Subject(String tool, String version, String kind, String input) {
        Row result(String check, int passed, int of, String note) {
            return new Row("Java", tool, version, kind, input, check, passed == of, passed, of, note);
        }

        Row failure(String check, Throwable cause) {
            return result(check, 0, 1, cause.toString().lines().findFirst().orElse(""));
        }
    }

    /** The version of the library that has the class, which stands in the name of its jar. */
    static String versionOf(Class<?> type) {
        return type.getProtectionDomain().getCodeSource().getLocation().getPath()
                .replaceFirst(".*-(\\d[^/]*)\\.jar$", "$1");
    }
}
