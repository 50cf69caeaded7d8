package account_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/account"
	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

func TestDeleteAndRestore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada := p.made("ada", auth.RoleUser)
		phone := p.login(ada)
		_, err := p.Delete(as(t, ada), principal(ada, phone), "wrong horse")
		require.ErrorIs(t, err, account.ErrWrongPassword)
		until, err := p.Delete(as(t, ada), principal(ada, phone), password)
		require.NoError(t, err)
		require.WithinDuration(t, p.now.Now().Add(30*24*time.Hour), until, time.Second)
		require.False(t, p.signedIn(phone))
		require.False(t, p.canLogIn("ada", password))
		_, err = p.Get(t.Context(), ada.ID)
		require.ErrorIs(t, err, account.ErrNotFound)
		_, err = p.Public(t.Context(), "ada")
		require.ErrorIs(t, err, account.ErrNotFound)
		_, _, err = p.Signup(t.Context(), newUser("ada"), "")
		require.ErrorIs(t, err, account.ErrUsernameTaken, "the name is kept for whoever comes back")

		mails := p.mail.take()
		require.Len(t, mails, 1)
		require.Equal(t, mail.AccountDeleted, mails[0].Template)
		require.Equal(t, "/account/restore", mails[0].Data.Path)
		n := newUser("ada2")
		n.Email = ada.Email
		_, _, err = p.Signup(t.Context(), n, "")
		require.NoError(t, err)
		mails = p.mail.take()
		require.Equal(t, mail.SignupExists, mails[0].Template)
		require.WithinDuration(t, until, mails[0].Data.Until, time.Second, "the owner reads how to come back")
		require.NoError(t, p.Forgot(t.Context(), "ada"))
		require.Empty(t, p.mail.take()[0].To)

		for _, bad := range [][2]string{{"ada", "wrong horse"}, {"nobody", password}, {"ada\x00", password}} {
			require.ErrorIs(t, p.Restore(t.Context(), bad[0], bad[1]), account.ErrBadCredentials)
		}
		require.NoError(t, p.Restore(t.Context(), "ADA@example.org", password))
		require.ErrorIs(t, p.Restore(t.Context(), "ada", password), account.ErrBadCredentials, "passwords are not to be tried here")
		require.True(t, p.canLogIn("ada", password))
		require.False(t, p.signedIn(phone))
		mails = p.mail.take()
		require.Len(t, mails, 1)
		require.Equal(t, mail.AccountRestored, mails[0].Template)
		require.Equal(t, []string{"ada user.delete ada", "system user.restore ada"}, p.audited())
	})
}

func TestWhatIsDeletedIsErasedAfterAMonth(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		purger, err := account.NewPurger(account.PurgerConfig{DB: p.db, Batch: 2, Now: p.now.Now, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		erase := func() { require.NoError(t, purger.Work(t.Context(), nil)) }
		stays := p.made("stays", auth.RoleUser)
		now := column.At(p.now.Now())
		channel := func(owner account.User, slug string) uuid.UUID {
			id := uuid.Must(uuid.NewV7())
			require.NoError(t, p.db.Write().CreateChannel(t.Context(), store.CreateChannelParams{
				ID: id, OwnerID: owner.ID, Slug: slug, Title: slug, CreatedAt: now, UpdatedAt: now,
			}))
			return id
		}
		kept := channel(stays, "kept")
		exec := func(query string, args ...any) {
			t.Helper()
			_, err := p.db.Writer().ExecContext(t.Context(), query, args...)
			require.NoError(t, err)
		}
		exec("UPDATE channels SET followers = 7 WHERE id = $1", kept)
		gone := []account.User{}
		for _, name := range []string{"anna", "bert", "cora"} {
			user := p.made(name, auth.RoleUser)
			lost := channel(user, name)
			exec("INSERT INTO follows (id, channel_id, user_id, notify, created_at) VALUES ($1, $2, $3, TRUE, $4)", uuid.New(), kept, user.ID, now)
			for _, target := range []uuid.UUID{user.ID, lost} {
				exec(`INSERT INTO images (id, kind, target_kind, target_id, state, source_key, created_by, created_at, updated_at)
					VALUES ($1, 'avatar', 'user', $2, 'ready', 'k', $3, $4, $4)`, uuid.New(), target, user.ID, now)
			}
			require.NoError(t, p.Forgot(t.Context(), name))
			_, err := p.Delete(as(t, user), principal(user, uuid.Nil), password)
			require.NoError(t, err)
			gone = append(gone, user)
		}
		back := p.made("back", auth.RoleUser)
		_, err = p.Delete(as(t, back), principal(back, uuid.Nil), password)
		require.NoError(t, err)

		p.now.pass(30*24*time.Hour - time.Minute)
		erase()
		_, err = p.Look(t.Context(), gone[0].ID)
		require.NoError(t, err, "a minute is left")
		require.NoError(t, p.Restore(t.Context(), "back", password))

		p.now.pass(2 * time.Minute)
		require.ErrorIs(t, p.Restore(t.Context(), "anna", password), account.ErrBadCredentials, "too late, though not erased yet")
		heard := make(chan string, 10)
		p.db.Subscribe(auth.TopicUser, func(key string) { heard <- key }, func() {})
		erase()
		for range gone {
			<-heard
		}
		for _, user := range gone {
			_, err = p.Look(t.Context(), user.ID)
			require.ErrorIs(t, err, account.ErrNotFound)
			_, err = p.db.Read().ChannelBySlug(t.Context(), user.Username)
			require.ErrorIs(t, err, db.ErrNotFound)
		}
		for _, user := range []account.User{stays, back} {
			_, err = p.Get(t.Context(), user.ID)
			require.NoError(t, err)
		}
		count := func(query string, args ...any) (n int) {
			t.Helper()
			require.NoError(t, p.db.Writer().QueryRowContext(t.Context(), query, args...).Scan(&n))
			return n
		}
		require.Equal(t, 4, count("SELECT followers FROM channels WHERE id = $1", kept))
		require.Equal(t, 6, count("SELECT count(*) FROM images WHERE state = 'replaced'"))
		require.Equal(t, 3, count("SELECT count(*) FROM audit_log WHERE action = 'user.purge' AND actor = 'system'"))
		require.Zero(t, count("SELECT count(*) FROM mail_tokens"))
		p.made("anna", auth.RoleUser) // name and address are free
		erase()
	})
}

func TestTracesOfLinksGoInBatches(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		purger, err := account.NewPurger(account.PurgerConfig{DB: p.db, Batch: 2, Now: p.now.Now, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		for _, name := range []string{"anna", "bert", "cora"} {
			p.made(name, auth.RoleUser)
			require.NoError(t, p.Forgot(t.Context(), name))
		}
		count := func() (n int) {
			require.NoError(t, p.db.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM mail_tokens").Scan(&n))
			return n
		}
		p.now.pass(90 * time.Minute)
		require.NoError(t, purger.Work(t.Context(), nil))
		require.Equal(t, 3, count(), "they still bound how many mails there are")
		p.now.pass(time.Hour)
		require.NoError(t, purger.Work(t.Context(), nil))
		require.Zero(t, count())
		require.Equal(t, "account_purge", account.Purge{}.Kind())
	})
}

func TestRestoringAndErasingAtATime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		purger, err := account.NewPurger(account.PurgerConfig{DB: p.db, Now: p.now.Now, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		ada := p.made("ada", auth.RoleUser)
		_, err = p.Delete(as(t, ada), principal(ada, uuid.Nil), password)
		require.NoError(t, err)
		admin := p.made("root2", auth.RoleAdmin)
		p.now.pass(31 * 24 * time.Hour)
		erased := make(chan error, 1)
		go func() { erased <- purger.Work(t.Context(), nil) }()
		_, restored := p.RestoreFor(as(t, admin), ada.ID, anyVersion) // the staff can until the very end
		require.NoError(t, <-erased)
		_, err = p.Look(t.Context(), ada.ID)
		if restored == nil {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, restored, account.ErrNotFound)
			require.ErrorIs(t, err, account.ErrNotFound)
		}
	})
}
