package account

import (
	"context"
	"fmt"
)

// Admin returns the account that EnsureAdmin makes, for what the program does in its
// own name. Without that account it is an error.
func (s *Service) Admin(ctx context.Context) (User, error) {
	row, err := s.find(ctx, adminName)
	if err != nil {
		return User{}, fmt.Errorf("account: the account %q: %w", adminName, err)
	}
	return userOf(row), nil
}
