package party

import "context"

// Sweep ends and forgets parties, as Run does now and then.
func (s *Service) Sweep(ctx context.Context) { s.sweep(ctx) }
