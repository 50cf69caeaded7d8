package channel

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Nodes of the API tell each other once a second, and at once when something begins or
// ends, what is on air on them and on the ingest nodes that report to them: so that each
// knows all of it. Nothing is stored.

// Kinds of what they tell.
const (
	kindReport = "channel.report"
	kindEnd    = "channel.end"
)

// maxPeerReport bounds what one tells, in bytes.
const maxPeerReport = 4 << 20

// Peers are the other nodes of the API.
type Peers interface {
	// ID is what this node is called among them.
	ID() string
	// Announce tells all nodes, and Heard hears them, this one too.
	Announce(kind string, data []byte) error
	Heard(kind string, hear func(node string, data []byte))
}

// join has s tell peers what is on air here, and hear it of them.
func (s *Service) join(peers Peers) {
	peers.Heard(kindReport, func(node string, data []byte) {
		if node == peers.ID() || len(data) > maxPeerReport {
			return
		}
		var r peerReport
		err := json.Unmarshal(data, &r)
		if err == nil {
			for i := range r.Live[:min(len(r.Live), len(r.Nodes))] {
				r.Live[i].node = r.Nodes[i]
			}
			r.Node = node
			err = s.peers.put(r.Report)
		}
		if err != nil && !errors.Is(err, ErrBadReport) {
			s.cfg.Logger.Debug("what another node has on air is not understood", "err", err)
		}
	})
	peers.Heard(kindEnd, func(_ string, session []byte) {
		if s.cfg.EndHere == nil || !s.cfg.EndHere(string(session)) {
			s.nodes.end(string(session))
		}
	})
}

// peerReport is what one tells.
type peerReport struct {
	Report

	Nodes []string `json:"nodes"` // names of those that have the sessions, in the order of Live
}

// own returns what is on air in this process, and on the nodes that report to it.
func (s *Service) own() []LiveState {
	return append(s.cfg.Live.All(), s.nodes.All()...)
}

// tellPeers announces what is on air. Who does not hear it hears the next.
func (s *Service) tellPeers(peers Peers, publicURL string) {
	report := peerReport{Report: Report{PublicURL: publicURL, Live: s.own()}}
	for _, st := range report.Live {
		report.Nodes = append(report.Nodes, cmp.Or(st.node, s.cfg.Node))
	}
	data, err := json.Marshal(report)
	if err == nil && len(data) <= maxPeerReport {
		err = peers.Announce(kindReport, data)
	}
	if err != nil {
		s.cfg.Logger.Debug("other nodes are not told what is on air", "err", err)
	}
}

// runPeers tells peers what is on air until ctx ends, and then that nothing is.
func (s *Service) runPeers(ctx context.Context, peers Peers, publicURL func() string, changed <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-changed:
		case <-ctx.Done():
			return
		}
		s.tellPeers(peers, publicURL())
	}
}
