package rtmp

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStreamKeys(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ app, tcURL, name, wantApp, wantKey string }{
		"stream name":                {"live", "rtmp://h/live", "secret", "live", "secret"},
		"any app":                    {"a/b", "rtmp://h/a/b", "secret", "a/b", "secret"},
		"no app":                     {"", "rtmp://h/", "secret", "", "secret"},
		"spaces of a careless paste": {"live", "", " secret\n", "live", "secret"},
		"query without a key":        {"live", "", "secret?bandwidthtest=true", "live", "secret"},
		"key= in the name":           {"live", "", "camera?key=secret", "live", "secret"},
		"token= in the name":         {"live", "", "camera?token=secret", "live", "secret"},
		"key= without a name":        {"live", "", "?key=secret", "live", "secret"},
		"key= in the app":            {"live?key=secret", "", "camera", "live", "secret"},
		"key= in the address":        {"live", "rtmp://h/live?key=secret", "", "live", "secret"},
		"the name's comes first":     {"live?key=app", "rtmp://h/live?key=url", "camera?key=name", "live", "name"},
		"behind the app":             {"live/secret", "rtmp://h/live/secret", "", "live", "secret"},
		"escaped":                    {"live", "", "?key=a%2Bb", "live", "a+b"},
		"nothing":                    {"live", "rtmp://h/live", "", "live", ""},
		"odd query":                  {"live", "", "secret?%zz;=&", "live", "secret"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, key := streamKey(tt.app, tt.tcURL, tt.name)
			require.Equal(t, []string{tt.wantApp, tt.wantKey}, []string{app, key})
		})
	}
}
