// Package receivertest helps to test what is plugged into a receiver.
//
// For handlers it has requests, for a receiver to serve: [Signed],
// and those that a receiver has to refuse, [Unsigned], [Tampered] and [Old]; and
// payloads in the shapes that real servers send ([Shape]). The example shows a
// whole test. Payloads of your own can be built by
// [github.com/runhooks/runhooks/pkg/event.NewRunCompleted].
//
// For a [receiver.Deduplicator] of your own it has a test suite,
// [TestDeduplicator].
package receivertest
