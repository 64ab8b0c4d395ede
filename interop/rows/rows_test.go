package rows

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/internal/inlettest"
	"github.com/runhooks/runhooks/pkg/event"
)

const payload = `{"event_type":"run_completed","timestamp":"2025-06-25T10:00:01.000Z","webhook_id":"w","data":{"robot_id":"r","run_id":"u","robot_name":"n","status":"success",` +
	`"started_at":"25.6.2025, 11:59:00","finished_at":"25.6.2025, 12:00:00","extracted_data":{"captured_texts":[],"captured_lists":{"Prices":[{"Item":"a","Price":null}]}}}}`

// TestCompare: a database that lacks something, or has too much, is not what was sent.
func TestCompare(t *testing.T) {
	e, err := event.Parse([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	body, _, _ := form.Render(e, form.Canonical)
	stored := `INSERT INTO events VALUES ('evt_1', 'run_completed', 'u', '` + string(body) + `');`
	const right = `INSERT INTO rows VALUES ('evt_1', 'Prices', 0, '{"Price": null, "Item": "a"}');`
	for name, tt := range map[string]struct{ filled, want string }{
		"right":         {stored + right, ""},
		"nothing":       {"", "0 events of 1 payloads"},
		"without a row": {stored, "has 0 rows, and not 1"},
		"another cell":  {stored + strings.Replace(right, "null", `""`, 1), "or other cells"},
		"twice":         {stored + right + `INSERT INTO events VALUES ('evt_2', 'run_completed', 'u', '{}');`, "2 events of 1 payloads"},
		"another body":  {strings.Replace(stored, `"version":1`, `"version":2`, 1) + right, `"version":2`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "rows.db")
			db, err := sql.Open("sqlite", file)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec(`CREATE TABLE events (id, type, run, body); CREATE TABLE rows (event, list, n, cells);` + tt.filled); err != nil {
				t.Fatal(err)
			}
			err = compare(t.Context(), file, [][]byte{[]byte(payload)}, &inlettest.Result{Events: []string{"evt_1"}})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("the error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestPayloads(t *testing.T) {
	t.Setenv("OBSERVED_DIR", "")
	payloads, err := Payloads()
	if err != nil || len(payloads) < 50 {
		t.Errorf("%d payloads, %v", len(payloads), err)
	}
	t.Setenv("OBSERVED_DIR", t.TempDir())
	if _, err := Payloads(); err == nil {
		t.Error("a folder without payloads is no error")
	}
}
