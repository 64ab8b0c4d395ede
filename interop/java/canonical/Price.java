package io.github.runhooks.generated;

/** Compiles if type has these values and no others, a cell is a text, and a time may lack its instant. */
final class Price {
    private Price() {}

    static String of(CanonicalRunEvent event) {
        String price = event.getLists().get(0).getRows().get(0).get("Price");
        CanonicalTime started = event.getRun().getStartedAt();
        return switch (event.getType()) {
            case RUN_COMPLETED -> price;
            case RUN_FAILED -> event.getError().getMessage();
            case TEST -> started == null || started.getInstant() == null ? null : started.getInstant().toString();
        };
    }
}
