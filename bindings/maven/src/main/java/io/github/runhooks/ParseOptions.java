package io.github.runhooks;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.ZoneId;
import java.util.List;
import java.util.Locale;

/** How {@link Runhooks#parse} reads the local times that servers write, which are no instants otherwise. */
public final class ParseOptions {
    @JsonProperty
    private String zone;

    @JsonProperty
    private String locale;

    @JsonProperty
    private List<String> layouts;

    @JsonProperty
    private Boolean provenance;

    /** Sets the time zone of the server. */
    public ParseOptions zone(ZoneId zone) {
        this.zone = zone.getId();
        return this;
    }

    /** Sets the locale of the server. */
    public ParseOptions locale(Locale locale) {
        this.locale = locale.toLanguageTag();
        return this;
    }

    /** Sets layouts of times, as Go's package time has them, that are tried first. */
    public ParseOptions layouts(String... layouts) {
        this.layouts = List.of(layouts);
        return this;
    }

    /** Has the event say where each value came from. */
    public ParseOptions provenance() {
        provenance = true;
        return this;
    }
}
