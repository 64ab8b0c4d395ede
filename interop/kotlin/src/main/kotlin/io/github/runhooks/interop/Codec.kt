package io.github.runhooks.interop

/** How the sources in `probes` offer generated types to this program. */
interface Codec<E> {
    fun decode(payload: String): E

    fun encode(event: E): String
}
