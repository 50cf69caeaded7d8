package limit

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// countScript adds one to a key and returns the sum and the milliseconds until the
// key ends. A key without an end would count for ever: it gets one.
var countScript = redis.NewScript(`
local n = redis.call("INCR", KEYS[1])
local left = redis.call("PTTL", KEYS[1])
if left < 0 then
	redis.call("PEXPIRE", KEYS[1], ARGV[1])
	left = tonumber(ARGV[1])
end
return {n, left}`)

// Redis counts in a Redis, for all who count there.
type Redis struct {
	client redis.UniversalClient
	prefix string
}

// NewRedis returns a Redis whose keys begin with prefix. It asks nothing of client yet.
func NewRedis(client redis.UniversalClient, prefix string) *Redis {
	return &Redis{client, prefix}
}

// Count implements Store.
func (r *Redis) Count(ctx context.Context, key string, rate Rate) (State, error) {
	counted, err := countScript.Run(ctx, r.client, []string{r.prefix + key}, rate.Window.Milliseconds()).Int64Slice()
	if err != nil {
		return State{}, fmt.Errorf("limit: count in redis: %w", err)
	}
	if len(counted) != 2 {
		return State{}, fmt.Errorf("limit: redis answered with %d numbers", len(counted))
	}
	return stateOf(rate, counted[0], time.Duration(counted[1])*time.Millisecond), nil
}
