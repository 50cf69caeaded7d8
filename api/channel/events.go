package channel

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
)

const (
	lookEvery   = 200 * time.Millisecond // at what is on air
	healthEvery = time.Second
)

// Sockets are the clients that hear of events.
type Sockets interface {
	Peers
	AddTopic(t realtime.Topic)
	// PublishHere reaches the clients of this node: each node finds out by itself what
	// goes on.
	PublishHere(ctx context.Context, topic string, e realtime.Event)
	Subscribers(topic string) int
}

// airwatch sees what begins, changes and ends on air, and tells the clients of this
// node. One goroutine uses it, but for what is said.
type airwatch struct {
	s       *Service
	known   map[string]*aired // by slug
	changed chan string       // slugs of channels that have changed; "" means any
	peers   chan struct{}     // pokes runPeers
	health  time.Time         // when it was told last
}

// aired is a channel on air as its subscribers know it.
type aired struct {
	state    LiveState
	waiting  bool
	viewers  ViewersView
	likes    int64
	title    string
	airing   uuid.UUID // the broadcast; uuid.Nil until it is known
	dirty    bool
	askAgain time.Time // for the broadcast
}

func newAirwatch(s *Service) *airwatch {
	w := &airwatch{s: s, known: map[string]*aired{}, changed: make(chan string, 256), peers: make(chan struct{}, 1)}
	poke := func(slug string) {
		select {
		case w.changed <- slug:
		default: // so many that all are looked at
		}
	}
	s.cfg.DB.Subscribe(auth.TopicChannel, poke, func() { poke("") })
	s.cfg.DB.Subscribe(auth.TopicBroadcast, func(string) { poke("") }, func() { poke("") })
	return w
}

// RunEvents tells clients what happens on air, until ctx ends. Without Config.Events it
// does nothing.
func (s *Service) RunEvents(ctx context.Context) error {
	if s.cfg.Events == nil {
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.runPeers(ctx, s.cfg.Events, s.cfg.PublicURL, s.air.peers)
	}()
	defer func() { <-done }()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case slug := <-s.air.changed:
			s.air.mark(ctx, slug)
		case <-tick.C:
			s.air.look(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// mark notes that a channel, or any if slug is empty, has changed. One that is not on air
// is told of at once: it may have another title.
func (w *airwatch) mark(ctx context.Context, slug string) {
	if w.known[slug] == nil && slug != "" && w.s.cfg.Events.Subscribers("live:"+slug) > 0 {
		w.publish(ctx, slug, EventLiveChanged, w.s.onAirView(ctx, slug, nil))
	}
	for known, a := range w.known {
		if slug == "" || slug == known {
			a.dirty = true
		}
	}
}

// look compares what is on air with what was.
func (w *airwatch) look(ctx context.Context) {
	now := w.s.cfg.Now()
	on := map[string]LiveState{}
	for _, st := range w.s.OnAir() {
		if len(st.Renditions) > 0 { // it can be played
			on[st.Slug] = st
		}
	}
	for slug := range w.known {
		if _, still := on[slug]; !still {
			delete(w.known, slug)
			w.poke()
			w.publish(ctx, slug, EventLiveEnded, w.s.onAirView(ctx, slug, nil))
		}
	}
	tellHealth := now.Sub(w.health) >= healthEvery
	if tellHealth {
		w.health = now
	}
	for slug, st := range on {
		w.one(ctx, slug, st, now, tellHealth)
	}
}

// one looks at one channel on air.
func (w *airwatch) one(ctx context.Context, slug string, st LiveState, now time.Time, tellHealth bool) {
	a := w.known[slug]
	if a == nil || a.state.Session != st.Session {
		a = &aired{waiting: st.Publisher.Waiting}
		w.known[slug] = a
		a.state = st
		w.poke()
		w.s.cfg.Began(st.Session)
		w.ask(ctx, a, now)
		a.viewers = w.s.audience(&st)
		view := w.s.onAirView(ctx, slug, &st)
		a.likes = view.Likes
		w.publish(ctx, slug, EventLiveStarted, view)
		a.dirty = false
	}
	a.state = st
	if a.dirty || (a.airing == uuid.Nil && now.After(a.askAgain)) || a.waiting != st.Publisher.Waiting {
		title, airing := a.title, a.airing
		w.ask(ctx, a, now)
		if title != a.title || airing != a.airing || a.waiting != st.Publisher.Waiting {
			a.waiting = st.Publisher.Waiting
			w.publish(ctx, slug, EventLiveChanged, w.s.onAirView(ctx, slug, &st))
		}
		a.dirty = false
	}
	if !tellHealth {
		return
	}
	if viewers := w.s.audience(&st); viewers != a.viewers {
		a.viewers = viewers
		w.publish(ctx, slug, EventLiveViewers, viewers)
	}
	if topic := "live:" + slug; w.s.cfg.Events.Subscribers(topic) > 0 {
		w.likes(ctx, slug, a)
	}
	if topic := "studio:" + slug; w.s.cfg.Events.Subscribers(topic) > 0 {
		w.s.cfg.Events.PublishHere(ctx, topic, realtime.Event{Type: EventStudioHealth, Data: healthOf(&st, a.viewers, now)})
	}
}

// likes tells how many likes a channel has, if that has changed.
func (w *airwatch) likes(ctx context.Context, slug string, a *aired) {
	ch, err := w.s.Get(ctx, slug)
	if err != nil {
		return
	}
	likes := w.s.likes.shown(ch.ID, ch.Likes)
	if likes != a.likes {
		w.publish(ctx, slug, EventLiveLikes, LikesView{Likes: likes})
	}
	a.likes = likes
}

// poke has other nodes told at once.
func (w *airwatch) poke() {
	select {
	case w.peers <- struct{}{}:
	default:
	}
}

func (w *airwatch) publish(ctx context.Context, slug, eventType string, data any) {
	w.s.cfg.Events.PublishHere(ctx, "live:"+slug, realtime.Event{Type: eventType, Data: data})
}

// ask finds out what the broadcast is, and its title.
func (w *airwatch) ask(ctx context.Context, a *aired, now time.Time) {
	a.askAgain = now.Add(time.Second)
	line, title := w.s.broadcastLine(ctx, a.state.Slug)
	a.title, a.airing = title, uuid.Nil
	if line != nil {
		a.airing, _ = uuid.Parse(line.ID)
	}
}

// broadcastLine returns the broadcast on air on the channel at slug, nil if none is
// known yet, and its title or else that of the channel.
func (s *Service) broadcastLine(ctx context.Context, slug string) (*BroadcastLine, string) {
	ch, err := s.Get(ctx, slug)
	if err != nil {
		return nil, ""
	}
	title := ch.BroadcastTitle
	if title == "" {
		title = ch.Title
	}
	row, err := s.cfg.DB.Read().LiveBroadcastOf(ctx, ch.ID)
	if err != nil {
		return nil, title
	}
	if row.Title != "" {
		title = row.Title
	}
	return &BroadcastLine{ID: row.ID.String(), Title: title, StartedAt: maybe(row.StartedAt)}, title
}

func maybe(t *column.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC()
	return &at
}

// audience returns how many watch and listen; as the node of the session says where
// nobody else knows.
func (s *Service) audience(st *LiveState) ViewersView {
	if s.cfg.Audience == nil {
		return ViewersView{Viewers: st.Viewers}
	}
	viewers, listeners := s.cfg.Audience(st.Slug)
	return ViewersView{Viewers: cmp.Or(viewers, st.Viewers), Listeners: listeners}
}

// onAirView shows the channel at slug; st is nil if it is not on air.
func (s *Service) onAirView(ctx context.Context, slug string, st *LiveState) OnAirView {
	v := OnAirView{Channel: slug}
	if ch, err := s.Get(ctx, slug); err == nil {
		v.Title, v.Likes = ch.Title, s.likes.shown(ch.ID, ch.Likes)
	}
	if st == nil {
		return v
	}
	v.Live, v.Waiting = true, st.Publisher.Waiting
	v.Broadcast, v.Title = s.broadcastLine(ctx, slug)
	if !st.StartedAt.IsZero() {
		started := st.StartedAt.UTC()
		v.StartedAt = &started
	}
	audience := s.audience(st)
	v.Viewers, v.Listeners = audience.Viewers, audience.Listeners
	return v
}

// addTopics adds what clients can subscribe to about channels.
func (s *Service) addTopics(sockets Sockets) {
	sockets.AddTopic(realtime.Topic{
		Kind: "live:",
		Snapshot: func(ctx context.Context, slug string) (realtime.Event, error) {
			if _, err := s.Get(ctx, slug); err != nil && !db.IsUnavailable(err) {
				return realtime.Event{}, err
			}
			live := s.liveNow(slug)
			if live != nil && len(live.Renditions) == 0 {
				live = nil
			}
			return realtime.Event{Type: EventLiveState, Data: s.onAirView(ctx, slug, live)}, nil
		},
		Joined: s.cfg.Joined, Left: s.cfg.Left,
	})
	sockets.AddTopic(realtime.Topic{Kind: "studio:", Keep: 50, For: time.Minute})
}
