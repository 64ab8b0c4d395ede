package io.github.runhooks.generated

import io.github.runhooks.generated.models.RunEvent

/** Compiles if these are all events that there are. */
class RunId : (RunEvent) -> String {
    override fun invoke(event: RunEvent): String = when (event) {
        is RunEvent.RunCompletedWrapper -> event.value.data.runId
        is RunEvent.RunFailedWrapper -> event.value.data.runId
    }
}
