package channel

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

const formType, jsonType = "application/x-www-form-urlencoded", "application/json; charset=utf-8"

// What nginx-rtmp 1.2 and SRS 6 send.
const (
	nginxHook = "app=live&flashver=FMLE/3.0&swfurl=&tcurl=rtmp://example.org/live&pageurl=&addr=192.0.2.7&clientid=1" +
		"&call=publish&name=live_abc&type=live"
	srsHook = `{"server_id":"vid-0","service_id":"x","action":"on_publish","client_id":"y","ip":"192.0.2.7","vhost":"__defaultVhost__",` +
		`"app":"live","tcUrl":"rtmp://example.org/live","stream":"demo","param":"?key=live_abc","stream_url":"/live/demo","stream_id":"vid-1"}`
)

func TestHooks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		contentType, body string
		want              hook
		err               error
	}{
		"nginx":              {formType, nginxHook, hook{name: "live_abc"}, nil},
		"nginx, with a key":  {formType, nginxHook + "&key=live_x", hook{"live_abc", "live_x"}, nil},
		"nginx, name twice":  {formType, nginxHook + "&name=other", hook{name: "live_abc"}, nil},
		"name alone":         {formType, "name=a%2Bb", hook{name: "a+b"}, nil},
		"SRS":                {jsonType, srsHook, hook{"demo", "live_abc"}, nil},
		"SRS, without param": {jsonType, `{"action":"on_publish","stream":"live_abc"}`, hook{name: "live_abc"}, nil},
		"play":               {formType, "call=play&name=a", hook{}, ErrBadHook},
		"no name":            {formType, "call=publish", hook{}, ErrBadHook},
		"nothing":            {formType, "", hook{}, ErrBadHook},
		"no form":            {formType, "name=%zz", hook{}, ErrBadHook},
		"no text":            {formType, "name=%ff", hook{}, ErrBadHook},
		"zero byte":          {formType, "name=a%00", hook{}, ErrBadHook},
		"SRS, other action":  {jsonType, `{"action":"on_play","stream":"a"}`, hook{}, ErrBadHook},
		"SRS, no stream":     {jsonType, `{"action":"on_publish"}`, hook{}, ErrBadHook},
		"SRS, cut":           {jsonType, srsHook[:40], hook{}, ErrBadHook},
		"SRS, more":          {jsonType, srsHook + "{}", hook{}, ErrBadHook},
		"SRS, a number":      {jsonType, `{"action":"on_publish","stream":1}`, hook{}, ErrBadHook},
		"SRS, bad param":     {jsonType, `{"action":"on_publish","stream":"a","param":"?key=%"}`, hook{}, ErrBadHook},
		"deep":               {jsonType, strings.Repeat("[", 10000), hook{}, ErrBadHook},
		"no type":            {"", nginxHook, hook{}, ErrHookType},
		"another type":       {"text/plain", nginxHook, hook{}, ErrHookType},
		"no media type":      {"/;", nginxHook, hook{}, ErrHookType},
	} {
		got, err := parseHook(test.contentType, []byte(test.body))
		require.ErrorIs(t, err, test.err, name)
		require.Equal(t, test.want, got, name)
	}
}

// FuzzHook feeds what strangers send: each is refused or names a stream.
func FuzzHook(f *testing.F) {
	for _, body := range []string{nginxHook, srsHook, "name=%00", `{"action":"on_publish","stream":"\ud800"}`, "name=a;b&key"} {
		f.Add(true, []byte(body))
		f.Add(false, []byte(body))
	}
	f.Fuzz(func(t *testing.T, form bool, body []byte) {
		contentType := jsonType
		if form {
			contentType = formType
		}
		h, err := parseHook(contentType, body)
		if err != nil {
			require.ErrorIs(t, err, ErrBadHook)
			require.Zero(t, h)
			return
		}
		require.NotEmpty(t, h.name)
		for _, text := range []string{h.name, h.key} {
			require.True(t, utf8.ValidString(text))
			require.NotContains(t, text, "\x00")
		}
	})
}
