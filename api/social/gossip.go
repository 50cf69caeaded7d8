package social

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
)

// gossipKind is the kind of what nodes tell each other of who is here.
const gossipKind = "presence"

// gossip is a message from node to node.
type gossip struct {
	Hello  bool   `json:"hello,omitempty"` // the sender knows nobody yet
	Bye    bool   `json:"bye,omitempty"`   // the sockets of the sender are closing
	People []said `json:"people,omitempty"`
}

// said is what a node says of one person. Times are microseconds since 1970.
type said struct {
	User     uuid.UUID `json:"u"`
	Seq      int64     `json:"n"`
	Since    int64     `json:"s,omitempty"` // 0 if not there
	Watching string    `json:"w,omitempty"`
	At       int64     `json:"a,omitempty"`
	Told     bool      `json:"t,omitempty"` // friends were told that the person is online
	ToldOf   string    `json:"o,omitempty"` // and watches this
}

func sayOf(user uuid.UUID, seq int64, own claim, told doing) said {
	s := said{User: user, Seq: seq, Told: told.online, ToldOf: told.watching}
	if own.online {
		s.Since, s.Watching = own.since.UnixMicro(), own.watching
	}
	if own.watching != "" {
		s.At = own.at.UnixMicro()
	}
	return s
}

func (s said) claim(until time.Time) claim {
	return claim{
		doing: doing{online: s.Since != 0, watching: s.Watching},
		since: time.UnixMicro(s.Since).UTC(), at: time.UnixMicro(s.At).UTC(), seq: s.Seq, until: until,
	}
}

// mostSaid bounds the people in one message.
const mostSaid = 200

// messages returns what is to be sent to say all of say.
func messages(say []said) [][]byte {
	var sent [][]byte
	for part := range slices.Chunk(say, mostSaid) {
		if data, err := json.Marshal(gossip{People: part}); err == nil { // it always can
			sent = append(sent, data)
		}
	}
	return sent
}

// heard takes in what another node said. What is not understood is from a version that
// speaks otherwise, and left out.
func (c *presence) heard(node string, data []byte, now time.Time) {
	var g gossip
	if json.Unmarshal(data, &g) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case g.Hello:
		c.refreshed = time.Time{}
	case g.Bye:
		for user, p := range c.people {
			if o, ok := p.others[node]; ok && now.Add(grace).Before(o.until) {
				o.until = now.Add(grace)
				p.others[node] = o
				c.pending[user] = struct{}{}
			}
		}
	}
	for _, s := range g.People {
		p := c.of(s.User)
		if s.Seq <= p.others[node].seq {
			continue
		}
		p.others[node] = s.claim(now.Add(claimGood))
		p.told = doing{online: s.Told, watching: s.ToldOf}
	}
}
