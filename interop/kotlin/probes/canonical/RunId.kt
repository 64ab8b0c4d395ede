package io.github.runhooks.generated

import io.github.runhooks.generated.models.CanonicalRunEvent
import java.time.OffsetDateTime

/** Compiles if these are all types that there are, a cell is a text or null, and an instant may be absent. */
class RunId : (CanonicalRunEvent) -> String {
    override fun invoke(event: CanonicalRunEvent): String = when (event.type) {
        CanonicalRunEvent.Type.run_completed, CanonicalRunEvent.Type.run_failed, CanonicalRunEvent.Type.test -> event.run.id
    }

    // The compiler warns of ?. and ?: where nothing is nullable.
    fun price(event: CanonicalRunEvent): String = event.lists.first().rows.first().getValue("Price") ?: "none"

    fun started(event: CanonicalRunEvent): OffsetDateTime = event.run.startedAt?.instant ?: OffsetDateTime.MIN
}
