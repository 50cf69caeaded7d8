package login_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/login"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestARefreshTokenIsGoodOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d)
		ada := s.account("ada", auth.RoleUser)
		first := s.login("ada")
		require.Regexp(t, `^bsr_[a-z2-7]{32}$`, first.refresh)
		other := s.login("ada")
		r := s.refresh(first.refresh)
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		require.Equal(t, "ada", r.JSON["user"].(map[string]any)["username"])
		second := inOf(r)
		require.NotEqual(t, first, second)
		third := inOf(s.refresh(second.refresh))
		require.True(t, s.isIn(third.access))
		require.True(t, s.isIn(first.access), "as long as its login")
		require.Len(t, s.logins(ada), 2)

		// A thief, or the victim, shows an old one.
		apitest.RequireProblem(t, s.refresh(first.refresh), http.StatusUnauthorized, "invalid_refresh_token")
		apitest.RequireProblem(t, s.refresh(third.refresh), http.StatusUnauthorized, "invalid_refresh_token")
		require.False(t, s.isIn(third.access))
		require.True(t, s.isIn(other.access), "another device")
		require.Equal(t, http.StatusOK, s.refresh(other.refresh).Status)
	})
}

// TestOfEightWhoRaceOneWins and then nobody has anything of it.
func TestOfEightWhoRaceOneWins(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d)
		s.account("ada", auth.RoleUser)
		for range 5 {
			first, err := s.service.Login(t.Context(), "ada", password)
			require.NoError(t, err)
			var mu sync.Mutex
			var won []login.Session
			var wg sync.WaitGroup
			begin := make(chan struct{})
			for range 8 {
				wg.Go(func() {
					<-begin
					session, err := s.service.Refresh(context.Background(), first.RefreshToken)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						won = append(won, session)
					} else if !errors.Is(err, login.ErrBadRefreshToken) {
						t.Errorf("got %v", err)
					}
				})
			}
			close(begin)
			wg.Wait()
			require.Len(t, won, 1)
			require.False(t, s.isIn(won[0].AccessToken))
			_, err = s.service.Refresh(t.Context(), won[0].RefreshToken)
			require.ErrorIs(t, err, login.ErrBadRefreshToken)
		}
	})
}

func TestWhoCannotRefresh(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d)
		ada := s.account("ada", auth.RoleUser)
		for name, test := range map[string]struct {
			set    string
			status int
			code   string
		}{
			"revoked":          {"UPDATE logins SET revoked_at = created_at WHERE user_id = $1", 401, "invalid_refresh_token"},
			"suspended":        {"UPDATE users SET suspended_at = created_at WHERE id = $1", 403, "account_suspended"},
			"deleted":          {"UPDATE users SET deleted_at = created_at WHERE id = $1", 403, "account_deleted"},
			"deleted by staff": {"UPDATE users SET deleted_at = created_at, deleted_by = id WHERE id = $1", 403, "account_deleted_by_staff"},
		} {
			in := s.login("ada")
			require.True(t, s.isIn(in.access), name)
			s.change(ada, test.set)
			require.False(t, s.isIn(in.access), name)
			for range 2 { // a refusal uses nothing up
				apitest.RequireProblem(t, s.refresh(in.refresh), test.status, test.code)
			}
			s.change(ada, "UPDATE users SET suspended_at = NULL, deleted_at = NULL, deleted_by = NULL WHERE id = $1")
			if name != "revoked" {
				require.Equal(t, http.StatusOK, s.refresh(in.refresh).Status, name)
			}
		}
		in := s.login("ada")
		s.clock.pass(30*24*time.Hour - time.Second)
		r := s.refresh(in.refresh)
		require.Equal(t, http.StatusOK, r.Status)
		s.clock.pass(30 * 24 * time.Hour)
		apitest.RequireProblem(t, s.refresh(inOf(r).refresh), http.StatusUnauthorized, "invalid_refresh_token")
		for _, token := range []string{"", "x", "bsr_" + strings.Repeat("a", 32), "bst_" + strings.Repeat("a", 32), in.access[:120]} {
			apitest.RequireProblem(t, s.refresh(token), http.StatusUnauthorized, "invalid_refresh_token")
		}
		apitest.RequireProblem(t, s.Do("POST", "/api/v1/auth/refresh", "", ""), http.StatusUnauthorized, "invalid_refresh_token")
	})
}

func TestPurgeForgetsWhatHasExpired(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d)
		ada := s.account("ada", auth.RoleUser)
		s.login("ada")
		s.clock.pass(20 * 24 * time.Hour)
		kept := s.login("ada")
		renewed := inOf(s.refresh(kept.refresh))
		s.clock.pass(10*24*time.Hour + time.Second)
		count := func(table string) (n int) {
			t.Helper()
			require.NoError(t, d.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
			return n
		}
		require.Equal(t, 3, count("refresh_tokens"))
		require.NoError(t, s.service.NewPurge().Work(t.Context(), nil))
		require.Equal(t, 2, count("refresh_tokens"))
		require.Len(t, s.logins(ada), 1)
		require.Equal(t, http.StatusOK, s.refresh(renewed.refresh).Status)
		s.clock.pass(31 * 24 * time.Hour)
		require.NoError(t, s.service.NewPurge().Work(t.Context(), nil))
		require.Zero(t, count("refresh_tokens"))
		require.Empty(t, s.logins(ada))
		require.Len(t, s.service.Workers(), 1)
		require.Len(t, s.service.Periodic(), 1)
	})
}
