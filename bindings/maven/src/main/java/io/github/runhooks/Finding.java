package io.github.runhooks;

/**
 * What there is to say of one place of a payload.
 *
 * @param code stable, such as "dialect.field-case"
 * @param severity "error", "warning" or "info"
 * @param pointer the JSON pointer of the place
 * @param line from 1
 * @param column in bytes, from 1
 * @param offset in bytes, from 0
 * @param hint what to do; null where there is nothing to
 * @param count how many places of one column are meant, or 0 where it is this one
 * @param pattern the pattern of their pointers, or null
 * @param decides whether the payload doesn't pass because of it
 */
public record Finding(
        String code,
        String severity,
        String pointer,
        int line,
        int column,
        int offset,
        String message,
        String hint,
        int count,
        String pattern,
        boolean decides) {}
