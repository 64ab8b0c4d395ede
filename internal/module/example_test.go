package module_test

import (
	"fmt"

	"github.com/runhooks/runhooks/internal/module"
)

func ExampleCheck() {
	fmt.Printf("%s\n", module.Check(nil, []byte(`{"event_type":"run_started"}`)))
	fmt.Printf("%s\n", module.Check([]byte(`{"as":"everybody"}`), nil))
	// Output:
	// {"passes":false,"verdict":"invalid","event_type":"run_started","findings":[{"code":"event.type-unknown","severity":"error","pointer":"/event_type","line":1,"column":15,"offset":14,"message":"event_type is the string \"run_started\", which is not an event of the contract","hint":"send \"run_completed\" or \"run_failed\"","decides":true}]}
	// {"error":"the option as is \"everybody\"; it is sender or receiver"}
}

func ExampleVerify() {
	fmt.Printf("%s\n", module.Verify([]byte(`{"headers":{},"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}`), []byte(`{}`)))
	// Output:
	// {"verified":false,"reason":"header-missing","message":"signature: missing header: Webhook-Id"}
}
