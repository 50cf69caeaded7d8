package rest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api/rest"
)

func TestIfMatch(t *testing.T) {
	t.Parallel()
	require.Equal(t, `"v7"`, rest.ETag(7))
	for header, test := range map[string]struct{ passes, given bool }{
		"":                   {true, false},
		"*":                  {true, false},
		`"v7"`:               {true, true},
		`"v6", "v7"`:         {true, true},
		`"v6","v7","v8"`:     {true, true},
		`  "v7"  `:           {true, true},
		`"v8"`:               {false, true},
		`"v77"`:              {false, true},
		`W/"v7"`:             {false, true}, // weak tags never match
		`v7`:                 {false, true},
		`"v7`:                {false, true},
		`"v6" "v7"`:          {false, true},
		`,`:                  {false, true},
		`"v7", W/"v6"`:       {true, true},
		`"something,\"v7\""`: {false, true},
	} {
		m := rest.IfMatch{IfMatch: header}
		require.Equal(t, test.given, m.Given(), header)
		if test.passes {
			require.NoError(t, m.Check(7), header)
		} else {
			require.ErrorIs(t, m.Check(7), rest.ErrChanged, header)
		}
	}
}
