package channel

import (
	"context"

	"bandstand/storage/db"
)

// indexOld notes the words of channels of which there are none: they were made when
// there was no search. It tries once; the next start goes on.
func (s *Service) indexOld(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := s.indexSome(ctx)
		if err != nil {
			s.cfg.Logger.WarnContext(ctx, "some channels cannot be found yet", "err", err)
			return
		}
		if n == 0 {
			return
		}
	}
}

func (s *Service) indexSome(ctx context.Context) (int, error) {
	ids, err := s.cfg.DB.Read().ChannelsWithoutWords(ctx)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	channels, err := s.byIDs(ctx, ids)
	if err != nil {
		return 0, err
	}
	err = s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		for id, ch := range channels {
			n, err := q.LockChannel(ctx, id)
			if err != nil {
				return err
			}
			if n == 0 { // deleted meanwhile
				continue
			}
			if err := saveWords(ctx, q, id, wordsOf(&ch)); err != nil {
				return err
			}
		}
		return nil
	})
	return len(ids), err
}
