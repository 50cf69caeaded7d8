package broadcast

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"bandstand/api/mail"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

func (w *world) follow(channel, user uuid.UUID, notify bool) {
	w.t.Helper()
	w.exec("INSERT INTO follows (id, channel_id, user_id, notify, created_at) VALUES ($1, $2, $3, $4, $5)",
		newID(), channel, user, notify, column.At(w.clock()))
}

func (w *world) remind(broadcast, user uuid.UUID) {
	w.t.Helper()
	require.NoError(w.t, w.db.Write().PutBroadcastReminder(w.t.Context(), store.PutBroadcastReminderParams{
		BroadcastID: broadcast, UserID: user, CreatedAt: column.At(w.clock()),
	}))
}

// work does the jobs that are planned, and returns who got a mail.
func (w *world) work(s *Service) []string {
	w.t.Helper()
	for _, args := range w.jobs {
		require.NoError(w.t, s.Reminders().Work(w.t.Context(), &river.Job[RemindArgs]{Args: args.(RemindArgs)}))
	}
	return w.mailed()
}

func (w *world) mailed() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	to := []string{}
	for _, m := range w.mails {
		to = append(to, m.To)
	}
	slices.Sort(to)
	return to
}

func TestFollowersAreTold(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		s := w.service()
		channel := w.channel("demo")
		plan := w.plan(s, channel, noon.Add(time.Minute), noon.Add(time.Hour))
		both := w.person("both")
		w.follow(channel, both, true)
		w.remind(plan.ID, both)
		w.follow(channel, w.person("quiet"), false)
		once := w.person("once")
		w.remind(plan.ID, once)
		w.remind(w.plan(s, channel, noon.Add(2*time.Hour), noon.Add(3*time.Hour)).ID, w.person("other"))
		for name, change := range map[string]string{
			"deleted": "deleted_at = created_at", "suspended": "suspended_at = created_at",
			"unconfirmed": "email_confirmed_at = NULL", "odd": "email = 'a b@'",
		} {
			id := w.person(name)
			w.follow(channel, id, true)
			w.exec("UPDATE users SET "+change+" WHERE id = $1", id)
		}
		w.follow(w.channel("elsewhere"), w.person("stranger"), true)

		watch := newWatch(s)
		w.set(w.session(channel))
		w.step(watch)
		require.Equal(t, []river.JobArgs{RemindArgs{Broadcast: plan.ID}}, w.jobs)
		require.Equal(t, []string{"both@example.org", "once@example.org"}, w.work(s))
		require.Len(t, w.work(s), 2, "a job that runs again tells nobody twice")
		i := slices.IndexFunc(w.mails, func(m mail.Message) bool { return m.To == "once@example.org" })
		require.Equal(t, mail.Message{
			To: "once@example.org", Template: mail.WentLive, Until: noon.Add(2 * time.Hour),
			Data: mail.Data{Name: "once", Channel: "Title of demo", Title: "Planned", Path: "/c/demo", Unsubscribe: s.unsubscribeLink(asked{once, channel})},
		}, w.mails[i])

		w.set()
		w.step(watch)
		w.set(w.session(channel))
		w.step(watch)
		require.Len(t, w.jobs, 1, "one who returns is no news")
	})
}

func TestOnlyMembersAreToldOfAPrivateChannel(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		s := w.service()
		channel := w.channel("demo")
		w.exec("UPDATE channels SET visibility = 'private' WHERE id = $1", channel)
		member := w.person("member")
		w.exec("INSERT INTO channel_members (channel_id, user_id, role, created_at) VALUES ($1, $2, 'viewer', $3)",
			channel, member, column.At(noon))
		owner, err := d.Read().UserByUsername(t.Context(), "owner-demo")
		require.NoError(t, err)
		for _, id := range []uuid.UUID{member, w.person("former"), owner.ID} {
			w.follow(channel, id, true)
		}
		_, err = s.WentLive(t.Context(), w.session(channel).Session, noon)
		require.NoError(t, err)
		require.Equal(t, []string{"member@example.org", "owner-demo@example.org"}, w.work(s))
	})
}

func TestManyFollowersAreToldOnce(t *testing.T) {
	t.Parallel()
	const many = 2*remindBatch + 17
	start := func(t *testing.T, d *db.DB) (*world, *Service, uuid.UUID) {
		w := newWorld(t, d)
		s := w.service()
		channel := w.channel("demo")
		require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			for i := range many {
				id, name := newID(), fmt.Sprintf("fan-%03d", i)
				err := tx.CreateUser(t.Context(), store.CreateUserParams{
					ID: id, Username: name, UsernameLower: name, Email: name + "@example.org", EmailLower: name + "@example.org",
					Role: "user", CreatedAt: column.At(noon), EmailConfirmedAt: column.Maybe(noon),
				})
				if err != nil {
					return err
				}
				_, err = tx.SQL().ExecContext(t.Context(),
					"INSERT INTO follows (id, channel_id, user_id, notify, created_at) VALUES ($1, $2, $3, TRUE, $4)",
					newID(), channel, id, column.At(noon))
				if err != nil {
					return err
				}
			}
			return nil
		}))
		id, err := s.WentLive(t.Context(), w.session(channel).Session, noon)
		require.NoError(t, err)
		return w, s, id
	}
	tests := map[string]func(*testing.T, *world, *Service, uuid.UUID){
		"by one job": func(t *testing.T, w *world, s *Service, _ uuid.UUID) {
			require.Len(t, w.work(s), many)
		},
		"by jobs at the same time": func(t *testing.T, w *world, _ *Service, id uuid.UUID) {
			var wg sync.WaitGroup
			for range 4 {
				s := w.service()
				wg.Go(func() {
					require.NoError(t, s.Reminders().Work(t.Context(), &river.Job[RemindArgs]{Args: RemindArgs{id}}))
				})
			}
			wg.Wait()
			// A mail whose transaction was not committed is none: jobs at the same time
			// may have planned one twice, and have taken it back.
			require.Len(t, slices.Compact(w.mailed()), many)
			require.Equal(t, w.lastFollower(), w.get(id).RemindedTo.UUID)
		},
		"by a job that goes on where another failed": func(t *testing.T, w *world, s *Service, id uuid.UUID) {
			full := errors.New("disk full")
			w.fail = func(n int) error {
				if n == remindBatch+50 {
					return full
				}
				return nil
			}
			job := &river.Job[RemindArgs]{Args: RemindArgs{id}}
			require.ErrorIs(t, s.Reminders().Work(t.Context(), job), full)
			w.mails = w.mails[:remindBatch] // the rest was rolled back
			w.fail = nil
			require.NoError(t, s.Reminders().Work(t.Context(), job))
			require.Len(t, slices.Compact(w.mailed()), many)
			require.Len(t, w.mails, many)
		},
		"and no more once it has ended": func(t *testing.T, w *world, s *Service, id uuid.UUID) {
			more, err := s.remindSome(t.Context(), id)
			require.NoError(t, err)
			require.True(t, more)
			w.advance(time.Hour)
			require.NoError(t, s.Sweep(t.Context()))
			require.Len(t, w.work(s), remindBatch)
		},
		"and nobody of what was long ago": func(t *testing.T, w *world, s *Service, _ uuid.UUID) {
			w.advance(3 * time.Hour)
			require.Empty(t, w.work(s))
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				w, s, id := start(t, d)
				test(t, w, s, id)
			})
		})
	}
}

// lastFollower returns the last of the followers.
func (w *world) lastFollower() uuid.UUID {
	w.t.Helper()
	var id uuid.UUID
	require.NoError(w.t, w.db.Writer().QueryRowContext(w.t.Context(),
		"SELECT user_id FROM follows ORDER BY user_id DESC LIMIT 1").Scan(&id))
	return id
}
