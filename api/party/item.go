package party

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
)

// ItemInput names something to watch.
type ItemInput struct {
	Kind      string `json:"kind" enum:"channel,broadcast" doc:"A channel is watched live, a broadcast as its recording." example:"channel"`
	Channel   string `json:"channel,omitempty" maxLength:"40" doc:"Address of the channel." example:"demo"`
	Broadcast string `json:"broadcast,omitempty" maxLength:"36" doc:"Id of a broadcast that has ended and is published."`
}

// ItemView is what a party watches. Who may not see it, or when everybody is told of
// something that not everybody may see, gets no more than the kind.
type ItemView struct {
	ID        string  `json:"id" doc:"Of this time that it was loaded or queued."`
	Kind      string  `json:"kind" enum:"channel,broadcast" example:"channel"`
	Live      bool    `json:"live" doc:"Positions are times of day then, in seconds since 1970."`
	Channel   string  `json:"channel,omitempty" doc:"Address of the channel." example:"demo"`
	Broadcast string  `json:"broadcast,omitempty" doc:"Id of the broadcast."`
	Title     string  `json:"title,omitempty" example:"Evening in the garden"`
	Duration  float64 `json:"duration,omitempty" doc:"Seconds."`
	Private   bool    `json:"private,omitempty" doc:"Not everybody may see it: ask for the state to know whether you may."`
	Forbidden bool    `json:"forbidden,omitempty" doc:"You may not see it."`
}

// find returns the item that in names, if p may see it.
func (s *Service) find(ctx context.Context, p auth.Principal, in ItemInput) (*Item, error) {
	item := &Item{Kind: in.Kind}
	var err error
	if item.ID, err = uuid.NewV7(); err != nil {
		return nil, fmt.Errorf("party: make an id: %w", err)
	}
	switch {
	case in.Kind == KindChannel && in.Broadcast == "":
		access, err := s.cfg.Channels.BySlug(ctx, p, in.Channel)
		if err != nil {
			return nil, itemError(err)
		}
		item.Channel = access.ChannelID
	case in.Kind == KindBroadcast && in.Channel == "":
		access, err := s.cfg.Channels.ByBroadcast(ctx, p, in.Broadcast)
		if err != nil {
			return nil, itemError(err)
		}
		row, err := s.cfg.DB.Read().PartyBroadcast(ctx, access.BroadcastID)
		if err != nil {
			return nil, itemError(err)
		}
		if row.State != "ended" || row.PublishedAt == nil {
			return nil, ErrItemNotFound
		}
		item.Broadcast, item.Duration = row.ID, row.DurationMs*1000
	default:
		return nil, ErrBadItem
	}
	return item, nil
}

func itemError(err error) error {
	if errors.Is(err, auth.ErrChannelNotFound) || errors.Is(err, auth.ErrBroadcastNotFound) || errors.Is(err, db.ErrNotFound) {
		return ErrItemNotFound
	}
	return err
}

// showItem returns an item as p sees it. The zero Principal stands for everybody: what
// it may not see is private, not forbidden.
func (s *Service) showItem(ctx context.Context, p auth.Principal, item *Item) (*ItemView, error) {
	if item == nil {
		return nil, nil
	}
	v := &ItemView{ID: item.ID.String(), Kind: item.Kind, Live: item.Live(), Duration: seconds(item.Duration)}
	err := s.describe(ctx, p, item, v)
	switch {
	case err == nil:
		return v, nil
	case !errors.Is(itemError(err), ErrItemNotFound):
		return nil, err
	}
	return &ItemView{ID: v.ID, Kind: v.Kind, Live: v.Live, Private: !p.IsUser(), Forbidden: p.IsUser()}, nil
}

// describe fills in what p may know of an item.
func (s *Service) describe(ctx context.Context, p auth.Principal, item *Item, v *ItemView) error {
	switch item.Kind {
	case KindChannel:
		row, err := s.cfg.DB.Read().PartyChannel(ctx, item.Channel)
		if err != nil {
			return err
		}
		v.Channel, v.Title = row.Slug, row.Title
		_, err = s.cfg.Channels.BySlug(ctx, p, row.Slug)
		return err
	case KindBroadcast:
		row, err := s.cfg.DB.Read().PartyBroadcast(ctx, item.Broadcast)
		if err != nil {
			return err
		}
		v.Broadcast, v.Channel, v.Title = row.ID.String(), row.Slug, row.Title
		_, err = s.cfg.Channels.ByBroadcast(ctx, p, v.Broadcast)
		return err
	}
	return ErrItemNotFound
}

// seconds returns microseconds as clients get them.
func seconds(micros int64) float64 { return float64(micros) / 1e6 }
