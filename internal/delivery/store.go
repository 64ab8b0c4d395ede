package delivery

import (
	"context"
	"errors"
	"time"
)

// Errors of stores; errors.Is finds them.
var (
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrVersion: the endpoint was changed since it was read.
	ErrVersion = errors.New("changed meanwhile")
	// ErrURLTaken: the robot has an endpoint with this URL.
	ErrURLTaken = errors.New("the robot has an endpoint with this URL")
	// ErrState: what was asked for isn't possible in the row's state.
	ErrState = errors.New("not possible in this state")
	// ErrLeaseLost: this node's lease ended, and others may own its endpoints.
	ErrLeaseLost = errors.New("this node's lease ended")
	// ErrNewer: the database was made by a newer release.
	ErrNewer = errors.New("the database was made by a newer release")
	// ErrLocked: another process has the database.
	ErrLocked = errors.New("another process uses this database")
	// ErrFull: there is no space left on the disk.
	ErrFull = errors.New("the disk is full")
)

// A Store keeps rows. Its methods may be called by several goroutines at once.
// What a method changes is on disk when it returns.
//
// Times are those of the store's clock, which is one for all nodes. No node's own
// clock decides when something is due.
type Store interface {
	Work
	Settings
	Inlets
	Records
	Captures
	Upkeep

	// Ping says whether the store can be written to.
	Ping(ctx context.Context) error
	Close() error
}

// Work is what an [Engine] needs to deliver.
type Work interface {
	// Writers returns how many calls of Commit at once are useful.
	Writers() int

	// Join makes this process a node of the store, with a lease. A node that does
	// not deliver only publishes, and never claims. It is called once, and again
	// after ErrLeaseLost.
	Join(ctx context.Context, name string, deliver bool) (Lease, error)
	// Renew renews the lease, and frees what nodes owned that are gone.
	Renew(ctx context.Context) (Lease, error)
	// Leave gives up the lease and all that this node owns.
	Leave(ctx context.Context) error

	// Commit writes a batch, all of it or nothing. Publications and outcomes are
	// in the order of the batch in what it returns.
	//
	// After an error nothing of the batch is written, unless the connection to the
	// store was lost: then all of it may be. Committing it again is safe either
	// way: what the first call wrote is not written again, and the answer has the
	// deliveries that it made. If an error comes again, the batch may hold what the
	// store refuses: commit its parts alone.
	Commit(ctx context.Context, b *Batch) (*Committed, error)

	// Claim makes this node the owner of up to max endpoints that have deliveries
	// pending and that no node owns.
	Claim(ctx context.Context, max int) ([]Claim, error)

	// Due returns deliveries that are pending, of an endpoint that this node owns.
	// See [DueQuery].
	Due(ctx context.Context, q DueQuery) (DueResult, error)

	// Peek says which of the endpoints in from that this node owns have work. The
	// result has an endpoint with the zero time if an ordered delivery of it is
	// pending, and otherwise with the time when its first pending delivery after
	// the time in from is due. Endpoints with neither are not in it.
	Peek(ctx context.Context, from map[string]time.Time) (map[string]time.Time, error)

	// Hints returns a channel of ids of endpoints that other nodes made work for,
	// or whose settings they changed. A hint may be lost. An empty id stands for
	// any endpoint. The channel is nil if there are no other nodes.
	Hints() <-chan string

	// Ingest takes up to max events, oldest first, that platforms published in
	// transactions of their own, and hands them to judge. In one transaction it
	// then publishes and sets aside what judge returned, and removes what it had
	// taken. It returns how many that were.
	Ingest(ctx context.Context, max int, judge func([]Outboxed) Judged) (int, *Committed, error)
}

// A Lease says until when this node may start attempts.
type Lease struct {
	// Node is this node's id.
	Node string
	// Now is the store's clock.
	Now time.Time
	// TTL is how long the lease lasts, counted from before the call that
	// returned it.
	TTL time.Duration
	// Nodes is how many nodes deliver, this one included, and Queues how many
	// endpoints with work all of them own.
	Nodes  int
	Queues int
	// Changed are the endpoints whose settings other nodes changed since the last
	// call.
	Changed []string
}

// A Claim says that this node owns an endpoint.
type Claim struct {
	EndpointID string
	// Epoch goes up with each change of the owner.
	Epoch    int64
	Endpoint Endpoint
	Health   Health
}

// A DueQuery asks for deliveries of one endpoint.
type DueQuery struct {
	EndpointID string
	// Ordered asks for the ordered deliveries, in their order, whenever they are
	// due, from the one after the delivery After; otherwise for the others, by
	// when they are due, from From on. A retry of an ordered delivery has its
	// DueAt, for which the ones behind it wait.
	Ordered bool
	After   int64
	From    time.Time
	// Limit and MaxBytes bound what is returned. One delivery is returned
	// whatever its size.
	Limit    int
	MaxBytes int
}

// A DueResult is the answer to a DueQuery.
type DueResult struct {
	// Deliveries are due now, or ordered.
	Deliveries []Task
	// More says that there are further ones like them.
	More bool
	// NextDue is when the next delivery after these is due, if none more is due
	// now; zero if there is none.
	NextDue time.Time
}

// A Task is a delivery to be attempted, with its event.
type Task struct {
	Delivery Delivery
	Event    Event
}

// A Batch is what is written at once.
type Batch struct {
	Publish  []Publication
	Outcomes []Outcome
	Health   []HealthChange
	Disable  []Disabling
	// Release gives up endpoints. One that has deliveries pending is free for
	// other nodes.
	Release []Claim
}

// A Publication is an event to be accepted.
type Publication struct {
	Event Event
	// EndpointID is the only endpoint that gets it, if not empty.
	EndpointID string
	// IdempotencyKey, if not empty, makes the store keep and accept only the
	// first publication with this key. BodyHash reports whether another one with it
	// is the same.
	IdempotencyKey string
	BodyHash       [32]byte
	// SetAside, if not nil, is stored with the event, if that is.
	SetAside *SetAside
}

// An Outcome is what came of an attempt, and what follows.
type Outcome struct {
	EndpointID string
	Epoch      int64
	Attempt    Attempt
	// State is the delivery's from now on, with its Round and Reason. If it is
	// Pending, the next attempt is due after Delay.
	State  State
	Round  int
	Reason string
	Delay  time.Duration
}

// A HealthChange replaces the health of an endpoint, if this node owns it.
type HealthChange struct {
	EndpointID string
	Epoch      int64
	Health     Health
}

// A Disabling disables an endpoint that is active.
type Disabling struct {
	EndpointID string
	Reason     string
}

// Committed says what came of a batch.
type Committed struct {
	// Now is the store's clock.
	Now       time.Time
	Published []Published
	// Late has for each outcome whether another node owned the endpoint, so that
	// only a late attempt was written.
	Late []bool
	// Disabled has for each disabling whether it changed the endpoint.
	Disabled []bool
}

// Published says what came of a publication.
type Published struct {
	// EventID is that of the first publication with the key, if Replayed.
	EventID  string
	Replayed bool
	// Conflict says that another event was published with the same key. Nothing
	// was stored.
	Conflict   bool
	Deliveries []Ref
}

// A Ref is a delivery that a publication made.
type Ref struct {
	ID         int64
	EndpointID string
	Ordered    bool
	State      State
	// Owned says that this node owns the endpoint, and Epoch is its epoch. If the
	// engine doesn't know that yet, Claim is the claim.
	Owned bool
	Epoch int64
	Claim *Claim
}

// Outboxed is an event that a platform published in a transaction of its own.
type Outboxed struct {
	ID int64
	// Body is the text that was published; nobody has judged it.
	Body []byte
	// IdempotencyKey may be empty.
	IdempotencyKey string
	At             time.Time
}

// Judged says what happened to events of an outbox.
type Judged struct {
	Publish  []Publication
	SetAside []SetAside
}

// A SetAside is an event of an outbox that doesn't conform, or a payload that an inlet
// received and that is invalid. It is never sent, and kept for a person to look at.
type SetAside struct {
	ID   int64 // see [NewSetAsideID]
	At   time.Time
	Body []byte
	// Report is the judge's, as JSON.
	Report []byte
	// InletID is empty for one of an outbox. RobotID and RunID are empty where they
	// are not known; erasing them erases it.
	InletID string
	RobotID string
	RunID   string
}

// A Page bounds a list. Lists are newest first.
type Page struct {
	// Before is the Seq, or ID, of the last entry of the page before; 0 is from
	// the start.
	Before int64
	Limit  int
}

// An EndpointFilter chooses endpoints; an empty field means any.
type EndpointFilter struct {
	RobotID  string
	Operator bool // only those of the operator
	State    EndpointState
	// After is the id of the last endpoint of the page before. Endpoints are in
	// the order of their ids, which is that of their creation.
	After string
	Limit int
}

// Settings is what the API of settings needs. Each change comes with its entry for
// the audit log, which is written in the same transaction.
type Settings interface {
	Endpoint(ctx context.Context, id string) (Endpoint, error)
	Endpoints(ctx context.Context, f EndpointFilter) ([]Endpoint, error)
	// CreateEndpoint stores e with Version 1. Its error may be ErrURLTaken.
	CreateEndpoint(ctx context.Context, e Endpoint, a Audit) (Endpoint, error)
	// UpdateEndpoint replaces the endpoint whose Version is e.Version. Its error
	// may be ErrNotFound, ErrVersion or ErrURLTaken.
	UpdateEndpoint(ctx context.Context, e Endpoint, a Audit) (Endpoint, error)
	// DeleteEndpoint deletes the endpoint, if version is its version or 0. Its
	// unfinished deliveries become Cancelled in steps, by [Upkeep.Settle].
	DeleteEndpoint(ctx context.Context, id string, version int64, a Audit) error
	// Health returns what is known of an endpoint's health; zero if nothing is.
	Health(ctx context.Context, id string) (Health, error)

	Tokens(ctx context.Context) ([]Token, error)
	// TokenByHash finds a token that has not expired; ErrNotFound otherwise.
	TokenByHash(ctx context.Context, hash [32]byte) (Token, error)
	CreateToken(ctx context.Context, t Token, a Audit) error
	// DeleteToken deletes a token. Of several calls at once only one succeeds; the error
	// of the others is ErrNotFound.
	DeleteToken(ctx context.Context, id string, a Audit) error

	Audits(ctx context.Context, f AuditFilter, p Page) ([]Audit, error)
}

// An InletFilter chooses inlets; an empty field means any.
type InletFilter struct {
	RobotID string
	// After is the id of the last inlet of the page before. Inlets are in the order
	// of their ids, which is that of their creation.
	After string
	Limit int
}

// Inlets is what the API of inlets needs. Each change comes with its entry for the
// audit log, which is written in the same transaction. The error of a change is
// ErrNotFound if there is no such inlet.
type Inlets interface {
	Inlet(ctx context.Context, id string) (Inlet, error)
	// InletByHash finds the inlet that a URL belongs to; ErrNotFound if there is none.
	InletByHash(ctx context.Context, hash [32]byte) (Inlet, error)
	Inlets(ctx context.Context, f InletFilter) ([]Inlet, error)
	CreateInlet(ctx context.Context, i Inlet, a Audit) error
	// UpdateInlet replaces Name, Zone and Locale, and returns the inlet.
	UpdateInlet(ctx context.Context, i Inlet, a Audit) (Inlet, error)
	// RotateInlet replaces the hash, and returns the inlet.
	RotateInlet(ctx context.Context, id string, hash [32]byte, a Audit) (Inlet, error)
	DeleteInlet(ctx context.Context, id string, a Audit) error
	// NoteReceived makes now the time when the inlet last received something.
	NoteReceived(ctx context.Context, id string) error
}

// Captures is what inspectors need.
type Captures interface {
	// AddCapture stores a capture, of which it sets ID and At, and removes the oldest
	// of the same inspector, so that at most keep are left, of maxBytes together. The
	// new one is stored whatever its size.
	AddCapture(ctx context.Context, c Capture, keep int, maxBytes int64) error
	// Captures returns captures of an inspector without their requests.
	Captures(ctx context.Context, inspector string, p Page) ([]Capture, error)
	// Capture returns a capture of an inspector. Its error may be ErrNotFound.
	Capture(ctx context.Context, inspector string, id int64) (Capture, error)
	// ClearCaptures removes all captures of an inspector.
	ClearCaptures(ctx context.Context, inspector string) error
}

// A Capture is a request that an inspector was sent.
type Capture struct {
	// ID goes up, and is never given out twice.
	ID int64
	// Inspector is the id of its token.
	Inspector string
	At        time.Time
	// Request is the request, in a form that package service chooses.
	Request []byte
}

// A Token lets its bearer use the API.
type Token struct {
	ID   string
	Name string
	Role string // of package service
	// RobotID limits it to one robot, if not empty.
	RobotID   string
	Hash      [32]byte
	CreatedAt time.Time
	// ExpiresAt is zero for a token that doesn't.
	ExpiresAt time.Time
}

// An Audit is the record of one change that a person asked for.
type Audit struct {
	Seq int64 // the store sets it
	At  time.Time
	// Actor is the id of the token that asked for it, or "service".
	Actor string
	// Action is, for example, endpoint.create, and Subject the id of what was
	// changed.
	Action  string
	Subject string
	RobotID string
	// Changes is a JSON object of what changed: {"url": ["old", "new"]}. Nothing
	// in it is secret.
	Changes []byte
}

// An AuditFilter chooses entries; an empty field means any.
type AuditFilter struct {
	Subject string
	RobotID string
	Actor   string
}

// A DeliveryFilter chooses deliveries; an empty field means any.
type DeliveryFilter struct {
	RobotID    string
	EndpointID string
	RunID      string
	EventID    string
	EventType  string
	State      State
	From, To   time.Time // of CreatedAt: from From on, and before To
}

// An EventFilter chooses events; an empty field means any.
type EventFilter struct {
	RobotID  string
	RunID    string
	Type     string
	From, To time.Time
}

// Records is what the API of events and deliveries needs. What a person asked for
// comes with its entry for the audit log, which is written in the same transaction.
type Records interface {
	Event(ctx context.Context, id string) (Event, error)
	// Events returns events without their bodies and sources.
	Events(ctx context.Context, f EventFilter, p Page) ([]Event, error)
	Delivery(ctx context.Context, id int64) (Delivery, error)
	Deliveries(ctx context.Context, f DeliveryFilter, p Page) ([]Delivery, error)
	// Attempts returns all attempts of a delivery, the first first.
	Attempts(ctx context.Context, delivery int64) ([]Attempt, error)

	SetAsides(ctx context.Context, p Page) ([]SetAside, error)

	// Activity returns what happened recently at each of the endpoints, by their ids.
	// Those that don't exist, or were deleted, are not in the result.
	Activity(ctx context.Context, endpoints []string) (map[string]Activity, error)
	// Robots returns robots that have endpoints or events, in the order of their ids.
	Robots(ctx context.Context, f RobotFilter) ([]Robot, error)

	// Retry makes a delivery pending, due now, in a new round. Its error may be
	// ErrNotFound, or ErrState if the endpoint is not active or was deleted.
	Retry(ctx context.Context, delivery int64, a Audit) (Delivery, error)
	// Cancel finishes a delivery that is not finished. An attempt under way goes
	// on; its outcome is written as that of an attempt and changes no state.
	Cancel(ctx context.Context, delivery int64, reason string, a Audit) (Delivery, error)

	// CreateJob stores a job that [Upkeep.WorkOn] carries out. Only one job of a
	// kind may be open for an endpoint, and what is recovered must be active:
	// otherwise the error is ErrState. The RobotID of a job that recovers is its
	// endpoint's, whatever j has.
	CreateJob(ctx context.Context, j Job, a Audit) (Job, error)
	Job(ctx context.Context, id int64) (Job, error)
}

// Counts are of attempts that started within an hour.
type Counts struct {
	Succeeded int64 // accepted
	Failed    int64 // all others
}

// Hours are the counts of 24 hours, each from its full hour in UTC. The last is the
// current one.
type Hours [24]Counts

// Since returns when the first of the hours starts.
func (h *Hours) Since(now time.Time) time.Time {
	return now.UTC().Truncate(time.Hour).Add(-time.Duration(len(h)-1) * time.Hour)
}

// Add adds to the hour that starts at a time, if it is one of them.
func (h *Hours) Add(now, hour time.Time, c Counts) {
	if i := int(hour.Sub(h.Since(now)) / time.Hour); !hour.Before(h.Since(now)) && i < len(h) {
		h[i].Succeeded += c.Succeeded
		h[i].Failed += c.Failed
	}
}

// CountMost is up to how many deliveries are counted for an [Activity].
const CountMost = 1000

// Activity is what happened at an endpoint recently, and what waits for it.
type Activity struct {
	// Waiting and Held are how many deliveries are pending and held. CountMost
	// stands for that many or more.
	Waiting int64
	Held    int64
	// LastSuccess is when the last attempt that was accepted started, and
	// LastAttempt when the last of all did; zero if there was none.
	LastSuccess time.Time
	LastAttempt time.Time
	Hours       Hours
	// Health is what [Settings.Health] returns.
	Health Health
}

// A RobotFilter chooses robots.
type RobotFilter struct {
	// RobotID, if not empty, asks for this robot alone. It is returned even if there
	// is nothing of it.
	RobotID string
	// After is the id of the last robot of the page before.
	After string
	Limit int
}

// A Robot is what the store knows about a robot.
type Robot struct {
	ID        string
	Endpoints int64 // how many
	// LastEvent is when its last event was accepted that is not operational; zero
	// if that is not kept any more. A store may then have the time of an older one.
	LastEvent time.Time
	Hours     Hours // of all its endpoints
}

// A Job is work in steps that a person asked for.
type Job struct {
	ID   int64
	Kind JobKind
	// Recover: the endpoint whose held, exhausted and expired deliveries since
	// Since become pending in a new round.
	EndpointID string
	Since      time.Time
	// Erase: the robot, or its run, of which all events, deliveries, attempts and
	// what was set aside are removed. What is under way is finished or cancelled first. Recover: the
	// endpoint's robot.
	RobotID string
	RunID   string

	// Done counts what is done of Total, deliveries or events.
	Done      int64
	Total     int64
	CreatedAt time.Time
	// FinishedAt is zero while the job is open.
	FinishedAt time.Time
	// Cursor is the store's own note of how far it is.
	Cursor int64
}

// A JobKind says what a job does.
type JobKind string

const (
	Recover JobKind = "recover"
	Erase   JobKind = "erase"
)

// Upkeep is what the engine does beside delivering, each call in one small step.
type Upkeep interface {
	// WorkOn does one step, of up to limit rows, of the oldest open job that no
	// other node works on. The error is ErrNotFound if there is none. Endpoints
	// that have work now are in the result's EndpointID.
	WorkOn(ctx context.Context, limit int) (Job, error)
	// Settle does one step of changing deliveries as their endpoints changed:
	// pending ones of endpoints that aren't active become held, and those of
	// deleted endpoints cancelled. It returns how many it changed.
	Settle(ctx context.Context, limit int) (int, error)
	// Retain does one step of removing what was kept for long enough, and what
	// exceeds MaxBytes. It returns how many rows it removed. Counts of attempts are
	// kept for KeepHours.
	Retain(ctx context.Context, r Retention, limit int) (int, error)
	// AddActivity adds to the counts of attempts. Endpoints that don't exist are left
	// out. After an error nothing was added, unless the connection to the store was
	// lost. It is called every few seconds, even if there is nothing to add: a store
	// may have to keep up with events for Robots.
	AddActivity(ctx context.Context, tallies []Tally) error
	// Stats returns what metrics and /readyz show of the whole store.
	Stats(ctx context.Context) (Stats, error)
	// Backup writes a copy of the database to a new file while it is in use.
	// Stores whose databases have tools for that return an error.
	Backup(ctx context.Context, file string) error
}

// A Tally counts attempts to an endpoint.
type Tally struct {
	EndpointID string
	Hour       time.Time // the full hour, in UTC, in which they started
	Counts
	// LastSuccess and LastAttempt are as in [Activity].
	LastSuccess time.Time
	LastAttempt time.Time
}

// KeepHours is for how long stores keep the counts of an hour: for longer than
// [Hours] show it.
const KeepHours = 48 * time.Hour

// A Retention says how long rows are kept. 0 is for ever.
type Retention struct {
	Finished    time.Duration // deliveries, their attempts, and events with no other delivery
	Held        time.Duration // held deliveries, which then expire
	Audit       time.Duration
	Idempotency time.Duration
	Expired     time.Duration // captures; and tokens, from when they expired
	// MaxBytes is the size of the database, about, above which the oldest
	// finished deliveries go before their time.
	MaxBytes int64
}

// Stats are counts of the whole store; those of large tables may be estimates.
type Stats struct {
	Now time.Time
	// Pending and Held count deliveries.
	Pending int64
	Held    int64
	// OldestDue is when the delivery that has been due for longest was due. It is
	// of those that may be attempted, and zero if none is due.
	OldestDue time.Time
	Outboxed  int64
	SetAside  int64
	Endpoints map[EndpointState]int64
	Bytes     int64
	Nodes     int
}
