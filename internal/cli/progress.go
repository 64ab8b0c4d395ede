package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// How long a check must take before it shows its progress, and how often it
// shows it then.
const (
	progressAfter = 700 * time.Millisecond
	progressEvery = 150 * time.Millisecond
)

// A progress is one line on a terminal that tells how far a check has come. A
// nil progress shows nothing.
type progress struct {
	terminal io.Writer
	width    int
	total    int64 // bytes, or less than 1 where that isn't known
	started  time.Time
	bytes    atomic.Int64
	payloads atomic.Int64

	mu    sync.Mutex // guards the terminal and shown
	shown bool
	quit  chan struct{}
	done  sync.WaitGroup
}

func startProgress(terminal io.Writer, width int, total int64) *progress {
	p := &progress{terminal: terminal, width: width, total: total, started: time.Now(), quit: make(chan struct{})}
	p.done.Go(func() {
		timer := time.NewTimer(progressAfter)
		defer timer.Stop()
		for {
			select {
			case <-p.quit:
				return
			case <-timer.C:
				p.show()
				timer.Reset(progressEvery)
			}
		}
	})
	return p
}

// read counts bytes of input.
func (p *progress) read(n int64) {
	if p != nil {
		p.bytes.Add(n)
	}
}

// checked counts payloads.
func (p *progress) checked(n int) {
	if p != nil {
		p.payloads.Add(int64(n))
	}
}

// stop takes the line away for good.
func (p *progress) stop() {
	if p != nil {
		close(p.quit)
		p.done.Wait()
		p.hide()
	}
}

func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := progressLine(p.bytes.Load(), p.total, p.payloads.Load(), time.Since(p.started), p.width)
	fmt.Fprintf(p.terminal, "\r\x1b[K%s", line)
	p.shown = true
}

func (p *progress) hide() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.terminal, "\r\x1b[K")
		p.shown = false
	}
}

// behind gives a writer to w that takes the line away before it writes, for
// where w is the same terminal.
func (p *progress) behind(w io.Writer) io.Writer {
	if p == nil {
		return w
	}
	return writerFunc(func(b []byte) (int, error) {
		p.hide()
		return w.Write(b)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// progressLine tells of bytes read out of total, payloads checked and time
// taken, in no more than width columns.
func progressLine(bytes, total, payloads int64, taken time.Duration, width int) string {
	seconds := max(taken.Seconds(), 1e-3)
	text := fmt.Sprintf("%s  %s/s  %d payloads  %.0f/s",
		sizeText(bytes), sizeText(int64(float64(bytes)/seconds)), payloads, float64(payloads)/seconds)
	if total > 0 {
		share := min(float64(bytes)/float64(total), 1)
		left := "…"
		if bytes > 0 {
			remaining := time.Duration(float64(taken) * (1 - share) / max(share, 1e-9))
			left = remaining.Round(time.Second).String()
		}
		text = fmt.Sprintf("%3.0f%%  %s of %s  %d payloads  %.0f/s  %s left",
			share*100, sizeText(bytes), sizeText(total), payloads, float64(payloads)/seconds, left)
		const columns = 24
		if len(text)+columns+3 < width {
			full := int(share * columns)
			text = strings.Repeat("━", full) + strings.Repeat("─", columns-full) + " " + text
		}
	}
	if runes := []rune(text); width > 0 && len(runes) >= width {
		text = string(runes[:width-1])
	}
	return text
}

func sizeText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
