package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/signature"
)

// defaultServer is where runhooks serve listens by default.
const defaultServer = "http://127.0.0.1:8080"

// maxReply bounds what is read of an answer of the service: an event as large as may
// be, with all that stands around it. A page of 500 entries is far below.
const maxReply = 2 * signature.DefaultMaxBytes

// clientHelp is what the help of each client of the service ends with.
const clientHelp = `

The token comes from the file that --token-file names, or the variable
RUNHOOKS_TOKEN. Without either, the service on this machine is asked with the
token in the file admin-token of its data folder.

Exit codes: 0 it is done; 1 the service refused; 2 the command line is wrong, or
the service can't be reached.`

// clientOptions are the flags of each client of the service.
type clientOptions struct {
	server    string
	tokenFile string
	data      string
	json      bool
	color     string
}

// add adds the flags to a command.
func (o *clientOptions) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.server, "server", defaultServer, "`URL` of the service")
	flags.StringVar(&o.data, "data", defaultData(), "the `DIR` of the service's data, which has its token")
	_ = cmd.MarkFlagDirname("data")
	settings(cmd, "server", "data")
	flags.StringVar(&o.tokenFile, "token-file", "", "the `FILE` with the token ["+variable("token")+"_FILE, or the token itself: "+variable("token")+"]")
	flags.BoolVar(&o.json, "json", false, "print the service's answer as JSON; for a list, one object per line")
	choiceVar(cmd, &o.color, "color", "colour the text: auto, always or never", "auto", "always", "never")
}

// A client asks a service, and shows what it answers.
type client struct {
	*service.Client
	report.Terminal
	streams
	json bool
}

// connect returns a client. It doesn't ask the service yet.
func (o *clientOptions) connect(s streams) (*client, error) {
	u, err := url.Parse(o.server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("--server %s is not the URL of a service, such as http://127.0.0.1:8080", redact.URL(o.server))
	}
	token, err := o.token(u.Hostname())
	if err != nil {
		return nil, err
	}
	c, err := service.NewClient(o.server, service.WithRequestEditorFn(func(_ context.Context, req *http.Request) error {
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("User-Agent", "runhooks/"+version())
		return nil
	}), service.WithHTTPClient(&http.Client{
		// Without the header, a redirect would look like a refusal of the token.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}))
	if err != nil {
		return nil, err
	}
	return &client{Client: c, Terminal: styled(s.out, o.color), streams: s, json: o.json}, nil
}

// token returns the token to send to a host. That of the data folder is only for
// a service on this machine.
func (o *clientOptions) token(host string) (string, error) {
	file := o.tokenFile
	if file == "" {
		token, _, err := environment("token")
		if err != nil {
			return "", err
		}
		if token != "" {
			return checkToken(token, variable("token"))
		}
		if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.IsLoopback()) {
			return "", fmt.Errorf("the service at %s needs a token: give --token-file, or %s", host, variable("token"))
		}
		file = filepath.Join(o.data, adminTokenFile)
	}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, os.ErrNotExist) && o.tokenFile == "":
		return "", fmt.Errorf("there is no token: %s has none; start a service with runhooks serve, name its --data, or give --token-file or %s", o.data, variable("token"))
	case errors.Is(err, os.ErrPermission) && o.tokenFile == "":
		return "", fmt.Errorf("the token in %s belongs to another user: run this as that user, or give --token-file or %s", file, variable("token"))
	case err != nil:
		return "", fmt.Errorf("the token can't be read from %s (%w)", file, rootCause(err))
	}
	return checkToken(strings.TrimSpace(string(text)), file)
}

// rootCause returns what an error of a file says beside its name. Behind a name such as
// admin-token, [redact.Text] would take it for the token.
func rootCause(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err
}

// checkToken refuses what no header can have, without showing it.
func checkToken(token, from string) (string, error) {
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s holds no token", from)
	}
	return token, nil
}

// A refusal is an answer of the service that isn't 2xx.
type refusal struct {
	status int
	problem
}

func (e *refusal) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", e.status, http.StatusText(e.status)))
	if e.Detail != "" {
		text = e.Detail
	}
	if e.status == http.StatusUnauthorized {
		text += "; runhooks tokens create makes one"
	}
	return text
}

// ask returns what the service answers, decoded, and as it came. It is called with
// what the methods of the generated client return.
func ask[T any](resp *http.Response, err error) (answer T, raw []byte, _ error) {
	if err != nil {
		return answer, nil, &exitError{exitUsage, unreachedText(err)}
	}
	defer resp.Body.Close()
	raw, err = io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return answer, nil, &exitError{exitUsage, "the answer broke off: " + err.Error()}
	}
	if resp.StatusCode >= 300 {
		p, _ := parseProblem(raw)
		return answer, nil, &refusal{resp.StatusCode, p}
	}
	if resp.StatusCode == http.StatusNoContent {
		return answer, nil, nil
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return answer, nil, &exitError{exitUsage, "what answers is not the service: " + err.Error()}
	}
	return answer, raw, nil
}

// unreachedText says why no answer came, and what to do.
func unreachedText(err error) string {
	var u *url.Error
	if !errors.As(err, &u) {
		return err.Error()
	}
	if errors.Is(u.Err, context.Canceled) {
		return "interrupted"
	}
	server, _, _ := strings.Cut(u.URL, "/v1/")
	server = strings.TrimSuffix(server, "/readyz")
	cause := u.Err
	if op, ok := errors.AsType[*net.OpError](cause); ok {
		cause = op.Err
	}
	return fmt.Sprintf("can't reach the service at %s: %v; runhooks serve starts one, and --server names another", server, cause)
}

// client wraps what a command does with a client: it connects, and shows what is
// wrong.
func (o *clientOptions) command(s streams, do func(ctx context.Context, c *client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := o.connect(s)
		if err != nil {
			return err
		}
		return c.refused(do(cmd.Context(), c, args), nil)
	}
}

// refused shows an error of the service with its findings, and returns what ends
// the command. The findings of a payload are shown with the place in it; those of
// settings with the name of the setting.
func (c *client) refused(err error, payload []byte) error {
	refused, ok := errors.AsType[*refusal](err)
	if !ok {
		return err
	}
	if c.json {
		if err := writeLine(c.err, refused.problem); err != nil {
			return err
		}
		return &exitError{code: exitFail}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "runhooks: %s\n", report.Visible(redact.Text(refused.Error()), 1000))
	t := styled(c.err, "never")
	if payload != nil {
		b.WriteString(redact.Text(t.Findings(report.Payload{Data: payload, Report: conformance.Report{Findings: refused.Findings}})))
	} else {
		for _, f := range refused.Findings {
			text := f.Message
			if f.Hint != "" {
				text += " (" + f.Hint + ")"
			}
			writeText(&b, t, cmp.Or(strings.TrimPrefix(f.Pointer, "/"), "body")+":", text, 1000)
		}
	}
	if _, err := io.WriteString(c.err, b.String()); err != nil {
		return err
	}
	return &exitError{code: exitFail}
}

// show prints an answer: as it came, with --json, or else as text does.
func (c *client) show(raw []byte, text func(b *strings.Builder)) error {
	if c.json {
		return c.writeRaw(raw)
	}
	var b strings.Builder
	text(&b)
	_, err := io.WriteString(c.out, b.String())
	return err
}

// writeRaw prints JSON on a line of its own.
func (c *client) writeRaw(raw []byte) error {
	var line bytes.Buffer
	if err := json.Compact(&line, raw); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := c.out.Write(line.Bytes())
	return err
}

// next says on standard error what to do next, where people read.
func (c *client) next(format string, args ...any) {
	if c.json {
		return
	}
	fmt.Fprintf(c.err, "next: "+format+"\n", args...)
}

// A list shows entries of a list of the service.
type list[T any] struct {
	many    string // the name of the entries
	heading []string
	row     func(T) []cell
	// page asks for a page.
	page func(cursor *string, limit *int) (*http.Response, error)
}

// maxPage is the most entries of a page.
const maxPage = 500

// show shows the first entries, or all if limit is 0, a page at a time.
func (l list[T]) show(c *client, limit int) error {
	if limit < 0 {
		return fmt.Errorf("--limit is %d: it is 1 or more, or 0 for all", limit)
	}
	var cursor *string
	heading, shown := l.heading, 0
	for {
		size := maxPage
		if limit > 0 {
			size = min(size, limit-shown)
		}
		page, _, err := ask[struct {
			Items []json.RawMessage `json:"items"`
			Next  *string           `json:"next"`
		}](l.page(cursor, &size))
		if err != nil {
			return err
		}
		rows := make([][]cell, 0, len(page.Items))
		for _, item := range page.Items {
			if c.json {
				if err := c.writeRaw(item); err != nil {
					return err
				}
				continue
			}
			var entry T
			if err := json.Unmarshal(item, &entry); err != nil {
				return err
			}
			rows = append(rows, l.row(entry))
		}
		if len(rows) > 0 {
			if err := writeTable(c.out, c.Terminal, heading, rows); err != nil {
				return err
			}
			heading = nil // for further pages
		}
		shown += len(page.Items)
		cursor = page.Next
		if cursor == nil || limit > 0 && shown >= limit {
			break
		}
	}
	switch {
	case c.json:
	case shown == 0:
		fmt.Fprintf(c.err, "no %s\n", l.many)
	case cursor != nil:
		fmt.Fprintf(c.err, "there are more: --limit 0 shows them all\n")
	}
	return nil
}

// limitVar adds the flag of how many entries of a list are shown.
func limitVar(cmd *cobra.Command, limit *int) {
	cmd.Flags().IntVar(limit, "limit", 50, "show `N` entries at most; 0 shows all")
}

// An instant is a flag that takes a time, or how long ago it was.
type instant struct{ at *time.Time }

func (i *instant) Type() string { return "TIME" }

func (i *instant) String() string {
	if i.at == nil {
		return ""
	}
	return i.at.Format(time.RFC3339)
}

func (i *instant) Set(text string) error {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		var ago period
		if ago.Set(text) != nil {
			return errors.New("it is a time, such as 2026-01-02T15:04:05Z, or how long ago that was, such as 2h or 3d")
		}
		at = time.Now().Add(-time.Duration(ago)).UTC()
	}
	i.at = &at
	return nil
}

// deleted says what was deleted, which the service answers without a body, unless
// that failed with err.
func (c *client) deleted(id string, err error) error {
	if err != nil || c.json {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s  deleted\n", report.Visible(id, maxCell))
	return err
}

// optional returns a pointer to a value, or nil if it is its type's zero value.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// value returns what a pointer points to, or the zero value for nil.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// stateStyle returns the style of the state of an endpoint or a delivery.
func stateStyle(state string) report.Style {
	switch state {
	case "active", "delivered":
		return report.Green
	case "disabled", "exhausted", "expired":
		return report.Red
	case "paused", "held", "pending":
		return report.Yellow
	}
	return ""
}

// writeFields writes names and values, one pair a line, without those whose value
// is empty.
func writeFields(b *strings.Builder, t report.Terminal, fields ...[2]string) {
	width := 0
	for _, f := range fields {
		if f[1] != "" {
			width = max(width, len(f[0]))
		}
	}
	for _, f := range fields {
		if f[1] != "" {
			fmt.Fprintf(b, "  %s  %s\n", t.Paint(report.Dim, fmt.Sprintf("%-*s", width, f[0])), report.Visible(redact.Text(f[1]), 1000))
		}
	}
}

// momentText returns a time in the local zone, and how long ago it was.
func momentText(at *time.Time) string {
	if at == nil {
		return ""
	}
	return fmt.Sprintf("%s (%s)", at.Local().Format("2006-01-02 15:04:05"), agoText(*at, time.Now()))
}
