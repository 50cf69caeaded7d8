package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// UpdateSettings changes the settings in the name of whoever ctx speaks for. The
// outcomes are ErrBadSettings and rest.ErrChanged.
func (s *Service) UpdateSettings(ctx context.Context, match rest.IfMatch, change Change) (Settings, error) {
	k, err := s.updateSettings(ctx, match, change)
	if err != nil {
		return Settings{}, err
	}
	return k.settings, nil
}

func (s *Service) updateSettings(ctx context.Context, match rest.IfMatch, change Change) (*known, error) {
	const tries = 5 // admins who change other settings come between
	for range tries {
		k, err := s.tryUpdate(ctx, match, change)
		if errors.Is(err, rest.ErrChanged) && !match.Given() {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.remember(k)
		return k, nil
	}
	return nil, rest.ErrChanged
}

func (s *Service) tryUpdate(ctx context.Context, match rest.IfMatch, change Change) (*known, error) {
	var k *known
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		if k, err = s.querySettings(ctx, tx.Queries); err != nil {
			return err
		}
		if err := match.Check(k.version); err != nil {
			return err
		}
		detail := change.apply(&k.overrides)
		k.settings = k.overrides.over(s.cfg.Defaults)
		if err := k.settings.clean(); err != nil {
			return err
		}
		k.overrides = k.overrides.cleaned(k.settings)
		if err := s.writeSettings(ctx, tx, k); err != nil {
			return err
		}
		if err := tx.Notify(ctx, topic, "settings"); err != nil {
			return err
		}
		return auth.Audit(ctx, tx, s.cfg.Now(), auth.Action{Name: "settings.update", TargetKind: "settings", Detail: detail})
	})
	return k, err
}

func (s *Service) writeSettings(ctx context.Context, tx *db.Tx, k *known) error {
	doc, err := json.Marshal(k.overrides)
	if err != nil {
		return fmt.Errorf("instance: encode the settings: %w", err)
	}
	now := column.At(s.cfg.Now())
	var n int64
	if k.version == 0 {
		n, err = tx.InstanceCreateSettings(ctx, store.InstanceCreateSettingsParams{Doc: doc, UpdatedAt: now})
	} else {
		n, err = tx.InstanceUpdateSettings(ctx, store.InstanceUpdateSettingsParams{Doc: doc, UpdatedAt: now, Version: k.version})
	}
	if err != nil {
		return fmt.Errorf("instance: write the settings: %w", err)
	}
	if n == 0 {
		return rest.ErrChanged
	}
	k.version++
	k.updatedAt = now.Time
	return nil
}
