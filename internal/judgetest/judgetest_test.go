package judgetest_test

import (
	"fmt"
	"testing"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

func TestMaxDepth(t *testing.T) {
	if judgetest.MaxDepth != conformance.MaxDepth {
		t.Errorf("depth %d, where the checker allows %d", judgetest.MaxDepth, conformance.MaxDepth)
	}
}

// TestVectors: the second opinion is that of the vectors.
func TestVectors(t *testing.T) {
	for _, v := range vectors.All() {
		o := judgetest.Judge(v.Payload)
		if o.Unknown {
			continue
		}
		if o.Documented != (v.Verdict == "conforms") || o.Observed != (v.Verdict != "invalid") {
			t.Errorf("%s: %+v, want that it %s", v.Name, o, v.Verdict)
		}
		if o.Documented && !o.Observed {
			t.Errorf("%s: documented accepts it, observed does not", v.Name)
		}
	}
}

func ExampleJudge() {
	fmt.Printf("%+v\n", judgetest.Judge([]byte(`{"event_type":"run_failed","event_type":"run_failed"}`)))
	// Output: {Strict:false Documented:false Observed:false Unknown:false}
}

func ExampleStrict() {
	fmt.Println(judgetest.Strict([]byte(`[1]`)), judgetest.Strict([]byte(`[1,]`)))
	// Output: true false
}
