package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/delivery/storetest"
)

func open(t *testing.T, dir string, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	dirs := map[delivery.Store]string{}
	storetest.Run(t, func(t *testing.T) delivery.Store {
		dir := filepath.Join(t.TempDir(), "data")
		s := open(t, dir, sqlite.Options{})
		dirs[s] = dir
		return s
	}, storetest.Options{
		Spoil: func(b *delivery.Batch) {
			b.Outcomes = append(b.Outcomes, delivery.Outcome{State: "unknown", EndpointID: b.Outcomes[0].EndpointID, Epoch: b.Outcomes[0].Epoch})
		},
		Again: func(t *testing.T, s delivery.Store) delivery.Store {
			return open(t, dirs[s], sqlite.Options{})
		},
	})
}

// robot makes a store with one endpoint of a robot.
func robot(t *testing.T, s *sqlite.Store) delivery.Endpoint {
	t.Helper()
	if _, err := s.Join(t.Context(), "node", true); err != nil {
		t.Fatal(err)
	}
	e, err := s.CreateEndpoint(t.Context(), delivery.Endpoint{
		ID: "01940000-0000-7000-8000-000000000001", RobotID: "robot", URL: "https://example.com/", State: delivery.Active,
	}, delivery.Audit{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// publish publishes n events of a run at once, each with a body of so many bytes.
func publish(ctx context.Context, s *sqlite.Store, run string, n, size int) ([]delivery.Ref, error) {
	var b delivery.Batch
	for i := range n {
		body := fmt.Sprintf(`{"run":%q,"pad":%q}`, run, strings.Repeat("x", size))
		b.Publish = append(b.Publish, delivery.Publication{
			IdempotencyKey: fmt.Sprint(run, i),
			Event:          delivery.Event{ID: fmt.Sprintf("evt_%s_%d", run, i), Type: "run_completed", RobotID: "robot", RunID: run, At: time.Now(), Body: []byte(body)},
		})
	}
	c, err := s.Commit(ctx, &b)
	if err != nil {
		return nil, err
	}
	var refs []delivery.Ref
	for _, p := range c.Published {
		refs = append(refs, p.Deliveries...)
	}
	return refs, nil
}

func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, sqlite.Options{})
	_, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if !errors.Is(err, delivery.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("the second Open says: %v", err)
	}
	if err := sqlite.Restore(t.Context(), "x", dir); !errors.Is(err, delivery.ErrLocked) {
		t.Errorf("Restore says: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, sqlite.Options{})
}

func TestForTheOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "a", "data")
	s := open(t, dir, sqlite.Options{})
	robot(t, s)
	if err := s.Backup(t.Context(), filepath.Join(dir, "backup.db")); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestNewerDatabase(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, sqlite.Options{})
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := s.Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), dir, sqlite.Options{}); !errors.Is(err, delivery.ErrNewer) {
		t.Errorf("Open says: %v", err)
	}
	if err := sqlite.Restore(t.Context(), backup, t.TempDir()); !errors.Is(err, delivery.ErrNewer) {
		t.Errorf("Restore says: %v", err)
	}
}

// TestUpgradeFromBeforeInlets: what a database of the release before has is delivered
// after the upgrade.
func TestUpgradeFromBeforeInlets(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, sqlite.Options{})
	e := robot(t, s)
	if _, err := publish(t.Context(), s, "before", 3, 10_000); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"DROP TABLE inlets", "DROP TABLE set_aside", "ALTER TABLE events DROP COLUMN source", "DELETE FROM goose_db_version WHERE version_id = 2",
	} {
		if err := s.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, sqlite.Options{})
	if _, err := s.Join(t.Context(), "node", true); err != nil {
		t.Fatal(err)
	}
	source := delivery.Source{InletID: "inl_1"}
	if _, err := s.Commit(t.Context(), &delivery.Batch{Publish: []delivery.Publication{
		{Event: delivery.Event{ID: "evt_after", RobotID: "robot", At: time.Now(), Body: []byte("{}"), Source: source}},
	}}); err != nil {
		t.Fatal(err)
	}
	due, err := s.Due(t.Context(), delivery.DueQuery{EndpointID: e.ID, Limit: 10, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(due.Deliveries); n != 4 || due.Deliveries[0].Event.Source != (delivery.Source{}) || due.Deliveries[3].Event.Source != source {
		t.Errorf("due: %+v", due.Deliveries)
	}
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, sqlite.Options{})
	robot(t, s)
	before, err := publish(t.Context(), s, "before", 10, 1000)
	if err != nil {
		t.Fatal(err)
	}
	// SQLite says the same as for a disk without space.
	if err := s.Exec(t.Context(), "PRAGMA max_page_count = 60"); err != nil {
		t.Fatal(err)
	}
	_, err = publish(t.Context(), s, "full", 1000, 1000)
	if !errors.Is(err, delivery.ErrFull) || !strings.Contains(err.Error(), "free space") {
		t.Fatalf("Commit says: %v", err)
	}
	for _, r := range before {
		if d, err := s.Delivery(t.Context(), r.ID); err != nil || d.State != delivery.Pending {
			t.Errorf("delivery %d: %v, %v", r.ID, d.State, err)
		}
	}
	if found, err := s.Events(t.Context(), delivery.EventFilter{RunID: "full"}, delivery.Page{Limit: 1}); err != nil || len(found) != 0 {
		t.Errorf("of the batch that failed there is %v, %v", found, err)
	}
	if err := s.Exec(t.Context(), "PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if _, err := publish(t.Context(), s, "full", 1000, 1000); err != nil {
		t.Errorf("with space again: %v", err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEraseLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, sqlite.Options{})
	robot(t, s)
	const run = "the-run-to-be-forgotten"
	refs, err := publish(t.Context(), s, run, 300, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publish(t.Context(), s, "kept", 300, 1000); err != nil {
		t.Fatal(err)
	}
	var b delivery.Batch
	for _, r := range refs {
		b.Outcomes = append(b.Outcomes, delivery.Outcome{
			EndpointID: r.EndpointID, Epoch: r.Epoch, State: delivery.Exhausted, Reason: run,
			Attempt: delivery.Attempt{DeliveryID: r.ID, N: 1, At: time.Now(), Detail: []byte(`{"answer":"` + run + `"}`)},
		})
	}
	if _, err := s.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	aside := delivery.Publication{
		IdempotencyKey: run,
		Event:          delivery.Event{ID: "evt_aside", RobotID: "robot", RunID: run, At: time.Now(), Operational: true, Body: []byte("{}")},
		SetAside:       &delivery.SetAside{ID: 1, At: time.Now(), RobotID: "robot", RunID: run, Body: []byte(run + strings.Repeat("x", 10_000)), Report: []byte(run)},
	}
	if _, err := s.Commit(t.Context(), &delivery.Batch{Publish: []delivery.Publication{aside}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateJob(t.Context(), delivery.Job{Kind: delivery.Erase, RobotID: "robot", RunID: run}, delivery.Audit{}); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := s.WorkOn(t.Context(), 50); errors.Is(err, delivery.ErrNotFound) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	values := 0
	if err := s.Dump(t.Context(), func(table string, value any) {
		values++
		if strings.Contains(fmt.Sprintf("%s", value), run) {
			t.Errorf("%s still has %q", table, value)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if values < 1000 {
		t.Errorf("%d values were looked at", values)
	}
	// Nor does the log, soon.
	for start := time.Now(); ; {
		log, err := os.ReadFile(filepath.Join(dir, "runhooks.db-wal"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(log, []byte(run)) {
			break
		}
		if time.Since(start) > 20*time.Second {
			t.Fatal("the log still has it")
		}
	}
	// Nor does a backup, which has no unused space.
	file := filepath.Join(t.TempDir(), "backup.db")
	if err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if i := bytes.Index(data, []byte(run)); i >= 0 {
		t.Errorf("the backup has it at %d: %q", i, data[max(0, i-20):i+40])
	}
}

func TestBackupAndRestore(t *testing.T) {
	s := open(t, t.TempDir(), sqlite.Options{})
	robot(t, s)
	refs, err := publish(t.Context(), s, "1", 100, 1000)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "backup.db")
	// While others write.
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error)
	go func() {
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := publish(ctx, s, fmt.Sprint("during", i), 10, 1000); err != nil && ctx.Err() == nil {
				stopped <- err
				return
			}
		}
		stopped <- nil
	}()
	if err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), file); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a backup over another says: %v", err)
	}

	dir := filepath.Join(t.TempDir(), "new")
	if err := sqlite.Restore(t.Context(), file, dir); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Restore(t.Context(), file, dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("to restore over a database says: %v", err)
	}
	restored := open(t, dir, sqlite.Options{})
	for _, r := range refs {
		want, err := s.Delivery(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := restored.Delivery(t.Context(), r.ID); err != nil || got != want {
			t.Errorf("delivery %d: %+v, %v", r.ID, got, err)
		}
	}

	// What is not a whole backup is refused, and nothing is left of it.
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(whole)
	for i := len(broken) / 2; i < len(broken)/2+20_000; i++ {
		broken[i] ^= 0x55
	}
	for name, data := range map[string][]byte{"empty": nil, "text": []byte("no database"), "cut": whole[:len(whole)/2], "broken": broken} {
		file, dir := filepath.Join(t.TempDir(), "backup.db"), t.TempDir()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := sqlite.Restore(t.Context(), file, dir); err == nil {
			t.Errorf("%s: restored", name)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, sqlite.File+"*")); len(left) > 0 {
			t.Errorf("%s: it left %v", name, left)
		}
	}
}

// TestDueByTheClock moves the clock an hour on.
func TestDueByTheClock(t *testing.T) {
	now := time.Now()
	s := open(t, t.TempDir(), sqlite.Options{Clock: func() time.Time { return now }})
	e := robot(t, s)
	refs, err := publish(t.Context(), s, "1", 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), &delivery.Batch{Outcomes: []delivery.Outcome{{
		EndpointID: e.ID, Epoch: refs[0].Epoch, State: delivery.Pending, Delay: time.Hour, Attempt: delivery.Attempt{DeliveryID: refs[0].ID, N: 1},
	}}}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		by   time.Duration
		want int
	}{{time.Hour - time.Second, 0}, {time.Second + time.Millisecond, 1}} {
		now = now.Add(step.by)
		r, err := s.Due(t.Context(), delivery.DueQuery{EndpointID: e.ID, Limit: 10, MaxBytes: 1000})
		if err != nil || len(r.Deliveries) != step.want {
			t.Errorf("after %v, %d are due, %v", step.by, len(r.Deliveries), err)
		}
	}
}

// TestLogStaysSmall writes 100 MB while others read.
func TestLogStaysSmall(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, sqlite.Options{})
	robot(t, s)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for ctx.Err() == nil {
			if _, err := s.Deliveries(ctx, delivery.DeliveryFilter{State: delivery.Expired}, delivery.Page{Limit: 10}); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	}()
	var most int64
	for i := range 250 {
		if _, err := publish(t.Context(), s, fmt.Sprint(i), 40, 10_000); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, sqlite.File+"-wal"))
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, info.Size())
	}
	stop()
	<-stopped
	if most > 64<<20 {
		t.Errorf("the log grew to %d MB", most>>20)
	}
	t.Logf("the log grew to %d MB", most>>20)
}

// TestSearchBeyondOneBlock looks for events in sealed blocks and in the last.
func TestSearchBeyondOneBlock(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, sqlite.Options{})
	e := robot(t, s)
	for i := range 5 {
		if _, err := publish(t.Context(), s, fmt.Sprint("run", i), 700, 10); err != nil {
			t.Fatal(err)
		}
	}
	for _, again := range []bool{false, true} {
		if again {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir, sqlite.Options{})
			if _, err := s.Join(t.Context(), "node", true); err != nil {
				t.Fatal(err)
			}
			if _, err := publish(t.Context(), s, "run5", 700, 10); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			run := fmt.Sprint("run", i)
			events, err := s.Events(t.Context(), delivery.EventFilter{RunID: run}, delivery.Page{})
			if err != nil || len(events) != 700 {
				t.Errorf("%s has %d events, %v", run, len(events), err)
			}
			deliveries, err := s.Deliveries(t.Context(), delivery.DeliveryFilter{RunID: run}, delivery.Page{})
			if err != nil || len(deliveries) != 700 {
				t.Errorf("%s has %d deliveries, %v", run, len(deliveries), err)
			}
			if _, err := s.Event(t.Context(), "evt_"+run+"_699"); err != nil {
				t.Errorf("the last of %s: %v", run, err)
			}
		}
		// All of an endpoint, page by page.
		n, last := 0, int64(0)
		for {
			page, err := s.Deliveries(t.Context(), delivery.DeliveryFilter{EndpointID: e.ID}, delivery.Page{Limit: 300, Before: last})
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, d := range page {
				if last != 0 && d.ID != last-1 {
					t.Fatalf("delivery %d comes after %d", d.ID, last)
				}
				last = d.ID
			}
			n += len(page)
		}
		if want := map[bool]int{false: 3500, true: 4200}[again]; n != want {
			t.Errorf("the endpoint has %d deliveries, not %d", n, want)
		}
	}
}

// TestSizeStaysFlat removes what it writes, and compares what the database takes. Its log
// is as large as it was when copying it came latest, so it has a bound of its own.
func TestSizeStaysFlat(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	s := open(t, dir, sqlite.Options{Clock: func() time.Time { return now }})
	e := robot(t, s)
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	var warm int64
	for round := range 40 {
		refs, err := publish(t.Context(), s, fmt.Sprint("round", round), 1000, 1000)
		if err != nil {
			t.Fatal(err)
		}
		var b delivery.Batch
		for _, r := range refs {
			b.Outcomes = append(b.Outcomes, delivery.Outcome{EndpointID: e.ID, Epoch: refs[0].Epoch, State: delivery.Delivered, Attempt: delivery.Attempt{DeliveryID: r.ID, N: 1}})
			if r.Epoch != refs[0].Epoch {
				t.Fatalf("the epoch goes from %d to %d", refs[0].Epoch, r.Epoch)
			}
		}
		if _, err := s.Commit(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute) // five rounds are kept
		for {
			n, err := s.Retain(t.Context(), delivery.Retention{Finished: 5 * time.Minute, Idempotency: 5 * time.Minute}, 500)
			if err != nil {
				t.Fatal(err)
			}
			// After a pass there is none for twenty times as long as it took, by a real clock.
			_, err = s.Event(t.Context(), fmt.Sprintf("evt_round%d_999", round-5))
			if n == 0 && errors.Is(err, delivery.ErrNotFound) {
				break
			}
		}
		if round == 20 {
			warm = size(sqlite.File)
		}
	}
	if end := size(sqlite.File); end > warm*11/10 {
		t.Errorf("what is kept is the same, and the database grows from %d to %d KB", warm>>10, end>>10)
	}
	if log := size(sqlite.File + "-wal"); log > 48<<20 { // copying starts at 16 MB
		t.Errorf("the log has %d KB", log>>10)
	}
	if found, err := s.Deliveries(t.Context(), delivery.DeliveryFilter{}, delivery.Page{}); err != nil || len(found) > 7000 || len(found) < 4000 {
		t.Errorf("%d deliveries are kept, %v", len(found), err)
	}
}

// What inlets received that is invalid makes room, too, when nothing else is left.
func TestSetAsideIsBounded(t *testing.T) {
	s := open(t, t.TempDir(), sqlite.Options{})
	robot(t, s)
	if _, err := publish(t.Context(), s, "waiting", 3, 1000); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		if _, err := s.Commit(t.Context(), &delivery.Batch{Publish: []delivery.Publication{{
			Event:    delivery.Event{ID: fmt.Sprint("evt_", i), At: time.Now(), Operational: true, Body: []byte("{}")},
			SetAside: &delivery.SetAside{ID: int64(i + 1), At: time.Now(), Body: make([]byte, 100_000)},
		}}}); err != nil {
			t.Fatal(err)
		}
	}
	const most = 1_000_000
	for range 100 {
		if _, err := s.Retain(t.Context(), delivery.Retention{MaxBytes: most}, 20); err != nil {
			t.Fatal(err)
		}
	}
	stats, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left, err := s.SetAsides(t.Context(), delivery.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if stats.Bytes > most || len(left) == 0 || left[0].ID != 30 || stats.Pending != 3 {
		t.Errorf("%d bytes, %d set aside, %d pending", stats.Bytes, len(left), stats.Pending)
	}
}

// TestClaimMeanwhile: a Claim that looks while a delivery is being made pending
// again may miss it. Then the next one finds it.
func TestClaimMeanwhile(t *testing.T) {
	s := open(t, t.TempDir(), sqlite.Options{})
	e := robot(t, s)
	done, err := s.Commit(t.Context(), &delivery.Batch{Publish: []delivery.Publication{{Event: delivery.Event{
		ID: "evt_1", Type: "run_failed", RobotID: "robot", RunID: "run", At: time.Now(), Body: []byte("{}"),
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	id, epoch := done.Published[0].Deliveries[0].ID, done.Published[0].Deliveries[0].Epoch
	for n := 1; n <= 50; n++ {
		// It is exhausted, and nobody owns the endpoint.
		if _, err := s.Commit(t.Context(), &delivery.Batch{
			Outcomes: []delivery.Outcome{{EndpointID: e.ID, Epoch: epoch, State: delivery.Exhausted, Attempt: delivery.Attempt{DeliveryID: id, N: n, At: time.Now()}}},
			Release:  []delivery.Claim{{EndpointID: e.ID, Epoch: epoch}},
		}); err != nil {
			t.Fatal(err)
		}
		retried := make(chan error)
		go func() {
			_, err := s.Retry(context.Background(), id, delivery.Audit{})
			retried <- err
		}()
		var claims []delivery.Claim
		for over := false; ; {
			found, err := s.Claim(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			claims = append(claims, found...)
			if over {
				break
			}
			select {
			case err := <-retried:
				if err != nil {
					t.Fatal(err)
				}
				over = true
			default:
			}
		}
		if len(claims) != 1 {
			t.Fatalf("retry %d: %d claims, want 1: the delivery is lost until a restart", n, len(claims))
		}
		epoch = claims[0].Epoch
	}
}
