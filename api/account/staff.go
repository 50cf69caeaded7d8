package account

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const maxReason = 500 // characters

// Create makes an account in the name of the staff, also while signing up is closed.
// Its address counts as confirmed. Without a password its owner gets a mail to choose
// one; then a server without mail says ErrBadPassword.
func (s *Service) Create(ctx context.Context, n NewUser) (User, error) {
	choose := n.Password == ""
	switch {
	case n.Role == "":
		n.Role = auth.RoleUser
	case !auth.IsRole(n.Role):
		return User{}, ErrBadRole
	}
	if choose {
		if s.cfg.Mail == nil {
			return User{}, ErrBadPassword
		}
		n.Password = rand.Text()
	}
	row, err := s.newRow(ctx, n, true)
	if err != nil {
		return User{}, err
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := tx.CreateUser(ctx, row); err != nil {
			return err
		}
		if choose {
			err := s.post(ctx, tx, letter{
				user: row.ID, name: row.Username, to: row.Email,
				template: mail.AccountCreated, purpose: purposeReset, path: resetPath, life: createdLife,
			})
			if err != nil {
				return err
			}
		}
		return s.note(ctx, tx, "user.create", store.User{ID: row.ID, Username: row.Username}, map[string]any{"role": row.Role})
	})
	if err != nil {
		return User{}, taken(err, "create")
	}
	return userOfNew(row), nil
}

// Look returns the account with id for the staff, deleted or not.
func (s *Service) Look(ctx context.Context, id uuid.UUID) (User, error) {
	row, err := s.cfg.DB.Read().UserByIDEvenDeleted(ctx, id)
	if err != nil {
		return User{}, failure(err, "get")
	}
	return userOf(row)
}

// edit changes the account with id in the name of the staff, if match agrees to its
// version. Whoever else edits it, or an admin, waits.
func (s *Service) edit(
	ctx context.Context, id uuid.UUID, match rest.IfMatch, attempt string, do func(*db.Tx, store.User) error,
) (User, error) {
	var after store.User
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := tx.LockAdmins(ctx); err != nil {
			return fmt.Errorf("lock the admins: %w", err)
		}
		if err := tx.LockUser(ctx, id); err != nil {
			return fmt.Errorf("lock a user: %w", err)
		}
		before, err := tx.UserByIDEvenDeleted(ctx, id)
		if err != nil {
			return failure(err, "get")
		}
		if err := match.Check(before.Version); err != nil {
			return err
		}
		if err := do(tx, before); err != nil {
			return err
		}
		if err := cameOrWent(ctx, tx, before); err != nil {
			return err
		}
		after, err = tx.UserByIDEvenDeleted(ctx, id)
		return err
	})
	if err != nil {
		return User{}, wrap(err, attempt)
	}
	return userOf(after)
}

// SetRole gives the account with id another role on the instance. The outcomes are
// ErrNotFound, ErrDeleted, ErrLastAdmin and rest.ErrChanged.
func (s *Service) SetRole(ctx context.Context, id uuid.UUID, match rest.IfMatch, role auth.Role) (User, error) {
	if !auth.IsRole(role) {
		return User{}, ErrBadRole
	}
	return s.edit(ctx, id, match, "set a role", func(tx *db.Tx, user store.User) error {
		switch {
		case user.DeletedAt != nil:
			return ErrDeleted
		case auth.Role(user.Role) == role:
			return nil
		}
		if err := keepAdmin(ctx, tx, id); err != nil {
			return err
		}
		if _, err := tx.UpdateUserRole(ctx, store.UpdateUserRoleParams{ID: id, Role: string(role)}); err != nil {
			return err
		}
		return s.note(ctx, tx, "user.role", user, map[string]any{"from": user.Role, "to": role})
	})
}

// Suspend keeps the account with id from doing anything, signs it out, and hides its
// channels, until Reinstate. Its owner is told the reason. The outcomes are
// ErrBadReason, ErrNotFound, ErrYourself, ErrDeleted, ErrLastAdmin, rest.ErrChanged,
// and ErrStaffProtected where a moderator asks for one of the staff.
func (s *Service) Suspend(ctx context.Context, id uuid.UUID, match rest.IfMatch, reason string) (User, error) {
	reason, ok := rest.Line(reason, maxReason)
	if !ok {
		return User{}, ErrBadReason
	}
	return s.edit(ctx, id, match, "suspend", func(tx *db.Tx, user store.User) error {
		if err := s.mayTouch(ctx, tx, user); err != nil {
			return err
		}
		at := column.Maybe(s.cfg.Now())
		if user.SuspendedAt != nil {
			at = user.SuspendedAt
		}
		_, err := tx.SuspendUser(ctx, store.SuspendUserParams{ID: id, SuspendedAt: at, SuspendedReason: reason})
		if err != nil {
			return err
		}
		if err := s.signOut(ctx, tx, user, uuid.Nil); err != nil {
			return err
		}
		if user.SuspendedAt == nil {
			if err := s.tell(ctx, tx, user, mail.Suspended, mail.Data{Reason: reason}); err != nil {
				return err
			}
		}
		return s.note(ctx, tx, "user.suspend", user, map[string]any{"reason": reason})
	})
}

// Reinstate takes back what Suspend did. An account that is not suspended stays as it
// is. The outcomes are ErrNotFound, ErrDeleted, ErrStaffProtected and rest.ErrChanged.
func (s *Service) Reinstate(ctx context.Context, id uuid.UUID, match rest.IfMatch) (User, error) {
	return s.edit(ctx, id, match, "reinstate", func(tx *db.Tx, user store.User) error {
		switch {
		case user.DeletedAt != nil:
			return ErrDeleted
		case user.SuspendedAt == nil:
			return nil
		case isProtected(auth.User(ctx), user):
			return ErrStaffProtected
		}
		if _, err := tx.ReinstateUser(ctx, id); err != nil {
			return err
		}
		return s.note(ctx, tx, "user.reinstate", user, nil)
	})
}

// DeleteFor deletes the account with id as Delete does, but only the staff can
// restore it. The outcomes are ErrNotFound, ErrYourself, ErrDeleted, ErrLastAdmin and
// rest.ErrChanged.
func (s *Service) DeleteFor(ctx context.Context, id uuid.UUID, match rest.IfMatch) (User, error) {
	return s.edit(ctx, id, match, "delete", func(tx *db.Tx, user store.User) error {
		if err := s.mayTouch(ctx, tx, user); err != nil {
			return err
		}
		return s.remove(ctx, tx, user, uuid.NullUUID{UUID: auth.User(ctx).UserID, Valid: true})
	})
}

// RestoreFor brings an account back that somebody deleted, its owner or the staff. One
// that is not deleted stays as it is.
func (s *Service) RestoreFor(ctx context.Context, id uuid.UUID, match rest.IfMatch) (User, error) {
	return s.edit(ctx, id, match, "restore", func(tx *db.Tx, user store.User) error {
		if user.DeletedAt == nil {
			return nil
		}
		return s.bringBack(ctx, tx, user)
	})
}

// mayTouch reports whether whoever ctx speaks for may suspend or delete user.
func (s *Service) mayTouch(ctx context.Context, tx *db.Tx, user store.User) error {
	p := auth.User(ctx)
	switch {
	case user.DeletedAt != nil:
		return ErrDeleted
	case p.UserID == user.ID:
		return ErrYourself
	case isProtected(p, user):
		return ErrStaffProtected
	}
	return keepAdmin(ctx, tx, user.ID)
}

// isProtected reports whether user is staff and p is not an admin. What the program
// does by itself is not held back.
func isProtected(p auth.Principal, user store.User) bool {
	return p.IsUser() && !p.IsAdmin() && auth.Role(user.Role) != auth.RoleUser
}
