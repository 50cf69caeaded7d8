package jobs

import (
	"context"
	"fmt"
	"testing"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// TestTablesMigrateFromEveryVersion, and a job of the version before last runs.
func TestTablesMigrateFromEveryVersion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		latest, err := Migrate(t.Context(), d)
		require.NoError(t, err)
		require.Zero(t, latest.From)
		for version := latest.To - 1; version >= 0; version-- {
			to := version
			if to == 0 {
				to = -1 // River's word for none
			}
			down, err := migrate(t.Context(), d, rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{TargetVersion: to})
			require.NoError(t, err)
			require.Equal(t, Migrated{From: latest.To, To: version}, down)
			up, err := Migrate(t.Context(), d)
			require.NoError(t, err)
			require.Equal(t, Migrated{From: version, To: latest.To}, up)
		}
		again, err := Migrate(t.Context(), d)
		require.NoError(t, err)
		require.Equal(t, Migrated{From: latest.To, To: latest.To}, again)

		ran := make(chan string, 10)
		j := open(t, d, Config{Workers: []Worker{note(func(_ context.Context, job *river.Job[noteArgs]) error {
			ran <- job.Args.Text
			return nil
		})}})
		insert(t, d, j, noteArgs{Text: "kept"}, nil)
		_, err = migrate(t.Context(), d, rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{TargetVersion: latest.To - 1})
		require.NoError(t, err)
		up, err := Migrate(t.Context(), d)
		require.NoError(t, err, fmt.Sprint(up))
		run(t, j)
		require.Equal(t, "kept", next(t, ran))
	})
}
