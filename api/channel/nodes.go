package channel

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of what nodes report.
const (
	maxNodes       = 64
	maxLivePerNode = 1000
	// reportLife is how long a report counts: five missed ones in a row.
	reportLife = 5 * time.Second
	// orderLife is how long a node is told to end a session.
	orderLife = time.Minute
)

// Report is what an ingest node tells the API once a second.
type Report struct {
	Node      string      `json:"node" pattern:"^[A-Za-z0-9._-]+$" maxLength:"64" doc:"Name of the node, its own among all nodes."`
	PublicURL string      `json:"public_url" format:"uri" maxLength:"512" doc:"Where viewers reach the node." example:"https://ingest1.example.org"`
	Live      []LiveState `json:"live" nullable:"false" maxItems:"1000"`
}

// nodes is the table of what other nodes have on air, as last reported to this
// process. Nothing of it is stored: a second later there is a new report.
type nodes struct {
	now func() time.Time

	mu      sync.Mutex
	reports map[string]nodeReport // by node; guarded by mu
	ending  map[string]time.Time  // sessions that their nodes are told to end, by id, and since when; guarded by mu
}

type nodeReport struct {
	seen time.Time
	live map[string]LiveState // by slug; never changed once here
}

func newNodes(now func() time.Time) *nodes {
	return &nodes{now: now, reports: map[string]nodeReport{}, ending: map[string]time.Time{}}
}

// put replaces what is known of a node. A report that makes no sense, or of one
// node too many, is ErrBadReport and changes nothing.
func (n *nodes) put(r Report) error {
	if r.Node == "" || len(r.Live) > maxLivePerNode {
		return fmt.Errorf("%w: no name, or too many channels", ErrBadReport)
	}
	base, err := url.Parse(r.PublicURL)
	if err != nil || !isWeb(base) {
		return fmt.Errorf("%w: public_url is not http or https", ErrBadReport)
	}
	live := make(map[string]LiveState, len(r.Live))
	for _, state := range r.Live {
		if state, err = resolve(base, state); err != nil {
			return err
		}
		state.node = cmp.Or(state.node, r.Node)
		live[state.Slug] = state
	}

	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	for node, report := range n.reports {
		if now.Sub(report.seen) > reportLife {
			delete(n.reports, node)
		}
	}
	if _, known := n.reports[r.Node]; !known && len(n.reports) >= maxNodes {
		return fmt.Errorf("%w: more than %d nodes", ErrBadReport, maxNodes)
	}
	n.reports[r.Node] = nodeReport{seen: now, live: live}
	return nil
}

// Lookup implements Live. Where several nodes claim a channel the youngest
// session counts: a publisher that moved leaves its old node lagging.
func (n *nodes) Lookup(slug string) (LiveState, bool) {
	var best LiveState
	found := false
	for _, live := range n.current() {
		if state, ok := live[slug]; ok && (!found || state.StartedAt.After(best.StartedAt)) {
			best, found = state, true
		}
	}
	return best, found
}

// All implements Live. A channel that several nodes claim comes several times.
func (n *nodes) All() []LiveState {
	var all []LiveState
	for _, live := range n.current() {
		for _, state := range live {
			all = append(all, state)
		}
	}
	return all
}

// end has a session ended by its node, which is told with its next report. It
// reports whether a node has it.
func (n *nodes) end(session string) bool {
	if !slices.ContainsFunc(n.All(), func(state LiveState) bool { return state.Session == session }) {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ending[session] = n.now()
	return true
}

// toEnd returns which of these sessions are to be ended. A node that does not report
// one any more has ended it: orders are forgotten after a while.
func (n *nodes) toEnd(live []LiveState) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	ids := []string{}
	for id, since := range n.ending {
		if n.now().Sub(since) > orderLife {
			delete(n.ending, id)
		}
	}
	for _, state := range live {
		if _, ordered := n.ending[state.Session]; ordered {
			ids = append(ids, state.Session)
		}
	}
	return ids
}

func (n *nodes) current() []map[string]LiveState {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	current := make([]map[string]LiveState, 0, len(n.reports))
	for _, report := range n.reports {
		if now.Sub(report.seen) <= reportLife {
			current = append(current, report.live)
		}
	}
	return current
}

// resolve makes the addresses of state absolute. They go to browsers, so they
// must be of the web.
func resolve(base *url.URL, state LiveState) (LiveState, error) {
	for _, field := range []*string{&state.HLSURL, &state.ThumbnailURL} {
		if *field == "" {
			continue
		}
		u, err := base.Parse(*field)
		if err != nil || !isWeb(u) {
			return LiveState{}, fmt.Errorf("%w: an address is not http or https", ErrBadReport)
		}
		*field = u.String()
	}
	return state, nil
}

func isWeb(u *url.URL) bool {
	return u.Host != "" && u.User == nil && (strings.EqualFold(u.Scheme, "http") || strings.EqualFold(u.Scheme, "https"))
}
