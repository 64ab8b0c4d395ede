package pages

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/runhooks/runhooks/gen/service"
)

// What a shell makes of the command is what was meant, whatever is in it.
func TestCurl(t *testing.T) {
	sh, err := exec.LookPath("sh")
	switch {
	case err != nil && os.Getenv("REQUIRE_ALL") == "1":
		t.Fatal(err)
	case err != nil:
		t.Skip("there is no sh")
	}
	const hostile = `'"$(touch x)` + "`touch x`" + `\ ! ; & | > * ? ~ # %s \n {a,b} [1-9]`
	body := `{"a": "it's ` + hostile + "\",\n\t\"b\": \"é 漢\"}"
	d := &deliveryPage{deliveryRow: deliveryRow{ID: "dlv_1", EventID: "evt_1", EndpointURL: "https://example.com/"}}
	for _, c := range []struct {
		name  string
		tries []tryView
		body  string
		want  []string
		file  string
	}{
		{"no attempt yet", nil, body, []string{
			"--globoff", "https://example.com/", "--header", "Content-Type: application/json", "--header", "Webhook-Id: evt_1", "--data-raw", body,
		}, ""},
		{"as the last attempt", []tryView{{Attempt: api.Attempt{Request: api.Request{URL: "https://example.com/" + hostile, Headers: map[string][]string{
			"X-Team": {hostile, ""}, "Webhook-Signature": {"***"}, "Content-Length": {"7"}, "Accept-Encoding": {"gzip"},
		}}}}}, body, []string{
			"--globoff", "https://example.com/" + hostile, "--header", "Webhook-Signature: ***",
			"--header", "X-Team: " + hostile, "--header", "X-Team;", "--data-raw", body,
		}, ""},
		{"too large", nil, `"` + strings.Repeat("x", maxInline) + `"`, []string{
			"--globoff", "https://example.com/", "--header", "Content-Type: application/json", "--header", "Webhook-Id: evt_1", "--data-binary", "@dlv_1.json",
		}, "dlv_1.json"},
		{"a terminal would act on it", nil, "{\"a\": \"\u009b\u202e\"}", []string{
			"--globoff", "https://example.com/", "--header", "Content-Type: application/json", "--header", "Webhook-Id: evt_1", "--data-binary", "@dlv_1.json",
		}, "dlv_1.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d.Tries = c.tries
			command, file := d.curl([]byte(c.body))
			if file != c.file {
				t.Errorf("file %q, want %q", file, c.file)
			}
			run := exec.Command(sh, "-c", `curl() { printf '%s\0' "$@"; }; `+command)
			run.Dir = t.TempDir()
			out, err := run.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s\n%s", err, out, command)
			}
			got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("the shell got (-want +got):\n%s\nof\n%s", diff, command)
			}
		})
	}
}
