package conformance_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// Payloads that were captured from real servers are not part of the project.
// Where they lie beside it, or where OBSERVED_DIR says, they are a test of it.
const besideProject = "../../../shared/observed"

// observedCodes are the codes by which a finding may show a deviation of the
// index, by the deviation's name.
var observedCodes = map[string][]conformance.Code{
	"camel_case_field":               {"dialect.field-case"},
	"captured_lists_is_array":        {"dialect.lists-array"},
	"captured_lists_null_entry":      {"dialect.null-list"},
	"captured_texts_empty_map":       {"dialect.texts-map"},
	"captured_texts_is_map":          {"dialect.texts-map"},
	"cell_null":                      {"dialect.null-cell"},
	"count_mismatch":                 {"data.count-mismatch"},
	"error_message_has_ansi_escapes": {"data.ansi-escape"},
	"event_type_undocumented":        {"dialect.test-event"},
	"extra_field":                    {"contract.unknown-member", "dialect.old-name", "dialect.failed-with-data"},
	"extracted_data_null_on_failed":  {"dialect.failed-with-data"},
	"missing":                        {"dialect.member-absent", "dialect.old-name"},
	"robot_name_placeholder":         {"data.placeholder"},
	"snake_case_field":               {"dialect.field-case"},
	"status_undocumented":            {"dialect.test-event"},
	"time_not_rfc3339":               {"dialect.local-time"},
	"user_id_is_string":              {"dialect.user-id-string"},
	"webhook_id_not_uuid":            {"contract.opaque-id"},
}

func TestObserved(t *testing.T) {
	observedDir := os.Getenv("OBSERVED_DIR")
	required := observedDir != ""
	if !required {
		observedDir = besideProject
	}
	index, err := os.Open(filepath.Join(observedDir, "index.tsv"))
	if err != nil {
		if required {
			t.Fatal(err)
		}
		t.Skipf("captured payloads: %v", err)
	}
	defer index.Close()
	r := csv.NewReader(index)
	r.Comma = '\t'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		name, event, deviations := row[0], row[1], row[2]
		t.Run(name, func(t *testing.T) {
			payload, err := os.ReadFile(filepath.Join(observedDir, name))
			if err != nil {
				t.Fatal(err)
			}
			report := conformance.Check(payload)
			if report.Verdict != conformance.Deviates || report.EventType != event {
				t.Errorf("%s %s, want %s that deviates", report.EventType, report.Verdict, event)
			}
			for deviation := range strings.SplitSeq(deviations, ",") {
				if strings.HasPrefix(deviation, "rows=") { // the rest of a count_mismatch
					continue
				}
				if !shows(report, deviation) {
					t.Errorf("no finding shows %s", deviation)
				}
			}
		})
	}
}

// shows reports whether a finding speaks of a deviation of the index: its name,
// or its name and the member that it is about.
func shows(report conformance.Report, deviation string) bool {
	name, member, _ := strings.Cut(deviation, ":")
	if missing, ok := strings.CutPrefix(name, "missing_"); ok {
		name, member = "missing", strings.Replace(missing, "error_", "error.", 1)
	}
	member, _, _ = strings.Cut(member, "=")
	if name == "event_type_undocumented" || name == "status_undocumented" {
		member = "event_type"
	}
	for _, f := range report.Findings {
		for _, code := range observedCodes[name] {
			if f.Code != code {
				continue
			}
			if strings.HasSuffix(f.Pointer, "/"+strings.ReplaceAll(member, ".", "/")) ||
				member == "" || strings.Contains(f.Message, `"`+member+`"`) {
				return true
			}
		}
	}
	return false
}

// TestCaptured: all that was captured deviates, in ways that are known.
func TestCaptured(t *testing.T) {
	for _, p := range judgetest.Captured(t) {
		t.Run(p.Name, func(t *testing.T) {
			report := conformance.Check(p.Text)
			for _, f := range report.Findings {
				if f.Severity == conformance.SeverityError && f.Code.Family() != "dialect" {
					t.Errorf("%s at %s: %s", f.Code, f.Pointer, f.Message)
				}
			}
			if report.Verdict != conformance.Deviates || !validate.ObservedRunEvent(p.Text) {
				t.Errorf("the verdict is %s; the validator says %v", report.Verdict, validate.ObservedRunEvent(p.Text))
			}
		})
	}
}
