package io.github.runhooks.generated

import io.github.runhooks.generated.models.RunCompleted
import io.github.runhooks.generated.models.RunEvent
import io.github.runhooks.generated.models.RunFailed

/** Compiles if these are all events that there are. */
class RunId : (RunEvent) -> String {
    override fun invoke(event: RunEvent): String = when (event) {
        is RunCompleted -> event.data.runId
        is RunFailed -> event.data.runId
    }
}
