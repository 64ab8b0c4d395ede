// Package rows sends what real servers send to an inlet of runhooks serve, which delivers it
// in the canonical form to a receiver of another language, and looks at the rows that the
// receiver wrote into its database.
package rows

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // as sqlite

	"github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/internal/inlettest"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/signature"
	"github.com/runhooks/runhooks/vectors"
)

// patience is how long a receiver may take to accept and to end, and whole how long all
// may take.
const (
	patience = 30 * time.Second
	whole    = 2 * time.Minute
)

// Script starts the receiver of a folder. It gets the variables RUNHOOKS_SECRET, PORT, and
// ROWS, the file of the database.
const Script = "rows.sh"

// Run starts the receiver of a folder, and sends each payload to it, by the runhooks of that
// path, which is killed meanwhile. It returns how many events arrived. The error says what
// was lost, came twice, or has other rows.
func Run(ctx context.Context, folder, runhooks string) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, whole)
	defer cancel()
	dir, err := os.MkdirTemp("", "rows")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	payloads, err := Payloads()
	if err != nil {
		return 0, err
	}
	secret, file := signature.NewSecret(), filepath.Join(dir, "rows.db")
	address, stop, err := start(ctx, folder, secret, file)
	if err != nil {
		return 0, err
	}
	trial := inlettest.Trial{
		Program: func(args ...string) *exec.Cmd { return exec.CommandContext(ctx, runhooks, args...) },
		Data:    filepath.Join(dir, "data"), Endpoint: "http://" + address + "/", Secret: secret.Text(), Form: service.FormCanonical,
		Payloads: payloads, Kills: 2,
	}
	result, err := trial.Run(ctx)
	if err := errors.Join(err, stop()); err != nil {
		return 0, err
	}
	return len(payloads), compare(ctx, file, payloads, result)
}

// Payloads returns what real servers are known to send: vectors, and what was captured in
// the folder OBSERVED_DIR, if that is set.
func Payloads() (all [][]byte, err error) {
	for _, v := range vectors.All() {
		if strings.HasPrefix(v.Name, "wild.") {
			all = append(all, v.Payload)
		}
	}
	if dir := os.Getenv("OBSERVED_DIR"); dir != "" {
		files, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil || files == nil {
			return nil, fmt.Errorf("there are no payloads in %s", dir)
		}
		for _, file := range files {
			payload, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			all = append(all, payload)
		}
		if lines, err := os.ReadFile(filepath.Join(dir, "..", "cases", "real-servers.ndjson")); err == nil { // which may be missing
			all = append(all, bytes.Split(bytes.TrimSpace(lines), []byte("\n"))...)
		}
	}
	slices.SortFunc(all, bytes.Compare)
	return slices.CompactFunc(all, bytes.Equal), nil
}

// start starts the receiver, and returns its address when it accepts connections, and what
// ends it.
func start(ctx context.Context, folder string, secret signature.Secret, file string) (address string, stop func() error, err error) {
	log, err := os.Create(filepath.Join(folder, "rows.log"))
	if err != nil {
		return "", nil, err
	}
	defer log.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	server := exec.CommandContext(ctx, "sh", Script)
	server.Dir = folder
	server.Env = append(os.Environ(), "PORT="+port, "RUNHOOKS_SECRET="+secret.Text(), "ROWS="+file)
	server.Stdout, server.Stderr = log, log
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that what the script starts ends with it
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	stop = func() error {
		_ = syscall.Kill(-server.Process.Pid, syscall.SIGTERM) // it may have ended
		select {
		case <-ended:
			return nil
		case <-time.After(patience):
			_ = syscall.Kill(-server.Process.Pid, syscall.SIGKILL)
			return errors.New("the receiver doesn't end on SIGTERM")
		}
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	timeout := time.After(patience)
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			return address, stop, c.Close()
		}
		select {
		case err := <-ended:
			return "", nil, fmt.Errorf("the receiver has ended: %v; see %s", err, log.Name())
		case <-timeout:
			return "", nil, errors.Join(fmt.Errorf("the receiver doesn't accept connections; see %s", log.Name()), stop())
		case <-again.C:
		}
	}
}

// A row is one of a list or of texts.
type row struct {
	List  string
	N     int
	Cells map[string]*string
}

// compare holds the receiver's database to the payloads: each is an event, as it would be
// normalised here, and there are no others.
func compare(ctx context.Context, file string, payloads [][]byte, result *inlettest.Result) error {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	defer db.Close()
	var all int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM events`).Scan(&all); err != nil {
		return err
	}
	var problems []error
	if all != len(payloads) {
		problems = append(problems, fmt.Errorf("%d events of %d payloads", all, len(payloads)))
	}
	seen := map[string]bool{}
	for i, payload := range payloads {
		id := result.Events[i]
		if seen[id] {
			problems = append(problems, fmt.Errorf("two payloads are the event %s", id))
		}
		seen[id] = true
		e, err := event.Parse(payload)
		if err != nil {
			return err
		}
		e.EndpointID = cmp.Or(e.EndpointID, result.EndpointID)
		want, _, _ := form.Render(e, form.Canonical)
		var body string
		if err := db.QueryRowContext(ctx, `SELECT body FROM events WHERE id = ?`, id).Scan(&body); err != nil {
			problems = append(problems, fmt.Errorf("event %s of %.300s: %w", id, payload, err))
		} else if body != string(want) {
			problems = append(problems, fmt.Errorf("event %s of %.300s:\n%s\nwant:\n%s", id, payload, body, want))
		}
		got, err := rowsOf(ctx, db, id)
		if err != nil {
			return err
		}
		if want := captured(e); !reflect.DeepEqual(got, want) {
			problems = append(problems, fmt.Errorf("event %s of %.300s has %d rows, and not %d, or other cells", id, payload, len(got), len(want)))
		}
	}
	return errors.Join(problems...)
}

func rowsOf(ctx context.Context, db *sql.DB, id string) (all []row, err error) {
	rows, err := db.QueryContext(ctx, `SELECT list, n, cells FROM rows WHERE event = ? ORDER BY rowid`, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		var cells string
		if err := rows.Scan(&r.List, &r.N, &cells); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(cells), &r.Cells); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// captured returns the rows of an event.
func captured(e *event.Event) (rows []row) {
	for _, groups := range [][]event.Group{e.TextGroups, e.Lists} {
		for _, g := range groups {
			for n, cells := range g.Rows {
				r := row{g.Name, n, map[string]*string{}}
				for _, c := range cells {
					r.Cells[c.Name] = nil
					if !c.Null {
						r.Cells[c.Name] = &c.Text
					}
				}
				rows = append(rows, r)
			}
		}
	}
	return rows
}
