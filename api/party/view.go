package party

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// PartyPersonView is somebody, as shown beside what they did.
type PartyPersonView struct {
	ID       string `json:"id"`
	Username string `json:"username" example:"ada"`
}

func personView(p *Person) *PartyPersonView {
	if p == nil {
		return nil
	}
	return &PartyPersonView{ID: p.ID.String(), Username: p.Name}
}

// StateView is what plays. Its position at a later instant t is, while it plays,
// position + (t - at) × rate.
type StateView struct {
	Seq        int64             `json:"seq" doc:"Of two states that with the greater one is later."`
	Item       *ItemView         `json:"item,omitempty" doc:"Absent if nothing is loaded."`
	Playing    bool              `json:"playing"`
	Position   float64           `json:"position" doc:"Seconds, at the instant at; of what is live since 1970."`
	Rate       float64           `json:"rate" example:"1"`
	At         int64             `json:"at" doc:"When this takes effect, in microseconds since 1970 by the server's clock."`
	Reason     string            `json:"reason" enum:"created,play,pause,seek,rate,load,next,waiting,ready,waited" doc:"Of the last change."`
	By         *PartyPersonView  `json:"by,omitempty" doc:"Who made it; absent if the server did."`
	WaitingFor []PartyPersonView `json:"waiting_for,omitempty" nullable:"false" doc:"Who has to be ready before it goes on."`
}

// showState returns a state as p sees it; the zero Principal stands for everybody.
func (s *Service) showState(ctx context.Context, p auth.Principal, seq int64, state *State) (StateView, error) {
	v := StateView{
		Seq: seq, Playing: state.Playing, Position: seconds(state.Position), Rate: state.Rate, At: state.At,
		Reason: state.Reason, By: personView(state.By),
	}
	if state.Wait != nil {
		for _, who := range state.Wait.For {
			v.WaitingFor = append(v.WaitingFor, *personView(&who))
		}
	}
	var err error
	v.Item, err = s.showItem(ctx, p, state.Item)
	return v, err
}

// PartySettingsView are the thresholds of a party.
type PartySettingsView struct {
	StallAfterMS   int64 `json:"stall_after_ms" doc:"How long somebody may buffer before everybody waits." example:"1500"`
	ResumeBufferMS int64 `json:"resume_buffer_ms" doc:"What everybody must have ahead before it goes on." example:"1000"`
	MaxWaitMS      int64 `json:"max_wait_ms" doc:"How long everybody waits at most." example:"15000"`
	LiveDelayMS    int64 `json:"live_delay_ms" doc:"How far behind the present live items play." example:"4000"`
}

// PartyView is a party as its members see it.
type PartyView struct {
	ID         string            `json:"id"`
	Name       string            `json:"name" example:"Friday night"`
	Host       PartyPersonView   `json:"host"`
	Control    string            `json:"control" enum:"everyone,host" doc:"Who may change what plays."`
	WaitForAll bool              `json:"wait_for_all"`
	Settings   PartySettingsView `json:"settings"`
	CreatedAt  time.Time         `json:"created_at"`
}

func partyView(row store.Party, host string) (PartyView, error) {
	settings, err := settingsOf(row.Settings)
	return PartyView{
		ID: row.ID.String(), Name: row.Name, Host: PartyPersonView{ID: row.HostID.String(), Username: host}, Control: row.Control,
		WaitForAll: row.WaitForAll, CreatedAt: row.CreatedAt.Time,
		Settings: PartySettingsView{
			StallAfterMS: settings.StallAfter, ResumeBufferMS: settings.ResumeBuffer, MaxWaitMS: settings.MaxWait, LiveDelayMS: settings.LiveDelay,
		},
	}, err
}

// PartyMemberView is somebody in a party.
type PartyMemberView struct {
	ID          string    `json:"id"`
	Username    string    `json:"username" example:"ada"`
	DisplayName string    `json:"display_name,omitempty" example:"Ada"`
	AvatarID    string    `json:"avatar_id,omitempty" doc:"Id of a picture."`
	JoinedAt    time.Time `json:"joined_at"`
	SeenAt      time.Time `json:"seen_at" doc:"When they were last there."`
	Online      bool      `json:"online" doc:"Whether they are there now."`
}

func memberView(m Member) PartyMemberView {
	return PartyMemberView{
		ID: m.ID.String(), Username: m.Name, DisplayName: m.DisplayName, AvatarID: textOf(m.Avatar),
		JoinedAt: m.JoinedAt, SeenAt: m.SeenAt, Online: m.Online,
	}
}

func textOf(id uuid.NullUUID) string {
	if !id.Valid {
		return ""
	}
	return id.UUID.String()
}

// EntryView is something in the queue.
type EntryView struct {
	ID      string           `json:"id"`
	Item    ItemView         `json:"item"`
	AddedBy *PartyPersonView `json:"added_by,omitempty"`
	AddedAt time.Time        `json:"added_at"`
}

// showQueue returns the queue as p sees it; the zero Principal stands for everybody.
func (s *Service) showQueue(ctx context.Context, p auth.Principal, party uuid.UUID) ([]EntryView, error) {
	entries, err := s.queue(ctx, party)
	if err != nil {
		return nil, err
	}
	views := make([]EntryView, len(entries))
	for i, e := range entries {
		item, err := s.showItem(ctx, p, e.Item)
		if err != nil {
			return nil, err
		}
		views[i] = EntryView{ID: e.ID.String(), Item: *item, AddedAt: e.AddedAt}
		if e.AddedBy != nil {
			views[i].AddedBy = personView(&e.AddedBy.Person)
		}
	}
	return views, nil
}

// PartyMessageView is a line in the chat.
type PartyMessageView struct {
	ID        string           `json:"id"`
	Kind      string           `json:"kind" enum:"message,system"`
	By        *PartyPersonView `json:"by,omitempty" doc:"Absent if the account is gone."`
	Body      string           `json:"body" doc:"Of system lines what somebody did: joined, left, removed, host, play, pause, seek, rate, load or next." example:"Hello!"`
	CreatedAt time.Time        `json:"created_at"`
	Deleted   bool             `json:"deleted,omitempty"`
}

func viewOfMessage(m Message) PartyMessageView {
	v := PartyMessageView{ID: m.ID.String(), Kind: m.Kind, Body: m.Body, CreatedAt: m.CreatedAt, Deleted: m.Deleted}
	if m.By != nil {
		v.By = personView(&m.By.Person)
	}
	return v
}

// Snapshot is all of a party, as one member sees it.
type Snapshot struct {
	Party   PartyView         `json:"party"`
	State   StateView         `json:"state"`
	Members []PartyMemberView `json:"members" nullable:"false"`
	Queue   []EntryView       `json:"queue" nullable:"false"`
	Now     int64             `json:"now" doc:"The server's time in microseconds since 1970."`
}

// Snapshot returns all of a party as p sees it, and its version.
func (s *Service) Snapshot(ctx context.Context, p auth.Principal, party uuid.UUID) (Snapshot, int64, error) {
	row, err := s.row(ctx, p.UserID, party)
	if err != nil {
		return Snapshot{}, 0, err
	}
	state, err := stateOf(row.State)
	if err != nil {
		return Snapshot{}, 0, err
	}
	var v Snapshot
	if v.Party, err = s.showParty(ctx, row); err != nil {
		return Snapshot{}, 0, err
	}
	if v.State, err = s.showState(ctx, p, row.Seq, &state); err != nil {
		return Snapshot{}, 0, err
	}
	members, err := s.members(ctx, party)
	if err != nil {
		return Snapshot{}, 0, err
	}
	v.Members = make([]PartyMemberView, len(members))
	for i, m := range members {
		v.Members[i] = memberView(m)
	}
	if v.Queue, err = s.showQueue(ctx, p, party); err != nil {
		return Snapshot{}, 0, err
	}
	v.Now = s.now()
	return v, row.Version, nil
}

func (s *Service) showParty(ctx context.Context, row store.Party) (PartyView, error) {
	host, err := s.cfg.DB.Read().UserByIDEvenDeleted(ctx, row.HostID)
	if err != nil {
		return PartyView{}, fmt.Errorf("party: look the host up: %w", err)
	}
	return partyView(row, host.Username)
}

// tellChanged tells everybody what the party is now.
func (s *Service) tellChanged(ctx context.Context, party uuid.UUID) {
	row, err := s.cfg.DB.Read().PartyByID(ctx, party)
	if err == nil {
		var v PartyView
		if v, err = s.showParty(ctx, row); err == nil {
			s.tell(ctx, party, "party.changed", v)
			return
		}
	}
	if !errors.Is(err, db.ErrNotFound) {
		s.cfg.Logger.WarnContext(ctx, "a change of a party cannot be told", "err", err)
	}
}

// tellMember tells everybody of somebody who is in the party.
func (s *Service) tellMember(ctx context.Context, party uuid.UUID, event string, user uuid.UUID) {
	members, err := s.members(ctx, party)
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "who is in a party cannot be told", "err", err)
		return
	}
	for _, m := range members {
		if m.ID == user {
			v := memberView(m)
			s.tell(ctx, party, "party.member", MemberEvent{Event: event, UserID: v.ID, Username: v.Username, Member: &v})
		}
	}
}

// MemberEvent is what happened to a member: joined, left, removed, online or offline.
type MemberEvent struct {
	Event    string           `json:"event"`
	UserID   string           `json:"user_id"`
	Username string           `json:"username,omitempty"`
	Member   *PartyMemberView `json:"member,omitempty"` // of who joined
}

// QueueEvent is what comes next.
type QueueEvent struct {
	Items []EntryView `json:"items"`
}

// ReadyView is whether somebody's player has something to play.
type ReadyView struct {
	User      *PartyPersonView `json:"user"`
	Buffering bool             `json:"buffering"`
}

// EndedView is that a party is over: because its host wanted it, or all have left.
type EndedView struct {
	Party  string `json:"party"`
	Reason string `json:"reason"`
}

// DeletedEvent is that a message was deleted.
type DeletedEvent struct {
	ID string           `json:"id"`
	By *PartyPersonView `json:"by"`
}

// InvitedView is an invitation, as it is told to whoever is invited.
type InvitedView struct {
	Party  string           `json:"party"`
	Name   string           `json:"name"`
	Invite string           `json:"invite"`
	From   *PartyPersonView `json:"from"`
}

// Mine returns the parties that p is in, newest first.
func (s *Service) Mine(ctx context.Context, p auth.Principal) ([]PartyView, error) {
	rows, err := s.cfg.DB.Read().PartiesOf(ctx, p.UserID)
	if err != nil {
		return nil, fmt.Errorf("party: list: %w", err)
	}
	views := make([]PartyView, len(rows))
	for i, row := range rows {
		if views[i], err = partyView(row.Party, row.Username); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// Members returns who is in a party that p is in, the longest there first.
func (s *Service) Members(ctx context.Context, p auth.Principal, party uuid.UUID) ([]Member, error) {
	if _, err := s.row(ctx, p.UserID, party); err != nil {
		return nil, err
	}
	return s.members(ctx, party)
}

// Queue returns what comes next in a party that p is in, as p sees it.
func (s *Service) Queue(ctx context.Context, p auth.Principal, party uuid.UUID) ([]EntryView, error) {
	if _, err := s.row(ctx, p.UserID, party); err != nil {
		return nil, err
	}
	return s.showQueue(ctx, p, party)
}

// Preview returns what the code of a link tells of its party; ErrBadInvite if it is not
// good.
func (s *Service) Preview(ctx context.Context, p auth.Principal, code string) (PreviewView, error) {
	if code == "" {
		return PreviewView{}, ErrBadInvite
	}
	invite, err := s.invite(ctx, s.cfg.DB.Read(), p, code, uuid.Nil)
	if err != nil {
		return PreviewView{}, err
	}
	row, err := s.cfg.DB.Read().PartyByID(ctx, invite.PartyID)
	if errors.Is(err, db.ErrNotFound) {
		return PreviewView{}, ErrBadInvite
	}
	if err != nil {
		return PreviewView{}, fmt.Errorf("party: look up: %w", err)
	}
	shown, err := s.showParty(ctx, row)
	if err != nil {
		return PreviewView{}, err
	}
	count, err := s.cfg.DB.Read().PartyCountMembers(ctx, row.ID)
	if err != nil {
		return PreviewView{}, fmt.Errorf("party: count members: %w", err)
	}
	v := PreviewView{Party: shown.ID, Name: shown.Name, Host: shown.Host, Members: int(count)}
	if p.IsUser() {
		if v.Member, err = s.IsMember(ctx, row.ID, p.UserID); err != nil {
			return PreviewView{}, err
		}
	}
	return v, nil
}
