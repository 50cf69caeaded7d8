package realtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/prometheus/client_golang/prometheus"

	"bandstand/api/auth"
	"bandstand/storage/db"
)

// Identity finds out whose a socket is.
type Identity interface {
	auth.Verifier
	// Renew returns what p, who was verified before, is now. Somebody who may not be
	// here any more is auth.ErrBadToken; any other error means "could not ask".
	Renew(ctx context.Context, p auth.Principal) (auth.Principal, error)
}

// Config is what a Node needs. Fields without a default are required.
type Config struct {
	Identity Identity
	Channels *auth.Channels
	DB       *db.DB // tells of changes to people and channels

	// RedisURL joins the node to others, such as redis://host:6379/0; alone if empty.
	RedisURL string
	// RedisPrefix begins the names of all that the node keeps there; "bandstand" if
	// empty. Nodes with different ones do not know of each other.
	RedisPrefix string
	// Name of this process among all, for logs; the host's if empty.
	Name string
	// Origins are those, besides the host that was asked, whose pages may connect.
	Origins []string
	Limits  Limits
	// Allow counts what a person does, and reports whether that is not too often, or
	// when it will not be; nobody counts if nil.
	Allow func(ctx context.Context, p auth.Principal) (retry time.Duration, ok bool)
	// Banned reports whether an address is refused; none is if nil.
	Banned func(netip.Addr) bool

	// PingEvery is how often a silent socket is asked whether it is there; 25s if zero.
	PingEvery time.Duration
	// ConnectWithin is how long a new socket has to send its connect command; 10s if zero.
	ConnectWithin time.Duration
	Now           func() time.Time // time.Now if nil
	Logger        *slog.Logger
	Registerer    *prometheus.Registry
}

func (cfg *Config) validate() error {
	if cfg.Identity == nil || cfg.Channels == nil || cfg.DB == nil || cfg.Logger == nil || cfg.Registerer == nil {
		return errors.New("identity, channels, a database, a logger and a registerer are required")
	}
	cfg.Limits = cfg.Limits.withDefaults()
	cfg.PingEvery = cmp.Or(cfg.PingEvery, 25*time.Second)
	cfg.ConnectWithin = cmp.Or(cfg.ConnectWithin, 10*time.Second)
	cfg.RedisPrefix = cmp.Or(cfg.RedisPrefix, "bandstand")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Banned == nil {
		cfg.Banned = func(netip.Addr) bool { return false }
	}
	return nil
}

// Node is the sockets of this process, and what they have to do with those of others.
// Topics, methods and watchers are added before Handler is called.
type Node struct {
	cfg     Config
	node    *centrifuge.Node
	link    *link // nil if alone
	metrics *metrics
	doors   *doors

	topics   map[string]Topic  // by kind
	methods  map[string]method // by name
	watchers []Watcher
	heard    map[string]func(node string, data []byte) // by kind
	wrong    []error                                   // of what was added

	rechecks chan struct{} // filled by sockets that are looked at again

	mu      sync.Mutex
	sockets map[string]*socket // guarded by mu; those that are connected, by id

	running atomic.Bool
}

// New returns a Node that nobody can connect to before Run is called.
func New(cfg Config) (*Node, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("realtime: %w", err)
	}
	n := &Node{
		cfg: cfg, topics: map[string]Topic{}, methods: map[string]method{},
		heard: map[string]func(string, []byte){}, sockets: map[string]*socket{},
		rechecks: make(chan struct{}, rechecksAtOnce),
	}
	var err error
	if n.metrics, err = newMetrics(cfg.Registerer, n); err != nil {
		return nil, fmt.Errorf("realtime: %w", err)
	}
	n.doors = newDoors(cfg.Limits)
	n.node, err = centrifuge.New(centrifuge.Config{
		Name:                            cfg.Name,
		LogLevel:                        n.logLevel(),
		LogHandler:                      n.log,
		ClientPresenceUpdateInterval:    cfg.PingEvery,
		ClientExpiredCloseDelay:         10 * time.Second,
		ClientStaleCloseDelay:           cfg.ConnectWithin,
		ClientQueueMaxSize:              cfg.Limits.QueueBytes,
		ClientChannelLimit:              cfg.Limits.Topics,
		UserConnectionLimit:             cfg.Limits.PerUser,
		ChannelMaxLength:                maxTopicLength,
		HistoryMaxPublicationLimit:      maxHistory,
		RecoveryMaxPublicationLimit:     maxHistory,
		UseSingleFlight:                 true,
		HistoryMetaTTL:                  historyMetaFor,
		ClientChannelPositionCheckDelay: 20 * time.Second,
		Metrics: centrifuge.MetricsConfig{
			MetricsNamespace:         "bandstand_realtime",
			RegistererGatherer:       cfg.Registerer,
			GetChannelNamespaceLabel: n.labelOf,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("realtime: %w", err)
	}
	if cfg.RedisURL != "" {
		if n.link, err = newLink(n, cfg.RedisURL, cfg.RedisPrefix); err != nil {
			return nil, fmt.Errorf("realtime: %w", err)
		}
		n.node.SetBroker(n.link)
		n.node.SetPresenceManager(n.link)
	}
	n.node.OnConnecting(n.connecting)
	n.node.OnConnect(n.connected)
	n.node.OnCommandRead(n.commandRead)
	n.node.OnNotification(n.notified)
	cfg.DB.Subscribe(auth.TopicUser, n.userChanged, n.recheckAll)
	cfg.DB.Subscribe(auth.TopicPersonalToken, n.personalTokenChanged, n.recheckAll)
	cfg.DB.Subscribe(auth.TopicChannel, n.channelChanged, n.recheckAll)
	n.addClock()
	return n, nil
}

// Handler returns what serves the socket; an error if something was added that auth's
// table does not know.
func (n *Node) Handler() (http.Handler, error) {
	if err := errors.Join(n.wrong...); err != nil {
		return nil, fmt.Errorf("realtime: %w", err)
	}
	return n.handler(), nil
}

// Complete returns an error unless all methods and topics that auth's table knows have
// been added.
func (n *Node) Complete() error {
	var missing []error
	for _, name := range auth.SocketNames() {
		_, isMethod := n.methods[name]
		_, isTopic := n.topics[name]
		if !isMethod && !isTopic {
			missing = append(missing, fmt.Errorf("realtime: %q has a rule, but nobody has added it", name))
		}
	}
	return errors.Join(missing...)
}

// Run serves until ctx ends. It tells clients to come back elsewhere then, and returns
// nil when they are gone.
func (n *Node) Run(ctx context.Context) error {
	var linked sync.WaitGroup
	defer linked.Wait()
	linkCtx, unlink := context.WithCancel(context.WithoutCancel(ctx))
	defer unlink()
	if err := n.node.Run(); err != nil {
		return fmt.Errorf("realtime: %w", err)
	}
	if n.link != nil {
		linked.Go(func() { n.link.run(linkCtx) })
	}
	n.running.Store(true)
	<-ctx.Done()
	n.running.Store(false)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWithin)
	defer cancel()
	if err := n.node.Shutdown(ctx); err != nil {
		n.cfg.Logger.WarnContext(ctx, "sockets did not close in time", "err", err)
	}
	return nil
}

// historyMetaFor is how long the place of a stream is remembered when nothing happens.
const historyMetaFor = 24 * time.Hour

const shutdownWithin = 5 * time.Second

// logLevel is from where on centrifuge says something. What clients do wrong costs time
// to put into words.
func (n *Node) logLevel() centrifuge.LogLevel {
	if n.cfg.Logger.Enabled(context.Background(), slog.LevelDebug) {
		return centrifuge.LogLevelInfo
	}
	return centrifuge.LogLevelError
}

// log is centrifuge's logger. What clients do wrong is of little interest.
func (n *Node) log(e centrifuge.LogEntry) {
	level := slog.LevelDebug
	if e.Level >= centrifuge.LogLevelError && e.Error != nil && !isOfRedis(e) {
		level = slog.LevelWarn
	}
	args := make([]any, 0, 4)
	if e.Error != nil {
		args = append(args, "err", e.Error)
	}
	if topic, ok := e.Fields["channel"]; ok {
		args = append(args, "topic", topic)
	}
	n.cfg.Logger.Log(context.Background(), level, "sockets: "+e.Message, args...)
}

// Running reports whether clients can connect.
func (n *Node) Running() bool { return n.running.Load() }
