package realtime

import (
	"errors"

	"github.com/centrifugal/centrifuge"
)

// join makes the node one of those that share a Redis, if there is one.
func (n *Node) join() error {
	if n.cfg.RedisURL == "" {
		return nil
	}
	shard, err := centrifuge.NewRedisShard(n.node, centrifuge.RedisShardConfig{Address: n.cfg.RedisURL})
	if err != nil {
		return errors.New("redis: the address is not understood, or nobody answers") // the error could show the password
	}
	shards := []*centrifuge.RedisShard{shard}
	broker, err := centrifuge.NewRedisBroker(n.node, centrifuge.RedisBrokerConfig{Prefix: n.cfg.RedisPrefix, Shards: shards})
	if err != nil {
		return err
	}
	n.node.SetBroker(broker)
	presence, err := centrifuge.NewRedisPresenceManager(n.node, centrifuge.RedisPresenceManagerConfig{Prefix: n.cfg.RedisPrefix, Shards: shards})
	if err != nil {
		return err
	}
	n.node.SetPresenceManager(presence)
	return nil
}
