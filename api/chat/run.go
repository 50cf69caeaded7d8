package chat

import (
	"context"
	"time"

	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	// keepAddresses is how long it is known where a message came from, for bans.
	keepAddresses = 30 * 24 * time.Hour
	forgetEvery   = time.Hour
	forgetBatch   = 500 // in one statement, which keeps other writers waiting
)

// Run tells of likes, and forgets where old messages came from, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tell, forget := time.NewTicker(tellLikes), time.NewTicker(forgetEvery)
	defer tell.Stop()
	defer forget.Stop()
	s.forget(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tell.C:
			s.sayLikes(ctx)
		case <-forget.C:
			s.forget(ctx)
		}
	}
}

// forget removes addresses and keys from old messages.
func (s *Service) forget(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := s.cfg.DB.Write().ForgetChatAddresses(ctx, store.ForgetChatAddressesParams{
			Before: column.At(s.cfg.Now().Add(-keepAddresses)), Most: forgetBatch,
		})
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.WarnContext(ctx, "addresses of old messages are not forgotten, will try again", "err", err)
		}
		if err != nil || n < forgetBatch {
			return
		}
	}
}
