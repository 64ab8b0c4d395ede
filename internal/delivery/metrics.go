package delivery

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what an operator needs to see. None has a robot, an endpoint or a
// URL as a label: there may be millions, and URLs hold secrets.
type metrics struct {
	publishedEvents *prometheus.CounterVec
	received        *prometheus.CounterVec
	attempts        *prometheus.CounterVec
	attemptTime     prometheus.Histogram
	firstAttempt    prometheus.Histogram
	commitTime      prometheus.Histogram
	commitItems     prometheus.Histogram
	commitWait      prometheus.Histogram
	findTime        *prometheus.HistogramVec
	late            prometheus.Counter
	leasesLost      prometheus.Counter
	renewFailed     prometheus.Counter
	breakerOpened   prometheus.Counter
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "runhooks", Name: name, Help: help})
	}
	counters := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "runhooks", Name: name, Help: help}, []string{label})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "runhooks", Name: name, Help: help, Buckets: buckets})
	}
	histograms := func(name, help, label string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "runhooks", Name: name, Help: help, Buckets: buckets}, []string{label})
	}
	seconds := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	m := &metrics{
		publishedEvents: counters("events_published_total", "Events that were accepted and are on disk.", "type"),
		received:        counters("inlet_events_total", "Payloads that inlets received and that are on disk, by what became of them: accepted, repeated or set_aside.", "outcome"),
		attempts:        counters("attempts_total", "Attempts that ended, by what came of them.", "outcome"),
		attemptTime:     histogram("attempt_seconds", "How long attempts took.", seconds),
		firstAttempt:    histogram("first_attempt_delay_seconds", "Time from the acceptance of an event to the start of the first attempt to an endpoint.", seconds),
		commitTime:      histogram("commit_seconds", "How long commits took.", seconds),
		commitItems:     histogram("commit_items", "How many publications and outcomes a commit wrote.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}),
		commitWait:      histogram("commit_wait_seconds", "How long the oldest item of a commit waited until it was on disk.", seconds),
		findTime:        histograms("find_seconds", "How long the store took to find work: endpoints to own (claim), when their deliveries are due (peek), and those that are (due).", "of", seconds),
		late:            counter("late_attempts_total", "Attempts that ended after their endpoint had another owner."),
		leasesLost:      counter("leases_lost_total", "How often this node lost its lease."),
		renewFailed:     counter("lease_renewals_failed_total", "How often the lease could not be renewed."),
		breakerOpened:   counter("breaker_opened_total", "How often the breaker of an endpoint opened."),
	}
	for _, outcome := range []string{"accepted", "repeated", "set_aside"} {
		m.received.WithLabelValues(outcome) // shown from the start
	}
	return m
}

// began counts an attempt that begins at a time of the store.
func (m *metrics) began(d *Delivery, now time.Time) {
	if d.Attempts == 0 {
		m.firstAttempt.Observe(max(now.Sub(d.CreatedAt), 0).Seconds())
	}
}

func (m *metrics) attempted(o *ended) {
	m.attempts.WithLabelValues(o.Attempt.Outcome).Inc()
	m.attemptTime.Observe(o.Attempt.Duration.Seconds())
}

// found is called when the store has found work, or failed to.
func (m *metrics) found(of string, start time.Time) {
	m.findTime.WithLabelValues(of).Observe(time.Since(start).Seconds())
}

func (m *metrics) committed(p *pack, took time.Duration) {
	m.commitTime.Observe(took.Seconds())
	m.commitItems.Observe(float64(len(p.items)))
	if len(p.items) > 0 {
		m.commitWait.Observe(time.Since(p.items[0].waiting).Seconds())
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.publishedEvents, m.received, m.attempts, m.attemptTime, m.firstAttempt, m.commitTime, m.commitItems, m.commitWait, m.findTime,
		m.late, m.leasesLost, m.renewFailed, m.breakerOpened,
	}
}

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("runhooks_"+name, help, labels, nil)
}

// The gauges of this node, and those of the whole store, which all nodes show.
var (
	inFlightDesc    = gauge("attempts_in_flight", "Attempts under way on this node, by what is known of their endpoints.", "endpoints")
	ownedDesc       = gauge("endpoints_owned", "Endpoints that this node owns.")
	breakersDesc    = gauge("breakers_open", "Endpoints of this node whose breaker is open or half open.")
	heldBytesDesc   = gauge("held_bytes", "Bytes of bodies that this node holds for attempts.")
	waitingDesc     = gauge("commit_waiting", "Publications and outcomes of this node that wait to be written.")
	leaseDesc       = gauge("lease_seconds", "How much longer this node may start attempts; 0 without a lease.")
	nodesDesc       = gauge("nodes", "Nodes that deliver.")
	pendingDesc     = gauge("store_deliveries", "Unfinished deliveries in the store.", "state")
	oldestDesc      = gauge("store_oldest_due_seconds", "For how long the oldest delivery has been due.")
	outboxDesc      = gauge("store_outbox", "Events in the outbox.")
	setAsideDesc    = gauge("store_set_aside", "Events that were set aside.")
	endpointsDesc   = gauge("store_endpoints", "Endpoints, by their state.", "state")
	storeBytesDesc  = gauge("store_bytes", "Size of the database.")
	statsAgeDesc    = gauge("store_stats_age_seconds", "How old these figures of the store are.")
	gaugeDescs      = []*prometheus.Desc{inFlightDesc, ownedDesc, breakersDesc, heldBytesDesc, waitingDesc, leaseDesc, nodesDesc, pendingDesc, oldestDesc, outboxDesc, setAsideDesc, endpointsDesc, storeBytesDesc, statsAgeDesc}
	classNames      = [classes]string{proven: "proven", unknown: "unknown", bad: "bad"}
	endpointsStates = []EndpointState{Active, Paused, Disabled}
)

// Describe implements [prometheus.Collector].
func (e *Engine) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range e.metrics.all() {
		c.Describe(ch)
	}
	for _, d := range gaugeDescs {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (e *Engine) Collect(ch chan<- prometheus.Metric) {
	for _, c := range e.metrics.all() {
		c.Collect(ch)
	}
	show := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	e.commits.mu.Lock()
	waiting := len(e.commits.waiting) + len(e.commits.gathered)
	e.commits.mu.Unlock()
	show(waitingDesc, float64(waiting))

	e.mu.Lock()
	inFlight, bytes, stats, owned, nodes := e.inFlight, e.bytes, e.stats, len(e.queues), e.nodes
	lease := max(time.Until(e.leaseEnd), 0)
	open := 0
	for _, q := range e.queues {
		if q.health.Opened > 0 {
			open++
		}
	}
	e.mu.Unlock()
	for c, name := range classNames {
		show(inFlightDesc, float64(inFlight[c]), name)
	}
	show(ownedDesc, float64(owned))
	show(breakersDesc, float64(open))
	show(heldBytesDesc, float64(bytes[proven]+bytes[unknown]+bytes[bad]))
	show(leaseDesc, lease.Seconds())
	show(nodesDesc, float64(nodes))
	if stats.Now.IsZero() {
		return // nothing is known of the store
	}
	show(pendingDesc, float64(stats.Pending), string(Pending))
	show(pendingDesc, float64(stats.Held), string(Held))
	oldest := time.Duration(0)
	if !stats.OldestDue.IsZero() {
		oldest = max(stats.Now.Sub(stats.OldestDue), 0)
	}
	show(oldestDesc, oldest.Seconds())
	show(outboxDesc, float64(stats.Outboxed))
	show(setAsideDesc, float64(stats.SetAside))
	for _, s := range endpointsStates {
		show(endpointsDesc, float64(stats.Endpoints[s]), string(s))
	}
	show(storeBytesDesc, float64(stats.Bytes))
	show(statsAgeDesc, max(e.now().Sub(stats.Now), 0).Seconds())
}
