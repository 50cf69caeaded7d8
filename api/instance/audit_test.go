package instance_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

const auditPath = "/api/v1/admin/audit"

func TestAuditLogIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		targets := []string{uuid.NewString(), uuid.NewString()}
		for i := range 24 {
			who := []apitest.Person{f.admin, f.mod}[i%2]
			ctx := auth.With(t.Context(), auth.Principal{UserID: who.ID, Name: who.Name, Role: auth.RoleAdmin})
			ctx = auth.WithClient(ctx, auth.Client{Addr: netip.MustParseAddr("192.0.2.1")})
			require.NoError(t, auth.Audit(ctx, d.Write(), f.clock.Now(), auth.Action{
				Name: []string{"user.suspend", "user.role", "ban.create"}[i%3], TargetKind: "user",
				TargetID: targets[i/12], Target: "bob", Detail: map[string]any{"n": i},
			}))
		}
		require.NoError(t, auth.Audit(t.Context(), d.Write(), f.clock.Now(), auth.Action{Name: "webhook.disable"}))

		for query, want := range map[string]int{
			"":                           25,
			"actor=root":                 12,
			"actor=ROOT":                 12,
			"actor=system":               1,
			"actor=nobody":               0,
			"action=user.role":           8,
			"target_id=" + targets[0]:    12,
			"action=user":                0,
			"actor=mo&action=ban.create": 4,
			"target_id=" + targets[1] + "&action=user.suspend":          4,
			"target_id=" + targets[1] + "&actor=mo":                     6,
			"target_id=" + targets[1] + "&actor=mo&action=user.suspend": 2,
		} {
			for _, limit := range []int{2, 5, 100} {
				require.Len(t, f.walk(fmt.Sprintf("%s?limit=%d&%s", auditPath, limit, query), f.admin), want, query)
			}
		}
		r := f.ok("GET", auditPath+"?limit=1&actor=mo&action=ban.create", f.admin, "")
		require.Contains(t, r.Header.Get("Link"), "actor=mo")
		require.Contains(t, r.Header.Get("Link"), "action=ban.create")
		entry := items(r)[0]
		require.Equal(t, "192.0.2.1", entry["address"])
		require.Equal(t, f.mod.ID.String(), entry["actor_id"])
		require.Equal(t, map[string]any{"n": 23.0}, entry["detail"])

		apitest.RequireProblem(t, f.Do("GET", auditPath, f.mod.Token, ""), 403, "forbidden")
		apitest.RequireProblem(t, f.Do("GET", auditPath+"?actor=a%20b", f.admin.Token, ""), 422, "unprocessable_entity")
	})
}
