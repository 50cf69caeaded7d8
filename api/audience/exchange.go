package audience

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Nodes with the role api tell each other once a second whom they see. What a node has
// been told by another is not told on, or nobody would ever be gone.

const (
	// kindSightings is what they tell.
	kindSightings = "audience"

	// maxTold bounds the names in all that a node tells at a time, and maxTelling its
	// bytes.
	maxTold    = 4 * MaxNamed
	maxTelling = 2 << 20
)

// Peers are the other nodes with the role api.
type Peers interface {
	// ID is what this node is called among them.
	ID() string
	// Announce tells all nodes, and Heard hears them, this one too.
	Announce(kind string, data []byte) error
	Heard(kind string, hear func(node string, data []byte))
}

// listen hears what peers see.
func (s *Service) listen() {
	s.cfg.Peers.Heard(kindSightings, func(node string, data []byte) {
		if node == s.cfg.Peers.ID() || len(data) > maxTelling {
			return
		}
		var channels map[string]Sightings
		if err := json.Unmarshal(data, &channels); err != nil {
			s.cfg.Logger.Debug("whom another node sees is not understood", "err", err)
			return
		}
		s.Import(node, channels)
	})
}

// tell announces who is seen here. Who does not hear it hears the next.
func (s *Service) tell() {
	data, err := json.Marshal(s.Export())
	if err == nil {
		err = s.cfg.Peers.Announce(kindSightings, data)
	}
	if err != nil {
		s.cfg.Logger.Debug("other nodes are not told who is seen", "err", err)
	}
}

// Report takes what an ingest node sees on all its channels. It counts for five
// seconds. Text that is not of Sightings is left out.
func (s *Service) Report(node string, texts map[string]string) {
	channels := make(map[string]Sightings, len(texts))
	for slug, text := range texts {
		var seen Sightings
		if err := seen.UnmarshalText([]byte(text)); err != nil {
			s.cfg.Logger.Debug("whom an ingest node sees is not understood", "node", node, "err", err)
			continue
		}
		channels[slug] = seen
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hear(s.reports, node, channels)
}

// Import takes what another node with the role api exports. It counts for five seconds.
func (s *Service) Import(node string, channels map[string]Sightings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hear(s.peers, node, channels)
}

// hear keeps what a node tells. s.mu is held.
func (s *Service) hear(from map[string]report, node string, channels map[string]Sightings) {
	now := s.cfg.Now()
	maps.DeleteFunc(from, func(_ string, r report) bool { return now.Sub(r.seen) > sightingLife })
	if _, known := from[node]; known || len(from) < maxNodes {
		from[node] = report{seen: now, channels: channels}
	}
}

// Export returns who is seen here and on the ingest nodes that report here, by slug,
// for other nodes to Import.
func (s *Service) Export() map[string]Sightings {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	slugs := map[string]bool{}
	for slug, a := range s.airings {
		slugs[slug] = now.Sub(a.taken) <= restAfter
	}
	for slug := range s.sockets.channels {
		slugs[slug] = true
	}
	for _, r := range s.reports {
		for slug := range r.channels {
			slugs[slug] = true
		}
	}
	channels, left := map[string]Sightings{}, maxTold
	for _, slug := range slices.Sorted(maps.Keys(slugs)) {
		if !slugs[slug] {
			continue
		}
		seen, names := Merge(s.ownLocked(slug, now)...).Limit(min(left, MaxNamed))
		left -= names
		if !seen.isEmpty() {
			channels[slug] = seen
		}
	}
	return channels
}

// fresh reports whether what a node has told still counts.
func (r *report) fresh(now time.Time) bool { return now.Sub(r.seen) <= sightingLife }
