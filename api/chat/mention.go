package chat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"bandstand/api/auth"
	"bandstand/storage/db/store"
)

// Kinds of notifications.
const (
	noticeMention = "chat_mention"
	noticeReply   = "chat_reply"
)

// Notice is what a notification tells of a message: where it is, and not what it says,
// which may be deleted.
type Notice struct {
	Channel string `json:"channel"` // slug
	Message string `json:"message"` // id
}

// resolve finds out which pictures and whom a body names; and whether the author of
// what it replies to, if anything, is to be told.
func (s *Service) resolve(ctx context.Context, at auth.Access, p auth.Principal, body string, reply *Quote) (detail, error) {
	d := detail{}
	if codes := emotesIn(body); len(codes) > 0 {
		var err error
		if d.Emotes, err = s.cfg.Gate.Emotes(ctx, at.ChannelID, codes); err != nil {
			return d, fmt.Errorf("chat: look emotes up: %w", err)
		}
	}
	mentioned := mentionsIn(body)
	names := slices.Clone(mentioned)
	if reply != nil && reply.Author.Name != "" {
		names = append(names, strings.ToLower(reply.Author.Name))
	}
	if len(names) == 0 {
		return d, nil
	}
	names = append(names, make([]string, maxMentions+1-len(names))...)
	private := int64(0)
	if at.Private {
		private = 1
	}
	rows, err := s.cfg.DB.Read().ChatMentioned(ctx, store.ChatMentionedParams{
		Sender: p.UserID, Private: private, OwnerID: at.OwnerID, ChannelID: at.ChannelID,
		Name1: names[0], Name2: names[1], Name3: names[2], Name4: names[3], Name5: names[4], Name6: names[5],
		Name7: names[6], Name8: names[7], Name9: names[8], Name10: names[9], Name11: names[10],
	})
	if err != nil {
		return d, fmt.Errorf("chat: look people up: %w", err)
	}
	for _, row := range rows {
		tell := row.Tell == 1 && row.ID != p.UserID
		if slices.Contains(mentioned, strings.ToLower(row.Username)) {
			d.Mentions = append(d.Mentions, Mention{ID: row.ID, Name: row.Username, tell: tell})
		} else if reply != nil {
			reply.tell = tell
		}
	}
	return d, nil
}

// notify tells people that m, of whoever ctx speaks for, mentions them or replies to
// them. Who is told of a message was told once, though it may be edited.
func (s *Service) notify(ctx context.Context, at auth.Access, m *Message) {
	if s.cfg.Notifier == nil {
		return
	}
	notice := Notice{Channel: at.Slug, Message: m.ID.String()}
	tell := func(user uuid.UUID, kind string) {
		if s.tells.allow(m.Author.ID, s.cfg.Now()) {
			s.cfg.Notifier.Notify(context.WithoutCancel(ctx), user, kind, m.Author.ID, notice, "chat "+notice.Message)
		}
	}
	for _, mention := range m.Detail.Mentions {
		if mention.tell {
			tell(mention.ID, noticeMention)
		}
	}
	if m.Quote != nil && m.Quote.tell {
		tell(m.Quote.Author.ID, noticeReply)
	}
}

// Bounds of how often somebody makes others be told, on this node.
const (
	tellsEvery = 10 * time.Second
	tellsBurst = 30
	maxTellers = 10_000 // that are remembered
)

// tells counts who makes others be told: nobody can fill the inboxes of thousands.
type tells struct {
	mu sync.Mutex
	of map[uuid.UUID]*rate.Limiter // guarded by mu
}

func newTells() *tells { return &tells{of: map[uuid.UUID]*rate.Limiter{}} }

func (t *tells) allow(user uuid.UUID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	pace, ok := t.of[user]
	if !ok {
		if len(t.of) >= maxTellers {
			clear(t.of)
		}
		pace = rate.NewLimiter(rate.Every(tellsEvery), tellsBurst)
		t.of[user] = pace
	}
	return pace.AllowN(now, 1)
}
