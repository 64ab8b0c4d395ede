package diagnose_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/runhooks/runhooks/internal/diagnose"
	"github.com/runhooks/runhooks/pkg/signature"
)

func ExampleDiagnose() {
	secret := signature.NewSecret()
	header := make(http.Header)
	if err := signature.SetHeaders(header, "evt_1", time.Now(), []byte(`{"a":1}`), secret); err != nil {
		fmt.Println(err)
		return
	}
	saved := diagnose.Request{Header: header, Body: []byte("{\"a\":1}\n")}
	report := diagnose.Diagnose(saved, []string{secret.Text()}, 0, time.Now())
	for _, part := range report.Parts {
		if part.State != diagnose.Agrees {
			fmt.Println(part.Name, part.Text)
		}
	}
	// Output: bytes the signature is over the body without the end of line after it
}
