package conform

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Bounds of what a report keeps, however long and however bad a stream is.
const (
	maxViolations = 200
	maxPerRule    = 5
	maxLatencies  = 100_000
)

// Violation is a rule that a stream broke.
type Violation struct {
	Rule      Rule
	Clause    string
	Rendition string // name of the playlist, empty for the multivariant playlist and comparisons
	Seen      string // what was there instead
	Count     int    // how often the same thing was seen
}

func (v Violation) String() string {
	return fmt.Sprintf("%s [%s] %s: %s (%d×)", v.Rule, v.Clause, v.Rendition, v.Seen, v.Count)
}

// Report is what a watch saw.
type Report struct {
	Watched    time.Duration
	LowLatency bool // parts and blocking reloads were offered
	Ended      bool // every rendition reached EXT-X-ENDLIST
	Renditions []Rendition
	Violations []Violation // distinct ones, at most 200 and 5 for a rule and rendition
	Dropped    int         // violations beyond these bounds
	// FrameAge is how old a video frame was when its part or segment had
	// arrived here, taken from the send times of Stamp. It has no samples when
	// the publisher does not stamp or the rendition is encoded anew.
	FrameAge Latency
	// EdgeAge is how far the wall clock was past the end of a part or segment
	// (by PROGRAM-DATE-TIME) when it had arrived here. Both clocks must agree.
	EdgeAge Latency
}

// OK tells whether no rule was broken.
func (r *Report) OK() bool { return len(r.Violations) == 0 }

// Broken lists the rules that were broken, sorted.
func (r *Report) Broken() []Rule {
	var out []Rule
	for _, v := range r.Violations {
		out = append(out, v.Rule)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Rendition is what a watch saw of one media playlist.
type Rendition struct {
	Name            string // path of the playlist relative to the multivariant one, without its query
	Audio           bool
	Loads           int // playlists loaded
	Deltas          int // of these, delta updates
	Segments        int // distinct segments listed
	Parts           int // distinct parts listed
	Gaps            int
	Discontinuities int
	Duration        time.Duration // of all segments listed
	FetchedBytes    int64
	PeakBPS         int64 // of the segments fetched; 0 without FetchMedia
	AverageBPS      int64
	Codecs          []string // tracks found in init segments
}

// Latency sums up durations.
type Latency struct {
	Count    int
	P50, P95 time.Duration
	Max      time.Duration
}

// samples collects durations from several goroutines. When full, later ones are
// only missing from the percentiles' detail: they are not kept.
type samples struct {
	mu  sync.Mutex
	all []time.Duration // guarded by mu
}

func (s *samples) add(ds ...time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := maxLatencies - len(s.all)
	s.all = append(s.all, ds[:min(len(ds), room)]...)
}

func (s *samples) latency() Latency {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.all)
	if n == 0 {
		return Latency{}
	}
	slices.Sort(s.all)
	return Latency{Count: n, P50: s.all[n/2], P95: s.all[n*95/100], Max: s.all[n-1]}
}

// violations collects what goes wrong, from several goroutines.
type violations struct {
	mu      sync.Mutex
	list    []Violation    // guarded by mu
	perRule map[string]int // guarded by mu; distinct ones by rule and rendition
	dropped int            // guarded by mu
}

// add records that a rendition broke a rule. The same violation seen again is
// only counted.
func (v *violations) add(r Rule, rendition, format string, args ...any) {
	seen := fmt.Sprintf(format, args...)
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.list {
		if old := &v.list[i]; old.Rule == r && old.Rendition == rendition && old.Seen == seen {
			old.Count++
			return
		}
	}
	key := string(r) + " " + rendition
	if len(v.list) >= maxViolations || v.perRule[key] >= maxPerRule {
		v.dropped++
		return
	}
	if v.perRule == nil {
		v.perRule = map[string]int{}
	}
	v.perRule[key]++
	v.list = append(v.list, Violation{Rule: r, Clause: r.Clause(), Rendition: rendition, Seen: seen, Count: 1})
}

func (v *violations) result() ([]Violation, int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.list), v.dropped
}
