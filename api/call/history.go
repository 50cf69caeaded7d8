package call

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db/store"
)

// Past is a call in the list of somebody's calls. One that is not over may be among
// them.
type Past struct {
	ID         uuid.UUID
	Kind       string
	Direction  string // "outgoing" or "incoming"; of a party's call, whether they began it
	With       *PersonInCall
	Party      uuid.NullUUID
	State      string
	Outcome    string
	Video      bool
	StartedAt  time.Time
	AnsweredAt *time.Time
	EndedAt    *time.Time
}

// History returns the calls that somebody made, got or took part in, newest first.
func (s *Service) History(ctx context.Context, p auth.Principal, page rest.PageQuery) (rest.Page[Past], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Past]{}, err
	}
	arg := store.CallsOfUserBeforeParams{UserID: known(p.UserID), Edge: c.ID, Most: int32(page.Limit) + 1}
	var rows []store.CallsOfUserBeforeRow
	if c.Back {
		var after []store.CallsOfUserAfterRow
		after, err = s.cfg.DB.Read().CallsOfUserAfter(ctx, store.CallsOfUserAfterParams(arg))
		for _, row := range after {
			rows = append(rows, store.CallsOfUserBeforeRow(row))
		}
	} else {
		rows, err = s.cfg.DB.Read().CallsOfUserBefore(ctx, arg)
	}
	if err != nil {
		return rest.Page[Past]{}, fmt.Errorf("call: history: %w", err)
	}
	calls := make([]Past, len(rows))
	for i, row := range rows {
		calls[i] = pastOf(p.UserID, row)
	}
	return rest.NewPage(rest.ByNewest, c, page.Limit, calls, func(c Past) rest.Cursor { return rest.Cursor{ID: c.ID} }), nil
}

func pastOf(user uuid.UUID, row store.CallsOfUserBeforeRow) Past {
	v := Past{
		ID: row.ID, Kind: row.Kind, Direction: "incoming", Party: row.PartyID,
		State: row.State, Outcome: row.Outcome, Video: row.Video, StartedAt: row.CreatedAt.Time,
	}
	if row.CallerID.UUID == user {
		v.Direction = "outgoing"
	}
	if row.Kind == Direct && row.Username.Valid {
		with := personOf(row.Username.String, row.DisplayName.String, row.AvatarID)
		v.With = &with
	}
	if row.AnsweredAt != nil {
		v.AnsweredAt = &row.AnsweredAt.Time
	}
	if row.EndedAt != nil {
		v.EndedAt = &row.EndedAt.Time
	}
	return v
}
