package sqlite

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sort"

	"github.com/runhooks/runhooks/internal/delivery"
)

// Events are found by blocks of their numbers. A block has a digest: sorted hashes of
// the ids, runs, robots and endpoints of its events. To find those of a run, the
// digests are searched, the newest first, and then the blocks that have it. An index
// would cost each event a page of its own, because runs have no order; this costs a
// few bytes. The last block is sealed with the first event of the next, and searched
// without a digest until then.

// blockBits says how many events a block has: 1,024.
const blockBits = 10

// A block is the last one, of which events are still to come.
type block struct {
	n                            int64
	ids, runs, robots, endpoints []uint32
}

func hash(s string) uint32 { return crc32.Checksum([]byte(s), castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// note adds an event to the digest of its block. The caller is the writer.
func (s *Store) note(ctx context.Context, c *conn, seq int64, e *delivery.Event, to []*endpoint) error {
	b := &s.block
	if n := seq >> blockBits; n != b.n {
		if _, err := c.exec(ctx, "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?)",
			b.n, digest(b.ids), digest(b.runs), digest(b.robots), digest(b.endpoints)); err != nil {
			return err
		}
		*b = block{n: n}
	}
	b.ids = append(b.ids, hash(e.ID))
	b.runs = append(b.runs, hash(e.RunID))
	b.robots = append(b.robots, hash(e.RobotID))
	for _, t := range to {
		b.endpoints = append(b.endpoints, uint32(t.num))
	}
	return nil
}

// digest leaves hashes as they are, because a rollback goes back to them.
func digest(hashes []uint32) []byte {
	hashes = slices.Clone(hashes)
	slices.Sort(hashes)
	hashes = slices.Compact(hashes)
	b := make([]byte, 0, 4*len(hashes))
	for _, h := range hashes {
		b = binary.BigEndian.AppendUint32(b, h)
	}
	return b
}

func contains(digest []byte, h uint32) bool {
	n := len(digest) / 4
	at := func(i int) uint32 { return binary.BigEndian.Uint32(digest[4*i:]) }
	i := sort.Search(n, func(i int) bool { return at(i) >= h })
	return i < n && at(i) == h
}

// loadBlock makes the digest of the last block anew.
func (s *Store) loadBlock(ctx context.Context) error {
	s.block = block{n: (s.next.event - 1) >> blockBits}
	b := &s.block
	if err := s.w.query(ctx, func(r row) error {
		b.ids = append(b.ids, hash(r.text(0)))
		b.runs = append(b.runs, hash(r.text(1)))
		b.robots = append(b.robots, hash(r.text(2)))
		return nil
	}, "SELECT id, run, robot FROM events WHERE seq >= ?", b.n<<blockBits); err != nil {
		return err
	}
	return s.w.query(ctx, func(r row) error {
		b.endpoints = append(b.endpoints, uint32(r.int(0)))
		return nil
	}, "SELECT d.endpoint FROM events e CROSS JOIN deliveries d ON d.id >= e.first AND d.id < e.first + e.made WHERE e.seq >= ?", b.n<<blockBits)
}

// A key is what blocks are searched for: a hash in one of their digests.
type key struct {
	column string // of the table blocks
	hash   uint32
}

// search calls each with the blocks that may have what the key is for, the newest
// first, among those of the numbers of events from first on and before another. Its
// arguments are such numbers, too: of what is to be searched of the block. It ends
// with errStop.
func search(ctx context.Context, c *conn, k key, first, before int64, each func(first, before int64) error) error {
	r, err := c.one(ctx, "SELECT (SELECT min(seq) FROM events), (SELECT max(seq) FROM events), (SELECT max(n) FROM blocks)")
	if err != nil || r[0] == nil {
		return err
	}
	first, before = max(first, r.int(0)), min(before, r.int(1)+1)
	if first >= before {
		return nil
	}
	bottom, top := first>>blockBits, (before-1)>>blockBits
	sealed := r.int(2)
	if r[2] == nil {
		sealed = -1
	}
	block := func(n int64) error { return each(max(first, n<<blockBits), min(before, (n+1)<<blockBits)) }
	for n := top; n > sealed && n >= bottom; n-- {
		if err := block(n); err == errStop {
			return nil
		} else if err != nil {
			return err
		}
	}
	return c.query(ctx, func(r row) error {
		if !contains(r.blob(1), k.hash) {
			return nil
		}
		return block(r.int(0))
	}, "SELECT n, "+k.column+" FROM blocks WHERE n BETWEEN ? AND ? ORDER BY n DESC", bottom, top)
}
