package cli

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/runhooks/runhooks/internal/recording"
	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/signature"
)

// recorded returns the POSTs of the recording.
func (t *trigger) recorded(ctx context.Context, take func(outgoing) error) error {
	o := t.options
	file, err := os.Open(o.replay)
	if err != nil {
		return &exitError{exitUsage, unreadable(o.replay, err).Error()}
	}
	defer file.Close()
	n := 0
	for r, err := range recording.Read(file) {
		if err != nil {
			return &exitError{exitUsage, fmt.Sprintf("%s: %v; payloads without headers are sent by --file", o.replay, err)}
		}
		if n++; o.entry > 0 && n != o.entry {
			continue
		}
		switch post := strings.EqualFold(r.Method, http.MethodPost); {
		case !post && o.entry == n:
			return &exitError{exitUsage, fmt.Sprintf("%s: entry %d is not a POST", o.replay, n)}
		case !post:
			continue
		}
		if err := take(outgoing{r.Body, &r}); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if o.entry > n {
		return &exitError{exitUsage, fmt.Sprintf("%s has no entry %d: there are %d", o.replay, o.entry, n)}
	}
	return nil
}

// ofConnection are the headers that a recording has of the connection, and that
// another one sets for itself.
var ofConnection = []string{
	"Host", "Content-Length", "Connection", "Keep-Alive", "Transfer-Encoding", "Te", "Trailer", "Upgrade",
	"Proxy-Authorization", "Proxy-Connection", "Expect",
}

// replay puts the headers of a recorded request where the command line has none of
// that name, and says what is not as it was.
func replay(r *emitter.Request, recorded *recording.Request, signs bool, given func(string) bool) string {
	for name, values := range recorded.Header {
		switch {
		case strings.HasPrefix(name, ":"): // HTTP/2's own, in the archives of browsers
		case slices.Contains(ofConnection, http.CanonicalHeaderKey(name)):
		case len(r.Header.Values(name)) > 0:
		case name == "Content-Type" && given("content-type"), name == "User-Agent" && given("user-agent"):
		default:
			r.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
	}
	var notes []string
	var missing []string
	for _, name := range recorded.Hidden {
		if r.Header.Get(name) == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		notes = append(notes, fmt.Sprintf("the value of %s was not recorded: give it as --header, or record with --record-secrets", strings.Join(missing, ", ")))
	}
	seconds, err := strconv.ParseInt(r.Header.Get(signature.HeaderTimestamp), 10, 64)
	age := time.Since(time.Unix(seconds, 0)).Round(time.Second)
	if err == nil && !signs && r.Header.Get(signature.HeaderSignature) != "" && age > signature.DefaultTolerance {
		notes = append(notes, fmt.Sprintf("the signature is from %v ago, and receivers accept it for %v: give a secret to sign anew", age, signature.DefaultTolerance))
	}
	return strings.Join(notes, "; ")
}
