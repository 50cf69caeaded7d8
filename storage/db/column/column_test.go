package column_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/storage/db/column"
)

func TestTimeScan(t *testing.T) {
	t.Parallel()
	want := column.At(time.Date(2025, 1, 2, 3, 4, 5, 678901000, time.UTC))
	tests := map[string]struct {
		src  any
		want column.Time
		err  string
	}{
		"time elsewhere":   {want.In(time.FixedZone("", -3600)), want, ""},
		"driver text":      {"2025-01-02 03:04:05.678901+00:00", want, ""},
		"text with a zone": {"2025-01-02 05:04:05.6789019+02:00", want, ""},
		"rfc 3339":         {[]byte("2025-01-02T03:04:05.678901Z"), want, ""},
		"sqlite text":      {"2025-01-02 03:04:05", column.At(want.Truncate(time.Second)), ""},
		"not a time":       {"yesterday", column.Time{}, "is not a time"},
		"null":             {nil, column.Time{}, "cannot read a time"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got column.Time
			err := got.Scan(test.src)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestJSONScanCopies(t *testing.T) {
	t.Parallel()
	src := []byte(`[1]`)
	var got column.JSON
	require.NoError(t, got.Scan(src))
	src[1] = '2'
	require.Equal(t, column.JSON(`[1]`), got)
	require.NoError(t, got.Scan(nil))
	require.Nil(t, got)
	require.Error(t, got.Scan(3))
}
