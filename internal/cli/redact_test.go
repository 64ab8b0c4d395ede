package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/runhooks/runhooks/internal/racetest"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/vectors"
)

// canary is what must be shown nowhere. It is base64, so that it can stand in a
// secret that is valid.
const canary = "Q0FOQVJZ"

// canaries are the forms in which a secret is given.
var canaries = map[string]string{
	"whsec_":           "whsec_" + canary + canary + canary + canary,
	"whsec_ malformed": "whsec_" + canary,
	"whsk_":            "whsk_" + canary + canary + canary + canary + canary + "Q0E=",
	"user":             "https://" + canary + "@example.invalid/in",
	"password":         "https://user:" + canary + "@example.invalid/in",
	"broken URL":       "https://user:" + canary + "/1@example.invalid/%zz",
	"no scheme":        "user:" + canary + "@example.invalid/in",
	"query":            "https://example.invalid/in?a=1&token=" + canary,
	"bare query":       "https://example.invalid/in?" + canary,
	"fragment":         "https://example.invalid/in#access_token=" + canary,
	"header":           "Authorization: Bearer " + canary,
	"bare fragment":    "https://example.invalid/in#" + canary,
	"escaped":          "user%3A" + canary + "%40example.invalid/in",
	"assignment":       "Authorization=Bearer " + canary,
	"basic":            "Authorization: Basic " + canary + "==",
}

func TestRedactMethod(t *testing.T) {
	a := &arrival{method: "WHSEC_" + canary, path: "/"}
	var b strings.Builder
	new(arrivalView).headline(&b, a)
	for _, shown := range []string{a.toJSON().Method, b.String()} {
		if strings.Contains(shown, canary) || !strings.Contains(shown, redact.Hidden) {
			t.Errorf("shown as %s", shown)
		}
	}
}

// TestNoSecretIsShown gives a secret to every flag of every command and as an
// argument, rightly and wrongly. Each command is stopped as soon as it would wait.
func TestNoSecretIsShown(t *testing.T) {
	t.Chdir(t.TempDir()) // where --out and the like make files
	if err := os.WriteFile("p.json", payloadOf(t, "page.run-failed"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(secretVariable, "")
	stopped, stop := context.WithCancel(t.Context())
	stop()

	ways := map[string][]string{ // with which there is something to do
		"check":     {"p.json"},
		"normalize": {"p.json"},
		"schema":    {"--list"},
		"explain":   {"schema.type"},
		"lint":      {"p.json"},
		"listen":    {"--addr", ":0"},
		"trigger":   {"run_failed", "--to", "http://127.0.0.1:1"},
		"help":      {"check"},
	}
	tried := map[string]bool{} // without a shorthand, or a way, different flags make the same command line
	try := func(t *testing.T, args ...string) {
		t.Helper()
		line := strings.Join(args, "\x00")
		if tried[line] {
			return
		}
		tried[line] = true
		if racetest.On && len(tried)%8 > 0 { // which finds no more races in more of them
			return
		}
		var out, errOut strings.Builder
		Run(stopped, args, strings.NewReader(""), &out, &errOut)
		if strings.Contains(out.String(), canary) {
			t.Errorf("%q on standard output:\n%s", args, out.String())
		}
		if strings.Contains(errOut.String(), canary) {
			t.Errorf("%q on standard error:\n%s", args, errOut.String())
		}
	}
	root := newRoot(streams{strings.NewReader(""), io.Discard, io.Discard})
	root.InitDefaultCompletionCmd()
	// A flag that many commands have meets each secret with a third of them.
	commands := map[string]int{} // that have a flag of that name
	var count func(cmd *cobra.Command)
	count = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { commands[f.Name]++ })
		for _, sub := range cmd.Commands() {
			count(sub)
		}
	}
	count(root)
	walked := 0
	var walk func(cmd *cobra.Command, path ...string)
	walk = func(cmd *cobra.Command, path ...string) {
		walked++
		t.Run(strings.Join(append(path, "command"), " "), func(t *testing.T) {
			with := func(more ...string) []string { return append(path[:len(path):len(path)], more...) }
			way := ways[strings.Join(path, " ")]
			cmd.InitDefaultHelpFlag()
			for i, name := range slices.Sorted(maps.Keys(canaries)) {
				value := canaries[name]
				try(t, with(value)...)
				try(t, with(append(way[:len(way):len(way)], value)...)...)
				try(t, with("--secrte", value)...)
				try(t, with("--secrte="+value)...)
				try(t, with("-"+value)...)
				try(t, with("--"+value)...)
				cmd.Flags().VisitAll(func(f *pflag.Flag) {
					if commands[f.Name] > 5 && (walked+i)%3 > 0 {
						return
					}
					for _, given := range [][]string{{"--" + f.Name, value}, {"--" + f.Name + "=" + value}, {"-" + f.Shorthand + value}, {"--" + f.Name, "x=" + value}} {
						try(t, with(given...)...)
						try(t, with(append(given, way...)...)...)
					}
				})
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub, append(path[:len(path):len(path)], sub.Name())...)
		}
	}
	walk(root)
	if len(tried) < 20_000 {
		t.Errorf("only %d command lines were tried", len(tried))
	}

	for _, value := range canaries {
		clear(tried)
		t.Setenv(secretVariable, value)
		try(t, "listen", "--addr", ":0")
		try(t, "trigger", "run_failed", "--to", "http://127.0.0.1:1")
	}
}

// TestPayloadIsPrintedAsItIs: the only place where a secret that was given is shown
// is a payload that --print asks for. To take it out would be another payload.
func TestPayloadIsPrintedAsItIs(t *testing.T) {
	t.Setenv(secretVariable, "")
	for name, value := range canaries {
		var out strings.Builder
		args := []string{"trigger", "run_failed", "--print", "--set", "data.robotName=" + value}
		if code := Run(t.Context(), args, nil, &out, io.Discard); code != 0 || !strings.Contains(out.String(), value) {
			t.Errorf("%s: exit code %d, %s", name, code, out.String())
		}
	}
}

func payloadOf(t *testing.T, name string) []byte {
	t.Helper()
	for _, v := range vectors.All() {
		if v.Name == name {
			return v.Payload
		}
	}
	t.Fatalf("there is no vector %s", name)
	return nil
}

// TestNoSecretIsShownOnTheWire: what goes to an endpoint and what comes back from
// it is shown without the secrets.
func TestNoSecretIsShownOnTheWire(t *testing.T) {
	t.Setenv(secretVariable, "")
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	// An endpoint that tells everything it gets to everybody.
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://user:"+canary+"@example.invalid"+r.URL.String())
		w.WriteHeader(http.StatusTemporaryRedirect)
		fmt.Fprintf(w, "%s with %v; Authorization: %s", "https://example.invalid"+r.URL.String(), r.URL.Query(), r.Header.Get("Authorization"))
	}))
	defer echo.Close()
	gone := httptest.NewServer(nil)
	gone.Close() // so that it can't be reached
	for _, format := range []string{"text", "json"} {
		for _, server := range []string{echo.URL, gone.URL} {
			var out, errOut strings.Builder
			Run(ctx, []string{
				"trigger", "run_failed", "--to", server + "/in?token=" + canary, "--format", format,
				"--header", "Authorization=Bearer " + canary, "--secret", canaries["whsec_"],
			}, nil, &out, &errOut)
			if shown := out.String() + errOut.String(); !strings.Contains(shown, "/in?token=***") || strings.Contains(shown, canary) {
				t.Errorf("trigger --format %s to %s:\n%s", format, server, shown)
			}
		}
	}
	for _, format := range []string{"text", "ndjson"} {
		for _, path := range []string{"/in", "/elsewhere"} {
			var out, errOut Output
			seen := func() string { return out.String() + errOut.String() }
			urls := make(chan string, 1)
			ended := make(chan int, 1)
			go func() {
				ended <- Run(ctx, []string{
					"listen", "--addr", ":0", "--path", "/in", "--count", "1", "--format", format,
					"--secret", canaries["whsec_"], "--forward", gone.URL + "/in?token=" + canary, "--against", all,
				}, nil, &out, announced{&errOut, urls})
			}()
			url := Await(t, "the listener's URL", urls, seen)
			for _, way := range []string{path, "/in"} { // the second ends it
				var sent, sentErr strings.Builder
				Run(ctx, []string{
					"trigger", "run_failed", "--to", strings.TrimSuffix(url, "/in") + way + "?token=" + canary,
					"--header", "Authorization=Bearer " + canary, "--secret", canaries["whsec_"],
				}, nil, &sent, &sentErr)
				if shown := sent.String() + sentErr.String(); strings.Contains(shown, canary) {
					t.Errorf("trigger:\n%s", shown)
				}
			}
			if code := Await(t, "the listener's end", ended, seen); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if shown := seen(); !strings.Contains(shown, path+"?token=***") || strings.Contains(shown, canary) {
				t.Errorf("listen --format %s, at %s:\n%s", format, path, shown)
			}
		}
	}
}

// announced is the standard error of a listener. It sends on the URL.
type announced struct {
	errOut io.Writer
	urls   chan<- string
}

func (a announced) Write(b []byte) (int, error) {
	if _, rest, ready := strings.Cut(string(b), "listening on "); ready {
		url, _, _ := strings.Cut(rest, "\n")
		a.urls <- url
	}
	return a.errOut.Write(b)
}
