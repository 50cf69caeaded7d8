package channel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/api/rest"
	"bandstand/storage/db/dbtest"
)

// BenchmarkGetChannel compares GET of a channel, through middleware and permissions,
// with an operation of huma on echo that has the same reply at hand.
func BenchmarkGetChannel(b *testing.B) {
	handler := benchmarked(b, 1)
	shown := channel.ChannelView{}
	reply(b, handler, "/api/v1/channels/demo-0", &shown)
	b.Run("channel", func(b *testing.B) { request(b, handler, "/api/v1/channels/demo-0") })
	b.Run("bare", func(b *testing.B) { request(b, bare(&shown), "/bare") })
}

// BenchmarkListLive is BenchmarkGetChannel for the first 50 of 200 channels on air.
func BenchmarkListLive(b *testing.B) {
	handler := benchmarked(b, 200)
	shown := rest.PageBody[channel.ChannelView]{}
	reply(b, handler, "/api/v1/live", &shown)
	b.Run("live", func(b *testing.B) { request(b, handler, "/api/v1/live") })
	b.Run("bare", func(b *testing.B) { request(b, bare(&shown), "/bare") })
}

// benchmarked returns the API with n channels on air.
func benchmarked(b *testing.B, n int) http.Handler {
	b.Helper()
	d := dbtest.SQLite(b)
	s := serve(b, d)
	ada := s.Person("ada", auth.RoleUser)
	states := make([]channel.LiveState, n)
	for i := range states {
		slug := fmt.Sprintf("demo-%d", i)
		states[i] = channel.LiveState{
			ChannelID: s.make(ada, slug, `"tags":["jazz"]`).JSON["id"].(string), Slug: slug, Viewers: i,
			Session: "s", HLSURL: "/live/" + slug + "/index.m3u8", Renditions: []channel.Rendition{
				{Name: "source", Width: 1920, Height: 1080, Bandwidth: 6e6, Codecs: "avc1.640028,mp4a.40.2", FrameRate: 60},
			},
		}
	}
	s.live.put(states...)
	var cfg api.Config // as tests have it, but for these
	apitest.New(b, d, []api.Feature{func(to huma.API) { channel.Register(to, s.channels) }}, func(c *api.Config) { cfg = *c })
	cfg.Logger, cfg.Registerer = slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	var err error
	cfg.Channels, err = auth.CacheChannels(auth.ChannelsConfig{DB: d, Fresh: 3 * time.Second})
	require.NoError(b, err)
	handler, err := api.New(cfg)
	require.NoError(b, err)
	return handler
}

// reply reads what handler replies into body.
func reply(b *testing.B, handler http.Handler, path string, body any) {
	b.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil))
	require.NoError(b, json.Unmarshal(w.Body.Bytes(), body))
}

// bare returns huma on echo with one operation, which replies with body.
func bare[T any](body *T) http.Handler {
	e := echo.New()
	type output struct{ Body *T }
	huma.Get(humaecho.New(e, huma.DefaultConfig("bare", "1")), "/bare", func(context.Context, *struct{}) (*output, error) {
		return &output{body}, nil
	})
	return e
}

// request has handler serve path again and again.
func request(b *testing.B, handler http.Handler, path string) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
