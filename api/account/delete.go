package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Delete deletes the account of p, who knows its password: it is signed out, and with
// its channels no longer there for anybody. Until the returned instant it can be
// restored. The outcomes are ErrWrongPassword and ErrLastAdmin.
func (s *Service) Delete(ctx context.Context, p auth.Principal, password string) (until time.Time, err error) {
	user, err := s.prove(ctx, p, password)
	if err != nil {
		return time.Time{}, err
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if auth.Role(user.Role) == auth.RoleAdmin {
			if err := keepAdmin(ctx, tx, user.ID); err != nil {
				return err
			}
		}
		return s.remove(ctx, tx, user, uuid.NullUUID{})
	})
	if err != nil {
		return time.Time{}, wrap(err, "delete")
	}
	return column.At(s.cfg.Now()).Add(RestoreWindow), nil
}

// remove deletes user in the name of staff, or of the user if by is not valid.
func (s *Service) remove(ctx context.Context, tx *db.Tx, user store.User, by uuid.NullUUID) error {
	now := s.cfg.Now()
	n, err := tx.DeleteUser(ctx, store.DeleteUserParams{ID: user.ID, DeletedAt: column.Maybe(now), DeletedBy: by})
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrNotFound
	}
	if err := s.signOut(ctx, tx, user, uuid.Nil); err != nil {
		return err
	}
	if err := cameOrWent(ctx, tx, user); err != nil {
		return err
	}
	data := mail.Data{Until: now.Add(RestoreWindow)}
	if !by.Valid {
		data.Path = restorePath
	}
	if err := s.tell(ctx, tx, user, mail.AccountDeleted, data); err != nil {
		return err
	}
	return s.note(ctx, tx, "user.delete", user, nil)
}

// Restore brings a deleted account back for whoever knows its login and password. A
// login that does not exist takes as long as a wrong password, and both are
// ErrBadCredentials. So is one that is not deleted, whatever the password: nobody can
// guess passwords here who would be stopped where people log in. An account that the
// staff deleted is ErrDeletedByStaff.
func (s *Service) Restore(ctx context.Context, login, password string) error {
	user, err := s.findEvenDeleted(ctx, login)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return wrap(err, "look a login up")
	}
	if user.DeletedAt == nil {
		user.PasswordHash = ""
	}
	ok, err := s.cfg.Passwords.Check(ctx, password, user.PasswordHash)
	switch {
	case err != nil:
		return err
	case !ok:
		return ErrBadCredentials
	case user.DeletedBy.Valid:
		return ErrDeletedByStaff
	case !s.cfg.Now().Before(user.DeletedAt.Add(RestoreWindow)):
		return ErrBadCredentials // about to be erased
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error { return s.bringBack(ctx, tx, user) })
	return wrap(err, "restore")
}

// bringBack restores user, unless others were faster: with restoring or with erasing.
func (s *Service) bringBack(ctx context.Context, tx *db.Tx, user store.User) error {
	n, err := tx.RestoreUser(ctx, user.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrBadCredentials
	}
	if err := cameOrWent(ctx, tx, user); err != nil {
		return err
	}
	if err := s.tell(ctx, tx, user, mail.AccountRestored, mail.Data{}); err != nil {
		return err
	}
	return s.note(ctx, tx, "user.restore", user, nil)
}

// keepAdmin is ErrLastAdmin if the user with id is the only admin who can act. Until
// the transaction ends nobody else takes an admin away. It must come before other
// changes of users.
func keepAdmin(ctx context.Context, tx *db.Tx, id uuid.UUID) error {
	if err := tx.LockAdmins(ctx); err != nil {
		return fmt.Errorf("lock the admins: %w", err)
	}
	user, err := tx.UserByIDEvenDeleted(ctx, id)
	if err != nil {
		return failure(err, "get")
	}
	if auth.Role(user.Role) != auth.RoleAdmin {
		return nil
	}
	others, err := tx.CountOtherAdmins(ctx, id)
	if err != nil {
		return fmt.Errorf("count the admins: %w", err)
	}
	if others == 0 {
		return ErrLastAdmin
	}
	return nil
}

// note writes what happens to user into the audit log.
func (s *Service) note(ctx context.Context, tx *db.Tx, action string, user store.User, detail map[string]any) error {
	return auth.Audit(ctx, tx, s.cfg.Now(), auth.Action{
		Name: action, TargetKind: "user", TargetID: user.ID.String(), Target: user.Username, Detail: detail,
	})
}
