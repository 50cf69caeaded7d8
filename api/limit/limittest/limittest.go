// Package limittest gives tests the Redis that they share.
package limittest

import (
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
)

// RedisURL names the environment variable with the URL of a Redis in which tests may
// keep what they like. Without it they are skipped, except where CI is "true": there
// its absence is a failure.
const RedisURL = "BANDSTAND_TEST_REDIS_URL"

// Redis returns a client of the tests' Redis, closed when t ends. Tests use keys that
// nobody else has.
func Redis(t testing.TB) *redis.Client {
	t.Helper()
	url := os.Getenv(RedisURL)
	if url == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set: in CI these tests must run", RedisURL)
		}
		t.Skipf("%s is not set", RedisURL)
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatalf("%s is not a URL of a Redis", RedisURL)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("close the client of Redis: %v", err)
		}
	})
	return client
}
