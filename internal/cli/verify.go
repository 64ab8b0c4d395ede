package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/diagnose"
	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/recording"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/signature"
)

// verifyOptions are the flags and argument of runhooks verify.
type verifyOptions struct {
	recording   string
	body        string
	headers     []string
	headersFile string
	secrets     []string
	at          string
	tolerance   time.Duration
	format      string
	color       string

	arrived time.Time
	texts   []string // of secrets, as they were given
}

func newVerify(s streams) *cobra.Command {
	o := &verifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify [flags] {RECORDING.har | --body FILE --header 'NAME: VALUE'…}",
		Short: "Say why a signature doesn't match",
		Long: `Verify says whether a saved request is genuine, and if not, which part disagrees
with the others: the secret, the id, the timestamp, the bytes of the body or the
signature. It signs the request again with each common mistake, and with each two
of them, and says which explains the signature, and what to do:

  bytes      JSON that was parsed and written again, as JavaScript, Python, PHP,
             Go, PostgreSQL and others write it; ends of lines; charsets; a byte
             order mark; gzip, base64 and other wrappings
  secret     not decoded, cut short, in another form, without its prefix
  id         that of the endpoint or the run, not that of the event
  timestamp  milliseconds, a date-time, that of another attempt; clocks
  signature  over something other than ID.TIMESTAMP.BODY, in another form or by
             another algorithm; of another version than the secret

The request is in a recording, as runhooks listen --record FILE.har makes it, or in
a file with its body, --body, with its headers in --header or --headers. A
recording says when requests arrived. Without one, give the time with --at, or an
old timestamp is not held against the request.

Secrets are not shown. Exit codes: 0 every request is genuine; 1 at least one is
not; 2 the command line is wrong, or an input can't be read.`,
		Example: `  RUNHOOKS_SECRET=whsec_… runhooks verify failed.har
  runhooks verify --body body.json --header 'webhook-id: evt_1' --header 'webhook-timestamp: 1764358395' --header 'webhook-signature: v1,…'
  curl -sD headers.txt -o body.json … && runhooks verify --body body.json --headers headers.txt`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.recording = args[0]
			}
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(s)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.body, "body", "", "read the body from `FILE`, byte for byte; - is standard input")
	flags.StringArrayVar(&o.headers, "header", nil, "a header of the request, as `'NAME: VALUE'` or NAME=VALUE (repeatable)")
	flags.StringVar(&o.headersFile, "headers", "", "read the headers from `FILE`, a line each; a first line such as POST / HTTP/1.1 is passed over")
	flags.StringArrayVar(&o.secrets, "secret", nil, "verify with `SECRET`, in the form that you have it (repeatable); better in the environment, as "+secretVariable)
	flags.StringVar(&o.at, "at", "", "when the request arrived: `TIME`, in RFC 3339")
	flags.DurationVar(&o.tolerance, "tolerance", signature.DefaultTolerance, "how far from its arrival a timestamp may lie")
	choiceVar(cmd, &o.format, "format", "form of the output: text, or json with an object for each request", "text", "json")
	choiceVar(cmd, &o.color, "color", "colour the text: auto, always or never", "auto", "always", "never")
	cmd.MarkFlagsMutuallyExclusive("header", "headers")
	return cmd
}

func (o *verifyOptions) validate() (err error) {
	switch {
	case o.recording == "" && o.body == "":
		return errors.New("what is to be verified? Give a recording (.har), or --body FILE with --header")
	case o.recording != "" && (o.body != "" || len(o.headers) > 0 || o.headersFile != "" || o.at != ""):
		return errors.New("a recording has the body, the headers and the time: leave out --body, --header, --headers and --at")
	case o.tolerance <= 0:
		return fmt.Errorf("--tolerance is %v: it is more than 0, as 5m", o.tolerance)
	}
	if o.at != "" {
		if o.arrived, err = time.Parse(time.RFC3339, o.at); err != nil {
			return fmt.Errorf("--at %q is not a time in RFC 3339, such as 2026-06-25T15:53:15Z", o.at)
		}
	}
	o.texts = o.secrets
	if len(o.texts) == 0 {
		o.texts = strings.Fields(os.Getenv(secretVariable))
	}
	return nil
}

func (o *verifyOptions) run(s streams) error {
	view := verifyView{Terminal: styled(s.out, o.color), out: s.out, json: o.format == "json"}
	if o.recording == "" {
		r, err := o.request(s.in)
		if err != nil {
			return &exitError{exitUsage, err.Error()}
		}
		return o.verify(&view, "", r)
	}
	file, err := os.Open(o.recording)
	if err != nil {
		return &exitError{exitUsage, unreadable(o.recording, err).Error()}
	}
	defer file.Close()
	n := 0
	for r, err := range recording.Read(file) {
		if err != nil {
			return &exitError{exitUsage, fmt.Sprintf("%s: %v; a body of another form is given with --body", o.recording, err)}
		}
		if n++; !strings.EqualFold(r.Method, http.MethodPost) {
			continue
		}
		if err := o.verify(&view, fmt.Sprintf("%s, entry %d", o.recording, n), diagnose.Request{Header: r.Header, Body: r.Body, At: r.At}); err != nil && view.failed == nil {
			return err
		}
	}
	if view.shown == 0 {
		return &exitError{exitUsage, o.recording + " has no POST"}
	}
	return view.failed
}

// verify diagnoses a request and shows it. The error is that at least one is not
// genuine, or that it can't be shown.
func (o *verifyOptions) verify(view *verifyView, name string, r diagnose.Request) error {
	d := diagnose.Diagnose(r, o.texts, o.tolerance, time.Now())
	if !d.Genuine {
		view.failed = &exitError{code: exitFail}
	}
	if err := view.show(name, d); err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	return view.failed
}

// request reads the request of --body and --header.
func (o *verifyOptions) request(stdin io.Reader) (r diagnose.Request, err error) {
	r = diagnose.Request{Header: make(http.Header), At: o.arrived}
	in := stdin
	if o.body != "-" {
		file, err := os.Open(o.body)
		if err != nil {
			return r, unreadable(o.body, err)
		}
		defer file.Close()
		in = file
	}
	if r.Body, err = io.ReadAll(io.LimitReader(in, intake.DefaultMaxBytes+1)); err != nil {
		return r, unreadable(o.body, err)
	}
	if len(r.Body) > intake.DefaultMaxBytes {
		return r, fmt.Errorf("%s is larger than %v", o.body, byteSize(intake.DefaultMaxBytes))
	}
	lines := o.headers
	if o.headersFile != "" {
		file, err := os.Open(o.headersFile)
		if err != nil {
			return r, unreadable(o.headersFile, err)
		}
		defer file.Close()
		scanner := bufio.NewScanner(io.LimitReader(file, 1<<20))
		for scanner.Scan() && strings.TrimSpace(scanner.Text()) != "" {
			line := strings.TrimPrefix(scanner.Text(), "> ") // as curl -v shows it
			if len(lines) == 0 && strings.Contains(line, " HTTP/") {
				continue
			}
			lines = append(lines, line)
		}
		if err := scanner.Err(); err != nil {
			return r, unreadable(o.headersFile, err)
		}
	}
	for _, line := range lines {
		at := strings.IndexAny(line, ":=")
		if at <= 0 {
			return r, errors.New("a header has to be 'NAME: VALUE' or NAME=VALUE") // and may be secret
		}
		name := textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(line[:at]))
		r.Header.Add(name, strings.Trim(line[at+1:], " \t\r"))
	}
	return r, nil
}

func unreadable(name string, err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// A verifyView shows what was found out.
type verifyView struct {
	report.Terminal
	out    io.Writer
	json   bool
	shown  int
	failed error
}

var partMarks = map[diagnose.State]string{diagnose.Agrees: "✓", diagnose.Disagrees: "✗", diagnose.Unknown: "?"}

func (v *verifyView) show(name string, r diagnose.Report) error {
	v.shown++
	if v.json {
		return writeLine(v.out, struct {
			Source string `json:"source,omitempty"`
			diagnose.Report
		}{name, r})
	}
	var b strings.Builder
	if v.shown > 1 {
		b.WriteByte('\n')
	}
	mark, style, says := "✓", report.Green, "genuine"
	if !r.Genuine {
		mark, style, says = "✗", report.Red, "not genuine"
	}
	fmt.Fprintf(&b, "%s %s", v.Paint(style, mark), v.Paint(style, says))
	if name != "" {
		fmt.Fprintf(&b, "  %s", v.Paint(report.Dim, report.Visible(redact.Text(name), 300)))
	}
	b.WriteByte('\n')
	for _, part := range r.Parts {
		writeText(&b, v.Terminal, fmt.Sprintf("%s %-9s", partMarks[part.State], part.Name), part.Text, 600)
	}
	if r.Next != "" {
		writeText(&b, v.Terminal, "next:", r.Next, 1000)
	}
	_, err := io.WriteString(v.out, b.String())
	return err
}
