package scan

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// An Event is one event of the contract, by both of its schemas.
type Event struct {
	// Name is the documented event_type, and Types are all those that the observed
	// schema takes.
	Name  string
	Types []string
	// Objects are those that the schemas describe outside of arrays and maps. Of those
	// at one place the first is the one that the observed schema describes.
	Objects []*Object
}

// An Object is what the schemas of an event name of an object.
type Object struct {
	Pointer string   // "/data/metadata" (RFC 6901)
	Schema  string   // of the documented layer: its document and pointer
	Members []Member // in the order of the bits of Note.Has
}

// A Member is one that a schema names.
type Member struct {
	Name        string
	Documented  bool   // the documented schema names it
	Description string // of the observed schema
}

// A Rule is one thing that a schema says, as it stands there.
type Rule struct {
	// Keyword is that of the schema; "properties" is about a member that no
	// documented schema names, and "not" about one that must not be there.
	Keyword string
	Schema  string // its document and pointer
	Value   string // of the keyword, as JSON; of one member that a list names, its name
	// Member is the one that the rule is about, and Object what has it, where that
	// stands outside of arrays and maps.
	Member string
	Object *Object

	number int  // of the rule in its document
	breaks bool // a note of it says that the documented schema is broken
}

// A Note is what a judge has to say about a place of a payload.
type Note struct {
	Rule *Rule
	// At is the offset of the value; or of the name of a member that is there; or of
	// the object that lacks one.
	At int
	// In is the offset of the object, where the note is about a member.
	In int
	// Has has a bit for each of Rule.Object.Members that the object has.
	Has uint64
	// Count is how many notes it stands for: of the same rule, with the same names
	// on the way, in other items of arrays. This is the first. It is 0 where the
	// note doesn't count any more.
	Count int
	// Documented tells that only the documented schema has the rule, and that the
	// observed one has no word for it.
	Documented bool

	path, operands span
	alike          uint64
}

type span struct{ from, to int32 }

// A Token is one step on the way to a value: the offset of the name of a member,
// or, below 0, ^Token is the index of an item.
type Token int

// An Operand is a sibling that a note is about, besides its value.
type Operand struct {
	At   int // offset of its value, or -1 where it is absent
	Rows int // how many rows it holds
}

// An Outcome is what a judge says of a payload.
type Outcome int8

const (
	// Unsure: the payload isn't strict JSON, or has more names than are kept apart.
	Unsure Outcome = iota
	// Refused: the observed schema refuses it.
	Refused
	// Observed: the observed schema accepts it, and the documented one doesn't.
	Observed
	// Documented: both accept it.
	Documented
)

// Notes are what a judge notes, and how it does. They can be used again, which
// saves allocations.
type Notes struct {
	// Each has each thing noted, and not those that are alike counted.
	Each bool
	// Explain has rules that are broken noted, rather than the payload refused at
	// the first. The payload must be known to be strict JSON.
	Explain bool
	List    []Note
	// Truncated tells that there may be more than mostNotes.
	Truncated bool

	payload []byte
	refused bool // a rule of the observed schema is broken
	broken  bool // the documented schema is
	beside  bool // what is read now is read by the documented schema, alone
	path    [maxPath]Token
	hashed  [maxPath]struct { // of the names in path, of the last note
		name Token
		hash uint64
	}
	tokens   []Token
	operands []Operand
	unnamed  []int // the members of open objects that the documented schema doesn't name
	alike    map[uint64]int
	spare    Note
}

const (
	mostNotes = 10_000
	// maxPath is how deep the values are that schemas describe.
	maxPath = 16
)

// Path returns the way to the value that k is about, or to its object where it is
// about a member.
func (n *Notes) Path(k *Note) []Token { return n.tokens[k.path.from:k.path.to] }

// Operands returns the siblings that k is about, too.
func (n *Notes) Operands(k *Note) []Operand { return n.operands[k.operands.from:k.operands.to] }

// outcome returns the outcome of reading a payload up to end.
func (n *Notes) outcome(end int) Outcome {
	n.forgive()
	switch {
	case end == no || n.refused:
		return Refused
	case end < 0 || space(n.payload, end) != len(n.payload):
		return Unsure
	case n.broken:
		return Observed
	}
	return Documented
}

// forgive takes back what only the documented schema has to say, where the observed
// one says how it is broken.
func (n *Notes) forgive() {
	told := n.refused
	for i := range n.List {
		told = told || n.List[i].Count > 0 && n.List[i].Rule.breaks
	}
	for i := range n.List {
		if told && n.List[i].Documented {
			n.List[i].Count = 0
		}
	}
}

// start makes n ready for a payload. It keeps its room.
func (n *Notes) start(payload []byte) {
	clear(n.alike)
	*n = Notes{Each: n.Each, Explain: n.Explain, List: n.List[:0], payload: payload,
		tokens: n.tokens[:0], operands: n.operands[:0], unnamed: n.unnamed[:0], alike: n.alike}
}

// note notes what rule says at an offset, at the value or in the object to which
// depth steps lead.
func (n *Notes) note(rule *Rule, at, depth int) *Note {
	n.broken = n.broken || rule.breaks
	key := uint64(0)
	if !n.Each {
		if key = n.likeness(rule, at, depth); key != 0 {
			if i, ok := n.alike[key]; ok && i < len(n.List) && n.List[i].alike == key && n.List[i].Count > 0 {
				n.List[i].Count++
				n.spare = Note{}
				return &n.spare
			}
		}
	}
	if len(n.List) == mostNotes {
		n.Truncated = true
		return &n.spare
	}
	from := len(n.tokens)
	n.tokens = append(n.tokens, n.path[:depth]...)
	if key != 0 {
		if n.alike == nil {
			n.alike = make(map[uint64]int)
		}
		n.alike[key] = len(n.List)
	}
	n.List = append(n.List, Note{Rule: rule, At: at, Count: 1,
		path: span{int32(from), int32(len(n.tokens))}, alike: key})
	return &n.List[len(n.List)-1]
}

// likeness is the same for notes that are alike, and 0 outside of arrays.
func (n *Notes) likeness(rule *Rule, at, depth int) uint64 {
	items, key := false, uint64(rule.number)
	var m memory
	for i, t := range n.path[:depth] {
		if t < 0 {
			items = true
			key = mix(key, 1)
			continue
		}
		h := &n.hashed[i]
		if h.name != t { // as it mostly is for the next note
			h.name = t
			_, h.hash = name(n.payload, int(t), &m)
		}
		key = mix(key, h.hash)
	}
	if !items {
		return 0
	}
	if rule.Keyword == "properties" {
		_, hash := name(n.payload, at, &m)
		key = mix(key, hash)
	}
	return finish(key, depth)
}

// member notes what rule says of a member of the object at in, which has these.
func (n *Notes) member(rule *Rule, at, in, depth int, has uint64) *Note {
	k := n.note(rule, at, depth)
	k.In, k.Has = in, has
	return k
}

// operand adds a sibling to a note, the last one.
func (n *Notes) operand(k *Note, at, rows int) {
	if k == &n.spare {
		return
	}
	if k.operands.from == k.operands.to {
		k.operands.from = int32(len(n.operands))
	}
	n.operands = append(n.operands, Operand{at, rows})
	k.operands.to = int32(len(n.operands))
}

// refuses notes that the value at an offset breaks a rule, and tells whether the
// payload is refused for it at once.
func (n *Notes) refuses(rule *Rule, at, depth int) bool {
	if n.Explain {
		n.breaks(n.note(rule, at, depth))
	}
	return !n.Explain
}

// misses notes that the object at in breaks a rule about a member.
func (n *Notes) misses(rule *Rule, at, in, depth int, has uint64) *Note {
	k := n.member(rule, at, in, depth, has)
	n.breaks(k)
	return k
}

// breaks enters that the rule is broken that k is about.
func (n *Notes) breaks(k *Note) {
	n.broken = true
	n.refused = n.refused || !n.beside
	k.Documented = n.beside
}

// mistyped is refuses for a value of a type that no rule has anything else to say
// of; it returns the index behind it.
func (m *memory) mistyped(b []byte, i, depth, base int, rule *Rule) int {
	if i >= len(b) {
		return unsure
	}
	if m.notes.refuses(rule, i, depth) {
		return no
	}
	return value(b, i, depth, base, m)
}

// unname enters a member that the documented schema doesn't name.
func (n *Notes) unname(at int) {
	if len(n.unnamed) == mostNotes {
		n.Truncated = true
		return
	}
	n.unnamed = append(n.unnamed, at)
}

// named takes it back, of a member of the object whose members start at from.
func (n *Notes) named(from, at int) {
	for i, other := range n.unnamed[from:] {
		if other == at {
			n.unnamed[from+i] = -1
		}
	}
}

// unknown notes the members of an object that the documented schema doesn't name.
func (n *Notes) unknown(from int, rule *Rule, in, depth int, has uint64) {
	for _, at := range n.unnamed[from:] {
		if at >= 0 {
			n.member(rule, at, in, depth, has)
		}
	}
	n.unnamed = n.unnamed[:from]
}

// A reading is what was noted of a member of which it isn't known yet whether the
// schema applies that it was read by.
type reading struct {
	from, to                  int // notes
	tokens, operands, unnamed int
	broken, explain, beside   bool
}

// tentatively starts a reading.
func (n *Notes) tentatively() reading {
	r := reading{from: len(n.List), tokens: len(n.tokens), operands: len(n.operands), unnamed: len(n.unnamed),
		broken: n.broken, explain: n.Explain}
	n.broken, n.Explain = false, false
	return r
}

// read ends a reading, and takes back its notes unless the value was accepted.
func (n *Notes) read(r *reading, accepted bool) {
	if !accepted {
		n.List, n.tokens, n.operands = n.List[:r.from], n.tokens[:r.tokens], n.operands[:r.operands]
		n.unnamed, n.broken = n.unnamed[:r.unnamed], false
	}
	r.to = len(n.List)
	r.broken, n.broken = n.broken, r.broken
	n.Explain = r.explain
}

// keep and drop say whether it counts.
func (n *Notes) keep(r reading) { n.broken = n.broken || r.broken }

func (n *Notes) drop(r reading) {
	for i := range n.List[r.from:r.to] {
		n.List[r.from+i].Count = 0
	}
}

// apart has what follows read by the documented schema alone, by which nothing is
// refused, up to together.
func (n *Notes) apart() reading {
	r := reading{explain: n.Explain, beside: n.beside}
	n.Explain, n.beside = true, true
	return r
}

func (n *Notes) together(r reading) { n.Explain, n.beside = r.explain, r.beside }

// documented notes that an object breaks a rule that only the documented schema has.
func (n *Notes) documented(rule *Rule, at, in, depth int, has uint64) {
	apart := n.apart()
	n.misses(rule, at, in, depth, has)
	n.together(apart)
}

// offset returns the offset of a value, or -1 where there is none.
func offset(there bool, at int) int {
	if !there {
		return -1
	}
	return at
}

// What follows is asked about values at i that were read before. Those whose names
// start with may are quick looks: where they say no, there is nothing to note, and
// otherwise there may be.

// says tells whether the value at i is the string want.
func says(b []byte, i int, want string) bool {
	if i+1+len(want) >= len(b) || b[i] != '"' || b[i+1] != want[0] && b[i+1] != '\\' {
		return false
	}
	return textIs(b, i, text(b, i, new(memory)), want)
}

// mayEscape tells whether the string from i to end may hold the escape sequences of
// terminals.
func mayEscape(b []byte, i, end int) bool {
	return b[i] == '"' && bytes.Contains(b[i:end], []byte(`\u001`))
}

// mayBeOther tells whether the string at i may be something else than a UUID as RFC
// 9562, section 4, writes it.
func mayBeOther(b []byte, i int) bool { return b[i] == '"' && b[i+1] != '"' && !isUUID(b, i) }

// isUUID tells whether the string at i is a UUID, without escapes.
func isUUID(b []byte, i int) bool {
	const form = `"01234567-0123-0123-0123-0123456789ab"`
	if len(b)-i < len(form) {
		return false
	}
	s := b[i : i+len(form) : i+len(form)]
	digits := func(k int) bool { return hexadecimal(binary.LittleEndian.Uint32(s[k : k+4])) }
	return s[9] == '-' && s[14] == '-' && s[19] == '-' && s[24] == '-' && s[37] == '"' &&
		digits(1) && digits(5) && digits(10) && digits(15) && digits(20) && digits(25) && digits(29) && digits(33)
}

// mayHoldLocalURL tells whether a string of the value from i to end may be the URL of a
// host that not everybody reaches.
func mayHoldLocalURL(b []byte, i, end int) bool {
	if b[i] != '"' && b[i] != '[' && b[i] != '{' {
		return false
	}
	if bytes.IndexByte(b[i:end], '\\') >= 0 { // of an escape, or in place of a slash
		return true
	}
	for {
		n := bytes.Index(b[i:end], []byte("//"))
		if n < 0 {
			return false
		}
		i += n + 2
		switch before := b[i-3]; {
		case before == ':' && b[i-4]|0x20 == 'e': // file, of whatever host
			return true
		case (before == ':' || before == '"' || before == ' ') && mayBeLocalHost(b, i):
			return true
		}
	}
}

// mayBeLocalHost tells whether a host at i, behind the slashes of a URL, may be one that
// not everybody reaches: by an address, by a name without a dot, or by a name of a
// local network.
func mayBeLocalHost(b []byte, i int) bool {
	var last [len("localdomain")]byte // label of the name
	n, dots := 0, 0
host:
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c == '/' || c == '?' || c == '#' || c == '"':
			break host
		case c == ':':
			for i++; digit(b, i); i++ {
			}
			if i < len(b) && strings.IndexByte("/?#\"", b[i]) >= 0 {
				break host
			}
			return true // it was a password
		case c == '.':
			n = 0
			dots++
		case c <= ' ' || c >= 0x80 || c == '@' || c == '%' || c == '[':
			return true
		default:
			if n < len(last) {
				last[n] = c | 0x20
			}
			n++
		}
	}
	if dots == 0 || n == 0 || last[0]-'0' <= 9 {
		return true
	}
	if n > len(last) {
		return false
	}
	switch string(last[:n]) {
	case "localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa":
		return true
	}
	return false
}

// mayHoldNothing tells whether none of the values at some offsets, of which those below 0
// stand for none, is a string that isn't empty.
func mayHoldNothing(b []byte, values ...int) bool {
	for _, i := range values {
		if i >= 0 && b[i] == '"' && b[i+1] != '"' {
			return false
		}
	}
	return true
}

// A repetition is a quick look at rows of an array: whether each part of it, from one row
// that is like the first row to the next, may start with all rows of the part before.
type repetition struct {
	at, length int // of the first row; or below 0, if it is clear that they don't
	from, last int // the row where a part starts, and how many the part before has
}

func (r *repetition) start(at, end int) { r.at, r.length = at, end-at }

// again takes a row that is as long as the first.
func (r *repetition) again(b []byte, at, row int) {
	if !bytes.Equal(b[at:at+r.length], b[r.at:r.at+r.length]) {
		return
	}
	if r.last >= row-r.from {
		r.length = -1
		return
	}
	r.from, r.last = row, row-r.from
}

// found tells what was found in so many rows. One row alone may be there twice.
func (r *repetition) found(rows int) bool {
	return r.length > 0 && r.last > 1 && rows-r.from > r.last
}

// addRows counts rows of an array.
func (m *memory) addRows(n int) {
	m.rows += n
	m.filled += n
}

// head takes the first row of a list, from at to end.
func (m *memory) head(b []byte, at, end int) {
	bit := uint64(1)
	if end >= 8 {
		bit <<= mix(uint64(end-at), word(b, end-8)) >> 58
	}
	m.repeated = m.repeated || m.heads&bit != 0
	m.heads |= bit
}

// mayPrecede tells whether of two values the first may be a later date-time than
// the second.
func mayPrecede(b []byte, first, second int) bool {
	// What isn't a date-time is mostly told so by its fifth character.
	for _, i := range []int{first, second} {
		if len(b)-i < len(`"2006-01-02`) || b[i] != '"' || b[i+5] != '-' && bytes.IndexByte(b[i:i+6], '\\') < 0 {
			return false
		}
	}
	// In UTC with milliseconds, as JavaScript writes them. There are no escapes
	// then: they would make the string longer than that, or the time too short.
	const zulu = len(`"2006-01-02T15:04:05.000Z"`)
	if len(b)-first >= zulu && len(b)-second >= zulu {
		s, t := b[first:first+zulu:first+zulu], b[second:second+zulu:second+zulu]
		if s[zulu-1] == '"' && t[zulu-1] == '"' && s[zulu-2] == 'Z' && t[zulu-2] == 'Z' && s[11] == 'T' && t[11] == 'T' {
			return bytes.Compare(s, t) > 0
		}
	}
	return true
}

// count returns the number at i, an integer; or unsure, where it isn't plain digits
// or has more than 9 of them, which might not fit an int of 32 bits.
func count(b []byte, i int) (n int) {
	const most = 9
	for k, c := range b[i:min(i+most+1, len(b))] {
		switch {
		case c-'0' <= 9 && k < most:
			n = n*10 + int(c-'0')
		case c-'0' <= 9 || k == 0 || c == '.' || c|0x20 == 'e':
			return unsure
		default:
			return n
		}
	}
	return unsure
}

// mayDiffer tells whether the value at i may be a number other than the sum of
// operands.
func mayDiffer(b []byte, i int, operands ...Operand) bool {
	if !digit(b, i) && b[i] != '-' {
		return false
	}
	rest := count(b, i)
	for _, o := range operands {
		n := o.Rows
		if o.At >= 0 {
			if n = count(b, o.At); n < 0 {
				return true
			}
		}
		rest -= n
	}
	return rest != 0
}
