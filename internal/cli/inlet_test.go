package cli_test

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"modernc.org/sqlite"

	"github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/cli"
	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/internal/inlettest"
	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/signature"
	"github.com/runhooks/runhooks/vectors"
)

// TestInletWild: of what servers send to an inlet, the endpoint of a robot gets each event
// once, signed and in the canonical form, also when the service is killed meanwhile. Its
// rows are in a database of the receiver.
func TestInletWild(t *testing.T) {
	t.Run("vectors", func(t *testing.T) {
		var payloads [][]byte
		for _, v := range vectors.All() {
			if strings.HasPrefix(v.Name, "wild.") {
				payloads = append(payloads, v.Payload)
			}
		}
		testInletWild(t, payloads)
	})
	t.Run("captured", func(t *testing.T) {
		var payloads [][]byte
		for _, p := range judgetest.Captured(t) {
			payloads = append(payloads, p.Text)
		}
		testInletWild(t, payloads)
	})
}

func testInletWild(t *testing.T, payloads [][]byte) {
	ctx, cancel := context.WithTimeout(t.Context(), cli.Patience)
	defer cancel()
	slices.SortFunc(payloads, bytes.Compare)
	payloads = slices.CompactFunc(payloads, bytes.Equal)
	secret := signature.NewSecret()
	r := newRowReceiver(t, secret)
	trial := inlettest.Trial{
		Program: func(args ...string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, os.Args[0], args...)
			cmd.Env = append(os.Environ(), asCommand+"=1")
			return cmd
		},
		Data: filepath.Join(t.TempDir(), "data"), Endpoint: r.url, Secret: secret.Text(), Form: service.FormCanonical,
		Payloads: payloads, Kills: 2,
	}
	result, err := trial.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var took []time.Duration
	for _, a := range result.Answers {
		took = append(took, a.Took)
	}
	slices.Sort(took)
	t.Logf("%d payloads, %d sent again, %d deliveries refused, %d requests to the receiver; the inlet answers within %v, half of the time within %v",
		len(payloads), result.Again, r.refused.Load(), r.requests.Load(), took[len(took)-1], took[len(took)/2])
	if result.Again == 0 || r.refused.Load() == 0 {
		t.Error("nothing was sent again, or nothing was refused: the trial tries nothing")
	}
	for _, problem := range r.problems() {
		t.Error(problem)
	}
	ids := map[string]int{}
	for i, payload := range payloads {
		id := result.Events[i]
		if first, ok := ids[id]; ok {
			t.Errorf("payloads %d and %d are one event: %s", first, i, id)
		}
		ids[id] = i
		e, err := event.Parse(payload)
		if err != nil {
			t.Fatalf("%v: %s", err, payload)
		}
		e.EndpointID = cmp.Or(e.EndpointID, result.EndpointID)
		want, _, _ := form.Render(e, form.Canonical)
		if got := r.body(id); got != string(want) {
			t.Errorf("the event of %s:\n%s\nwant:\n%s", payload, got, want)
		}
		if diff := gocmp.Diff(rowsOf(e), r.rows(id)); diff != "" {
			t.Errorf("the rows of %s (-want +got):\n%s", payload, diff)
		}
	}
	if n := r.count("events"); n != len(payloads) {
		t.Errorf("the receiver has %d events of %d payloads", n, len(payloads))
	}
}

// A row is one of a list or of texts, as the receiver's database has it.
type row struct {
	List  string
	N     int
	Cells string
}

// rowsOf returns the rows of an event.
func rowsOf(e *event.Event) (rows []row) {
	for _, groups := range [][]event.Group{e.TextGroups, e.Lists} {
		for _, g := range groups {
			for n, cells := range g.Rows {
				texts := map[string]*string{}
				for _, c := range cells {
					texts[c.Name] = nil
					if !c.Null {
						texts[c.Name] = &c.Text
					}
				}
				text, err := json.Marshal(texts)
				if err != nil {
					panic(err) // they are texts
				}
				rows = append(rows, row{g.Name, n, string(text)})
			}
		}
	}
	return rows
}

// A rowReceiver takes events in the canonical form, as a program of a customer does: it
// verifies each, and writes it and its rows into a database, once.
type rowReceiver struct {
	t                 *testing.T
	url               string
	db                *sql.DB
	verifier          signature.Verifier
	requests, refused atomic.Int64
	wrong             chan string
}

func newRowReceiver(t *testing.T, secret signature.Secret) *rowReceiver {
	// As the store has it, which tests of this process open, too.
	if _, err := sqlite.OFDLocking(true); err != nil && !errors.Is(err, sqlite.ErrOFDLockingUnavailable) {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "rows.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec(`CREATE TABLE events (id TEXT PRIMARY KEY, type TEXT, run TEXT, body TEXT);
		CREATE TABLE rows (event TEXT, list TEXT, n INTEGER, cells TEXT)`); err != nil {
		t.Fatal(err)
	}
	r := &rowReceiver{t: t, db: db, verifier: signature.Verifier{Secrets: []signature.Secret{secret}}, wrong: make(chan string, 1000)}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL + "/"
	return r
}

func (r *rowReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if n := r.requests.Add(1); n%7 == 3 { // as receivers do now and then
		r.refused.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if err := r.take(req); err != nil {
		r.wrong <- err.Error()
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (r *rowReceiver) take(req *http.Request) error {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil // the service was killed meanwhile
	}
	if _, err := r.verifier.Verify(req.Header, body); err != nil {
		return err
	}
	var e event.Event
	if err := json.Unmarshal(body, &e); err != nil {
		return err
	}
	tx, err := r.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	id := req.Header.Get(signature.HeaderID)
	added, err := tx.Exec(`INSERT INTO events VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, id, string(e.Type), e.Run.ID, string(body))
	if err != nil {
		return err
	}
	if n, _ := added.RowsAffected(); n == 0 {
		return nil // it was here before
	}
	for _, row := range rowsOf(&e) {
		if _, err := tx.Exec(`INSERT INTO rows VALUES (?, ?, ?, ?)`, id, row.List, row.N, row.Cells); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// problems are those of requests that were not taken.
func (r *rowReceiver) problems() (all []string) {
	for {
		select {
		case problem := <-r.wrong:
			all = append(all, problem)
		default:
			return all
		}
	}
}

func (r *rowReceiver) body(id string) (body string) {
	r.t.Helper()
	if err := r.db.QueryRow(`SELECT body FROM events WHERE id = ?`, id).Scan(&body); err != nil {
		r.t.Errorf("event %s: %v", id, err)
	}
	return body
}

func (r *rowReceiver) rows(id string) (all []row) {
	r.t.Helper()
	rows, err := r.db.Query(`SELECT list, n, cells FROM rows WHERE event = ? ORDER BY rowid`, id)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var found row
		if err := rows.Scan(&found.List, &found.N, &found.Cells); err != nil {
			r.t.Fatal(err)
		}
		all = append(all, found)
	}
	return all
}

func (r *rowReceiver) count(table string) (n int) {
	r.t.Helper()
	if err := r.db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}
