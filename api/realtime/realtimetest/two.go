package realtimetest

import (
	"os"
	"testing"

	"github.com/google/uuid"

	"bandstand/api/realtime"
	"bandstand/storage/db"
)

// redisURL names the environment variable with the URL of a Redis in which tests may
// keep what they like, as in limittest. Without it they are skipped, except in CI.
const redisURL = "BANDSTAND_TEST_REDIS_URL"

// Redis returns a change for New: the node shares the tests' Redis with those that
// have the same prefix.
func Redis(t testing.TB, prefix string) func(*realtime.Config) {
	t.Helper()
	url := os.Getenv(redisURL)
	if url == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set: in CI these tests must run", redisURL)
		}
		t.Skipf("%s is not set", redisURL)
	}
	return func(c *realtime.Config) { c.RedisURL, c.RedisPrefix = url, prefix }
}

// Two serves the sockets of two nodes that share one database and one Redis. add is
// called for each.
func Two(t testing.TB, d *db.DB, add func(n *realtime.Node), change ...func(*realtime.Config)) (a, b *Server) {
	t.Helper()
	change = append(change, Redis(t, "test-"+uuid.NewString()))
	return New(t, d, add, change...), New(t, d, add, change...)
}
