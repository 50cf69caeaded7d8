package audience

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

const (
	// MaxNamed is how many crowds Sightings that leave the process name.
	MaxNamed = 4096

	maxKey = 1<<40 - 1

	// maxMembers bounds how many one crowd may be told to be.
	maxMembers = 1 << 20

	// form is the first byte of Sightings as text: another one is of another version.
	form = 1

	// MaxText is the greatest length of Sightings as text.
	MaxText = 96 << 10
)

// errBadText is the outcome of text that is not of Sightings.
var errBadText = errors.New("audience: not sightings")

// tally is how many were seen.
type tally struct {
	all       int
	watching  int // of all, those who are known to see pictures
	listening int // of all, those who are known to hear audio only
}

// or merges two views of the same people: neither sees somebody who is not there.
func (t tally) or(o tally) tally {
	t.all, t.watching = max(t.all, o.all), max(t.watching, o.watching)
	t.listening = min(max(t.listening, o.listening), t.all-t.watching)
	return t
}

// and adds up views of different people.
func (t tally) and(o tally) tally {
	return tally{t.all + o.all, t.watching + o.watching, t.listening + o.listening}
}

type crowd struct {
	key uint64
	tally
}

// Sightings is who was seen watching a channel. The zero value is nobody.
type Sightings struct {
	named []crowd // by key
	rest  tally   // those whose keys are beyond that of the last of named
}

// Source counts who watches in one way.
type Source interface {
	// Crowds calls f for every crowd that watches a channel now, once: with how many
	// it is, and how many of these hear audio only.
	Crowds(slug string, f func(crowd uint64, viewers, listeners int))
}

// Collect returns whom from sees on a channel.
func Collect(from Source, slug string) Sightings {
	var s Sightings
	from.Crowds(slug, func(key uint64, viewers, listeners int) {
		s.named = append(s.named, crowd{key, tally{viewers, viewers - listeners, listeners}})
	})
	s.sort()
	return s
}

func (s *Sightings) sort() {
	slices.SortFunc(s.named, func(a, b crowd) int { return cmp.Compare(a.key, b.key) })
}

// unknown returns the least key that is perhaps not named, though it was seen.
func (s *Sightings) unknown() uint64 {
	switch {
	case s.rest.all == 0:
		return math.MaxUint64
	case len(s.named) == 0:
		return 0
	}
	return s.named[len(s.named)-1].key + 1
}

// from returns how many of s have keys from key on.
func (s *Sightings) from(key uint64) tally {
	sum := s.rest
	at, _ := slices.BinarySearchFunc(s.named, key, func(c crowd, key uint64) int { return cmp.Compare(c.key, key) })
	for _, c := range s.named[at:] {
		sum = sum.and(c.tally)
	}
	return sum
}

// Merge returns who was seen in any of several ways. Whoever has no name in one of them
// may be anybody whose key is beyond: of those there are as many as one alone sees.
func Merge(views ...Sightings) Sightings {
	views = slices.DeleteFunc(slices.Clone(views), func(s Sightings) bool { return s.isEmpty() })
	switch len(views) {
	case 0:
		return Sightings{}
	case 1:
		return views[0]
	}
	unknown, n := uint64(math.MaxUint64), 0
	for i := range views {
		unknown, n = min(unknown, views[i].unknown()), n+len(views[i].named)
	}
	all := Sightings{named: make([]crowd, 0, n)}
	for i := range views {
		for _, c := range views[i].named {
			if c.key >= unknown {
				break
			}
			all.named = append(all.named, c)
		}
		all.rest = all.rest.or(views[i].from(unknown))
	}
	all.sort()
	merged := all.named[:0]
	for _, c := range all.named {
		if last := len(merged) - 1; last >= 0 && merged[last].key == c.key {
			merged[last].tally = merged[last].or(c.tally)
			continue
		}
		merged = append(merged, c)
	}
	all.named = merged
	return all
}

// Limit returns s with the names of no more than n crowds, those with the least keys,
// so that all nodes name the same ones; and how many names that are.
func (s Sightings) Limit(n int) (limited Sightings, names int) {
	if len(s.named) <= n {
		return s, len(s.named)
	}
	return Sightings{named: s.named[:n], rest: s.from(s.named[n].key)}, n
}

func (s Sightings) isEmpty() bool { return len(s.named) == 0 && s.rest.all == 0 }

// Count returns how many were seen, and how many of these hear audio only.
func (s Sightings) Count() (viewers, listeners int) {
	sum := s.sum()
	return sum.all, sum.listening
}

func (s *Sightings) sum() tally {
	sum := s.rest
	for _, c := range s.named {
		sum = sum.and(c.tally)
	}
	return sum
}

// MarshalText implements encoding.TextMarshaler, with Text.
func (s Sightings) MarshalText() ([]byte, error) { return []byte(s.Text()), nil }

// Text returns s as text, which UnmarshalText reads. It names MaxNamed crowds at most,
// see Limit; that of nobody is empty.
func (s Sightings) Text() string {
	if s.isEmpty() {
		return ""
	}
	told, names := s.Limit(MaxNamed)
	raw := make([]byte, 0, 16+names*8)
	raw = append(raw, form)
	raw = appendTally(raw, told.rest)
	raw = binary.AppendUvarint(raw, uint64(names)) //nolint:gosec // not negative
	var key uint64
	for _, c := range told.named {
		raw = binary.AppendUvarint(raw, c.key-key)
		raw = appendTally(raw, c.tally)
		key = c.key
	}
	return base64.RawStdEncoding.EncodeToString(raw)
}

func appendTally(b []byte, t tally) []byte {
	for _, n := range []int{t.all, t.watching, t.listening} {
		b = binary.AppendUvarint(b, uint64(max(0, n))) //nolint:gosec // not negative
	}
	return b
}

// UnmarshalText implements encoding.TextUnmarshaler. The text may come from anywhere:
// what makes no sense is an error.
func (s *Sightings) UnmarshalText(text []byte) error {
	*s = Sightings{}
	if len(text) == 0 {
		return nil
	}
	if len(text) > MaxText {
		return errBadText
	}
	raw, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil || len(raw) == 0 || raw[0] != form {
		return errBadText
	}
	r := reader{left: raw[1:]}
	got := Sightings{rest: r.tally(math.MaxInt32)}
	n := r.number(MaxNamed)
	var key uint64
	for i := 0; i < n && !r.bad; i++ {
		step := r.number(maxKey)
		key += uint64(step) //nolint:gosec // not negative
		r.bad = r.bad || key > maxKey || (i > 0 && step == 0)
		got.named = append(got.named, crowd{key, r.tally(maxMembers)})
	}
	if r.bad || len(r.left) > 0 {
		return errBadText
	}
	*s = got
	return nil
}

// reader reads numbers that may be wrong.
type reader struct {
	left []byte
	bad  bool
}

func (r *reader) number(most int) int {
	v, n := binary.Uvarint(r.left)
	if n <= 0 || v > uint64(most) { //nolint:gosec // not negative
		r.bad = true
		return 0
	}
	r.left = r.left[n:]
	return int(v) //nolint:gosec // no more than most
}

func (r *reader) tally(most int) tally {
	t := tally{r.number(most), r.number(most), r.number(most)}
	if t.watching+t.listening > t.all {
		r.bad = true
	}
	return t
}
