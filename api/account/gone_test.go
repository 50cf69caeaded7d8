package account_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Nobody goes on showing the channels of an account that is gone from what was
// remembered of them, or hides them when it is back.
func TestChannelsComeAndGoWithTheirOwner(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada, admin := p.made("ada", auth.RoleUser), p.made("root", auth.RoleAdmin)
		now := column.At(p.now.Now())
		for _, slug := range []string{"garden", "attic"} {
			require.NoError(t, p.db.Write().CreateChannel(t.Context(), store.CreateChannelParams{
				ID: uuid.Must(uuid.NewV7()), OwnerID: ada.ID, Slug: slug, Title: slug, CreatedAt: now, UpdatedAt: now,
			}))
		}
		told := map[string]bool{}
		p.db.Subscribe(auth.TopicChannel, func(slug string) { told[slug] = true }, func() {})
		staff := as(t, admin)
		for _, step := range []struct {
			name string
			do   func() error
		}{
			{"suspend", func() error { _, err := p.Suspend(staff, ada.ID, anyVersion, "spam"); return err }},
			{"reinstate", func() error { _, err := p.Reinstate(staff, ada.ID, anyVersion); return err }},
			{"delete", func() error { _, err := p.Delete(as(t, ada), principal(ada, uuid.Nil), password); return err }},
			{"restore", func() error { return p.Restore(t.Context(), "ada", password) }},
			{"delete by the staff", func() error { _, err := p.DeleteFor(staff, ada.ID, anyVersion); return err }},
			{"restore by the staff", func() error { _, err := p.RestoreFor(staff, ada.ID, anyVersion); return err }},
		} {
			clear(told)
			require.NoError(t, step.do(), step.name)
			require.Equal(t, map[string]bool{"garden": true, "attic": true}, told, step.name)
		}
	})
}
