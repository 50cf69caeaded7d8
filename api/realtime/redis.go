package realtime

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

const (
	askRedisEvery  = time.Second     // whether it is there
	redisAnswersIn = time.Second     // else it is asked once more, and is lost then
	redisOpensIn   = 5 * time.Second // with all subscriptions of this node
	presenceFor    = 60 * time.Second
)

// link ties the node to others over a Redis. While that is away the node goes on alone:
// clients stay connected, and hear what happens on this node. What they missed of
// others they learn of when Redis is back, see Node.found. Nobody waits for a Redis that
// does not answer, but those who were at it when it stopped.
//
// It is centrifuge's Broker, Controller and PresenceManager, see broker.go and
// presence.go: those of centrifuge take an error of Redis for a reason to disconnect.
type link struct {
	n       *Node
	prefix  string
	shard   centrifuge.RedisShardConfig
	probe   rueidis.ClientOption // of the connection that is asked whether Redis is there
	up      prometheus.Gauge
	log     *slog.Logger
	events  centrifuge.BrokerEventHandler  // set before Run
	control centrifuge.ControlEventHandler // set before Run
	lost    chan struct{}                  // wakes run
	ending  sync.WaitGroup                 // of eras

	mu     sync.Mutex
	era    *era                                 // guarded by mu; nil while Redis is away
	since  time.Time                            // guarded by mu; when it was lost
	where  map[string]centrifuge.StreamPosition // guarded by mu; by topic that this node is subscribed to, zero if not known
	late   map[string]bool                      // guarded by mu; topics that were subscribed to while Redis was away
	warned time.Time                            // guarded by mu; when it was last told what Redis refuses

	present  map[string]map[string]*centrifuge.ClientInfo // guarded by mu; clients of this node, by topic and id
	departed []departure                                  // guarded by mu; while Redis was away
}

// era is a time through which a Redis was there.
type era struct {
	probe    rueidis.Client
	shard    *centrifuge.RedisShard
	broker   *centrifuge.RedisBroker
	presence *centrifuge.RedisPresenceManager
}

func (e *era) close() {
	_ = e.broker.Close(context.Background()) // never fails
	e.shard.Close()                          // whoever waits for an answer gets an error
	e.probe.Close()
}

// newLink returns a link to the Redis at url, which is not asked anything yet. The URL
// is understood as by the rest of the program.
func newLink(n *Node, url, prefix string) (*link, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("redis: the address is not understood") // the error could show the password
	}
	l := &link{
		n: n, prefix: prefix, log: n.cfg.Logger,
		probe: rueidis.ClientOption{
			InitAddress: []string{options.Addr}, SelectDB: options.DB, Username: options.Username, Password: options.Password,
			TLSConfig: options.TLSConfig, Dialer: net.Dialer{Timeout: redisAnswersIn}, ConnWriteTimeout: redisAnswersIn,
			ForceSingleClient: true, DisableCache: true, DisableRetry: true,
		},
		shard: centrifuge.RedisShardConfig{
			Address: options.Addr, DB: options.DB, User: options.Username, Password: options.Password, TLSConfig: options.TLSConfig,
			ConnectTimeout: redisAnswersIn, IOTimeout: 2 * redisAnswersIn,
		},
		up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_realtime_redis_up",
			Help: "Whether the Redis that ties this node to others is there.",
		}),
		lost:    make(chan struct{}, 1),
		late:    map[string]bool{},
		where:   map[string]centrifuge.StreamPosition{},
		present: map[string]map[string]*centrifuge.ClientInfo{},
	}
	if options.Network == "unix" {
		l.shard.Address = "unix://" + options.Addr
		l.probe.DialCtxFn = func(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		}
	}
	if err := n.cfg.Registerer.Register(l.up); err != nil {
		return nil, err
	}
	return l, nil
}

// run sees to it that Redis is there, and looks for it when it is not, until ctx ends.
func (l *link) run(ctx context.Context) {
	defer l.close()
	tick := time.NewTicker(askRedisEvery)
	defer tick.Stop()
	silent := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.lost:
			silent = 0
		case <-tick.C:
		}
		e := l.current()
		if e == nil {
			_ = l.open(ctx) // that it is away was told
			continue
		}
		silent++
		switch err := l.ping(ctx, e.probe); {
		case err == nil:
			silent = 0
		case ctx.Err() == nil && (silent > 1 || !isTimeout(err)):
			l.lose(e, err)
		}
	}
}

func (l *link) close() {
	l.mu.Lock()
	e := l.era
	l.era = nil
	l.mu.Unlock()
	if e != nil {
		e.close()
	}
	l.ending.Wait()
}

// ping asks whether Redis is there and takes what it is given: one that is full, loads,
// or is a copy of another answers, and is of no use.
func (l *link) ping(ctx context.Context, c rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, redisAnswersIn)
	defer cancel()
	return c.Do(ctx, c.B().Set().Key(l.prefix+".probe").Value("").Ex(time.Minute).Build()).Error()
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}

// current returns the present era; nil while Redis is away.
func (l *link) current() *era {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.era
}

// open begins an era, if Redis is there.
func (l *link) open(ctx context.Context) error {
	probe, err := rueidis.NewClient(l.probe)
	if err != nil {
		return err
	}
	if err = l.ping(ctx, probe); err == nil {
		err = l.restore(ctx, probe)
	}
	var e *era
	if err == nil {
		e, err = l.dial(probe)
	}
	if err != nil {
		probe.Close()
		return err
	}
	l.mu.Lock()
	late, departed, since := l.late, l.departed, l.since
	l.era, l.late, l.departed = e, map[string]bool{}, nil
	l.mu.Unlock()
	for topic := range late {
		_ = l.subscribe(e, topic) // else it is lost again
	}
	l.up.Set(1)
	if since.IsZero() {
		return nil
	}
	l.log.InfoContext(ctx, "redis is back: this node and others hear of each other", "away", time.Since(since).Round(time.Millisecond))
	l.ending.Go(func() {
		l.show(e, departed)
		l.n.found()
	})
	return nil
}

// dial connects to Redis, and returns when this node hears of all that it is
// subscribed to.
func (l *link) dial(probe rueidis.Client) (*era, error) {
	shard, err := centrifuge.NewRedisShard(l.n.node, l.shard)
	if err != nil {
		return nil, err
	}
	shards := []*centrifuge.RedisShard{shard}
	broker, err := centrifuge.NewRedisBroker(l.n.node, centrifuge.RedisBrokerConfig{Prefix: l.prefix, Shards: shards})
	if err != nil {
		shard.Close()
		return nil, err
	}
	presence, err := centrifuge.NewRedisPresenceManager(l.n.node, centrifuge.RedisPresenceManagerConfig{
		Prefix: l.prefix, Shards: shards, PresenceTTL: max(presenceFor, 3*l.n.cfg.PingEvery),
	})
	if err != nil {
		shard.Close()
		return nil, err
	}
	e := &era{probe, shard, broker, presence}
	done := make(chan error, 1)
	go func() {
		done <- errors.Join(broker.RegisterControlEventHandler(l.control), broker.RegisterBrokerEventHandler(l))
	}()
	patience := time.AfterFunc(redisOpensIn, e.close)
	err = <-done
	if !patience.Stop() && err == nil {
		err = errors.New("redis: no answer in time")
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// lose ends an era. Whatever failed goes on without Redis.
func (l *link) lose(e *era, err error) {
	l.mu.Lock()
	isNews := l.era == e
	if isNews {
		l.era, l.since = nil, time.Now()
	}
	l.mu.Unlock()
	if !isNews {
		return
	}
	l.up.Set(0)
	l.log.Warn("redis is lost: this node goes on alone until it is back", "err", err)
	l.ending.Go(e.close)
	select {
	case l.lost <- struct{}{}:
	default:
	}
}

// failed tells what to do about an error of Redis: one that Redis itself replied with
// does not end the era. Whether Redis is of any use is found out by ping.
func (l *link) failed(e *era, err error) {
	if _, ok := rueidis.IsRedisErr(err); !ok {
		l.lose(e, err)
		return
	}
	l.mu.Lock()
	isNews := time.Since(l.warned) > time.Minute
	if isNews {
		l.warned = time.Now()
	}
	l.mu.Unlock()
	if isNews {
		l.log.Warn("redis refuses what this node asks", "err", err)
	}
}

// restoreScript gives the stream of a topic back its place in Redis, if Redis forgot it
// or knows an older one of the same stream: then clients do not lose theirs.
const restoreScript = `
if redis.call("exists", KEYS[1]) == 0 then
	redis.call("hset", KEYS[1], "e", ARGV[1], "s", ARGV[2])
	redis.call("expire", KEYS[1], ARGV[3])
elseif redis.call("hget", KEYS[1], "e") == ARGV[1] and tonumber(redis.call("hget", KEYS[1], "s") or "0") < tonumber(ARGV[2]) then
	redis.call("hset", KEYS[1], "s", ARGV[2])
end
return 0`

// restoredAtOnce is how many topics Redis is told of in one go.
const restoredAtOnce = 500

// restore tells Redis where the streams are that this node knows of.
func (l *link) restore(ctx context.Context, c rueidis.Client) error {
	var commands []rueidis.Completed
	l.mu.Lock()
	for topic, at := range l.where {
		if at.Epoch == "" {
			continue
		}
		commands = append(commands, c.B().Eval().Script(restoreScript).Numkeys(1).Key(l.prefix+".stream.meta."+topic).
			Arg(at.Epoch, strconv.FormatUint(at.Offset, 10), strconv.Itoa(int(historyMetaFor.Seconds()))).Build())
	}
	l.mu.Unlock()
	for some := range slices.Chunk(commands, restoredAtOnce) {
		for _, reply := range c.DoMulti(ctx, some...) {
			if err := reply.Error(); err != nil {
				return fmt.Errorf("redis: restore streams: %w", err)
			}
		}
	}
	return nil
}

// isOfRedis reports whether centrifuge tells of its connection to Redis, of which the
// link tells enough.
func isOfRedis(e centrifuge.LogEntry) bool {
	_, ok := e.Fields["shard"]
	return ok || strings.Contains(e.Message, "pub/sub")
}
