// Package configs reads Bandstand's settings: built-in defaults, then a YAML
// file, then the environment, then the command line, each over the one before.
//
// Every setting has a path such as http.listen, which is also its place in the
// file, and an environment variable derived from the path: BANDSTAND_HTTP_LISTEN.
// bandstand.example.yaml lists all of them with their defaults.
package configs

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// Config is every setting of the program. The zero value is not useful: start
// from Default or Load.
type Config struct {
	Roles           []Role        `yaml:"roles"`            // what this process does
	DataDir         string        `yaml:"data_dir"`         // database, secret, thumbnails; created when missing
	Secret          Secret        `yaml:"secret"`           // signs tokens; empty = kept in a file in DataDir
	PreviousSecrets []Secret      `yaml:"previous_secrets"` // what they signed is still good
	PublicURL       string        `yaml:"public_url"`       // how people reach this server; empty = not known
	ShutdownTimeout time.Duration `yaml:"shutdown_timeout"` // longest wait for work in hand after SIGTERM

	Log        Log        `yaml:"log"`
	HTTP       HTTP       `yaml:"http"`
	Metrics    Metrics    `yaml:"metrics"`
	RTMP       RTMP       `yaml:"rtmp"`
	RTMPS      RTMPS      `yaml:"rtmps"`
	Ingest     Ingest     `yaml:"ingest"`
	DB         DB         `yaml:"db"`
	Redis      Redis      `yaml:"redis"`
	Files      Files      `yaml:"files"`
	Mail       Mail       `yaml:"mail"`
	Webhooks   Webhooks   `yaml:"webhooks"`
	Instance   Instance   `yaml:"instance"`
	HLS        HLS        `yaml:"hls"`
	Transcode  Transcode  `yaml:"transcode"`
	Broadcasts Broadcasts `yaml:"broadcasts"`
	Accounts   Accounts   `yaml:"accounts"`
	Auth       Auth       `yaml:"auth"`
	Limits     Limits     `yaml:"limits"`
	Sockets    Sockets    `yaml:"sockets"`
	Calls      Calls      `yaml:"calls"`
}

// Role is one job of the program.
type Role string

// The roles that a process can have.
const (
	RoleAll    Role = "all"    // everything, in one process
	RoleAPI    Role = "api"    // accounts, channels, the web client
	RoleIngest Role = "ingest" // publishers in, HLS out
)

// Log says what is logged, and how.
type Log struct {
	Level  slog.Level `yaml:"level"`
	Format string     `yaml:"format"` // "text" or "json"
}

// HTTP is the listener for the API, the web client, playlists and media.
type HTTP struct {
	Listen         string         `yaml:"listen"`
	TLS            TLS            `yaml:"tls"`
	H2C            bool           `yaml:"h2c"`             // HTTP/2 without TLS, for a proxy in front
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"` // whose X-Forwarded-For counts
	MediaOrigins   []string       `yaml:"media_origins"`   // other nodes, from which our pages may play
}

// TLS names a certificate and its key, both PEM files; both or neither.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Metrics is the Prometheus listener.
type Metrics struct {
	Listen string `yaml:"listen"` // empty = off
}

// RTMP is the listener for publishers, and the limits for RTMP and RTMPS alike.
type RTMP struct {
	Listen         string        `yaml:"listen"`          // empty = off
	MaxConnections int           `yaml:"max_connections"` // at once, all addresses together
	MaxPerAddress  int           `yaml:"max_per_address"` // at once, from one address
	ConnectRate    int           `yaml:"connect_rate"`    // new connections a second from one address
	SetupTimeout   time.Duration `yaml:"setup_timeout"`   // from connect to publish
	IdleTimeout    time.Duration `yaml:"idle_timeout"`    // longest silence of a publisher
	WriteTimeout   time.Duration `yaml:"write_timeout"`   // longest wait for a publisher to read a reply
}

// RTMPS is the listener for publishers who use TLS.
type RTMPS struct {
	Listen string `yaml:"listen"` // empty = off
	TLS    TLS    `yaml:"tls"`    // empty = as HTTP
}

// Ingest is what happens to publishers, whatever their protocol.
type Ingest struct {
	GracePeriod     time.Duration `yaml:"grace_period"`     // how long a dropped publisher may return to its session
	SecondPublisher string        `yaml:"second_publisher"` // "refuse" or "takeover"
	SilentAfter     time.Duration `yaml:"silent_after"`     // a publisher silent for longer always yields
	MaxBitrate      Bitrate       `yaml:"max_bitrate"`      // bits per second; faster publishers are hung up on
	APIURL          string        `yaml:"api_url"`          // where a lone ingest asks about stream keys
	ServiceToken    Secret        `yaml:"service_token"`    // what it shows there
}

// DB is where accounts and channels are stored.
type DB struct {
	URL            Secret `yaml:"url"` // empty = SQLite in DataDir; may hold a password
	MaxConnections int    `yaml:"max_connections"`
}

// Redis is what several API processes share: what happens now, and how often somebody
// asked.
type Redis struct {
	URL    Secret `yaml:"url"`    // empty = each process is on its own; may hold a password
	Prefix string `yaml:"prefix"` // begins the names of all that is kept there
}

// Files is where pictures are stored.
type Files struct {
	URL Secret `yaml:"url"` // empty = a folder in DataDir; may hold credentials
}

// Mail is how mails leave the server.
type Mail struct {
	Transport string `yaml:"transport"` // "off", "files" or "smtp"
	From      string `yaml:"from"`      // sender of all mails
	Dir       string `yaml:"dir"`       // for "files"; empty = a folder in DataDir
	SMTP      SMTP   `yaml:"smtp"`
}

// SMTP is the server that takes our mails.
type SMTP struct {
	Host     string `yaml:"host"`
	Port     int    `yaml:"port"`
	TLS      string `yaml:"tls"`      // "starttls", "tls" from the first byte, or "none"
	Username string `yaml:"username"` // empty = no login
	Password Secret `yaml:"password"`
}

// Webhooks is where programs of channel owners may be called.
type Webhooks struct {
	AllowNetworks []netip.Prefix `yaml:"allow_networks"` // internal networks that may be called all the same
}

// Instance is what admins can change while the server runs, as it is at first.
type Instance struct {
	Name string `yaml:"name"`
}

// HLS is how streams are cut and kept for viewers.
type HLS struct {
	LowLatency     bool          `yaml:"low_latency"`
	PartTarget     time.Duration `yaml:"part_target"`      // LL-HLS slice
	SegmentTarget  time.Duration `yaml:"segment_target"`   // shortest segment; it ends at the next keyframe
	Window         time.Duration `yaml:"window"`           // how far back a live viewer may seek
	MaxStreamBytes Size          `yaml:"max_stream_bytes"` // memory bound of one stream; shortens the window
	Linger         time.Duration `yaml:"linger"`           // how long an ended stream stays playable
}

// Transcode is the ladder: lower renditions made by ffmpeg.
type Transcode struct {
	Enabled        bool          `yaml:"enabled"`
	FFmpeg         string        `yaml:"ffmpeg"`          // program name or path
	Encoder        string        `yaml:"encoder"`         // ffmpeg's name: libx264, h264_nvenc, h264_vaapi, h264_qsv
	Preset         string        `yaml:"preset"`          // empty = the encoder's own
	InputArgs      []string      `yaml:"input_args"`      // before -i, such as -hwaccel cuda
	ExtraArgs      []string      `yaml:"extra_args"`      // to each rung's encoder
	Rungs          []Rung        `yaml:"rungs"`           // those below the source's height are made
	ThumbnailEvery time.Duration `yaml:"thumbnail_every"` // 0 = no thumbnails
}

// Rung is one encoded rendition.
type Rung struct {
	Name    string  `yaml:"name"`    // in addresses: a-z, 0-9 and -
	Height  int     `yaml:"height"`  // pixels; the width follows the source's shape
	Bitrate Bitrate `yaml:"bitrate"` // bits per second
	MaxFPS  int     `yaml:"max_fps"` // frame rate cap; 0 = as the source
}

// Broadcasts is how airings are told apart.
type Broadcasts struct {
	Resume time.Duration `yaml:"resume"` // how long one waits for its publisher once the session has ended
}

// Accounts is who may have one.
type Accounts struct {
	Signup       string `yaml:"signup"`        // "open", "invite" or "closed"
	ConfirmEmail bool   `yaml:"confirm_email"` // whether logging in needs a confirmed address, where mails are sent
	MaxChannels  int    `yaml:"max_channels"`  // of one person who is not an admin
}

// Auth is how long people stay known.
type Auth struct {
	AccessTTL   time.Duration `yaml:"access_ttl"`   // life of an access token
	RefreshTTL  time.Duration `yaml:"refresh_ttl"`  // life of a login that is not used
	PlaybackTTL time.Duration `yaml:"playback_ttl"` // life of a signed address of a private channel
}

// Limits is how often one address may ask the API, in requests a minute.
type Limits struct {
	Auth     int `yaml:"auth"`     // signing up and logging in
	Writes   int `yaml:"writes"`   // whatever else changes something
	Searches int `yaml:"searches"` // lists that look for words
	Users    int `yaml:"users"`    // changes by one person, from whatever address
}

// Sockets is how many clients may hold a WebSocket at once.
type Sockets struct {
	MaxConnections int `yaml:"max_connections"` // of this process
	MaxPerAddress  int `yaml:"max_per_address"` // from one address or household
	MaxPerUser     int `yaml:"max_per_user"`    // of one person
	ConnectRate    int `yaml:"connect_rate"`    // new ones a minute from one address or household
}

// Calls is how the browsers of people who call each other find a way to each other.
type Calls struct {
	STUN []string `yaml:"stun"` // servers that tell a browser its own address
	TURN TURN     `yaml:"turn"`
}

// TURN is a server that relays calls where there is no direct way: our own, or another.
type TURN struct {
	Listen        string         `yaml:"listen"`         // UDP and TCP of our own; empty = none
	PublicIPs     []netip.Addr   `yaml:"public_ips"`     // at which ours is reached
	MinPort       int            `yaml:"min_port"`       // of the relays of ours, UDP
	MaxPort       int            `yaml:"max_port"`       // likewise
	MaxRelays     int            `yaml:"max_relays"`     // of ours at once
	MaxBitrate    Bitrate        `yaml:"max_bitrate"`    // of one relay, bits per second
	AllowNetworks []netip.Prefix `yaml:"allow_networks"` // internal networks that ours may relay to all the same
	URLs          []string       `yaml:"urls"`           // of another one, instead of ours
	Secret        Secret         `yaml:"secret"`         // shared with that
}

// Default returns the settings of a server that nobody configured: one process
// that does everything, on the usual ports, with its data in ./data.
func Default() Config {
	return Config{
		Roles:           []Role{RoleAll},
		DataDir:         "./data",
		PreviousSecrets: []Secret{},
		ShutdownTimeout: 10 * time.Second,
		Log:             Log{Level: slog.LevelInfo, Format: "text"},
		HTTP:            HTTP{Listen: ":8080", TrustedProxies: []netip.Prefix{}, MediaOrigins: []string{}},
		Metrics:         Metrics{Listen: "127.0.0.1:9935"},
		RTMP: RTMP{
			Listen:         ":1935",
			MaxConnections: 1000,
			MaxPerAddress:  32,
			ConnectRate:    10,
			SetupTimeout:   10 * time.Second,
			IdleTimeout:    20 * time.Second,
			WriteTimeout:   5 * time.Second,
		},
		Ingest: Ingest{
			GracePeriod:     30 * time.Second,
			SecondPublisher: "refuse",
			SilentAfter:     3 * time.Second,
			MaxBitrate:      60_000_000,
		},
		DB:    DB{MaxConnections: 8},
		Redis: Redis{Prefix: "bandstand"},
		Mail: Mail{
			Transport: "off",
			From:      "Bandstand <bandstand@localhost>",
			SMTP:      SMTP{Port: 587, TLS: "starttls"},
		},
		Webhooks: Webhooks{AllowNetworks: []netip.Prefix{}},
		Instance: Instance{Name: "Bandstand"},
		HLS: HLS{
			LowLatency:     true,
			PartTarget:     200 * time.Millisecond,
			SegmentTarget:  2 * time.Second,
			Window:         time.Minute,
			MaxStreamBytes: 512 << 20,
			Linger:         time.Minute,
		},
		Transcode: Transcode{
			Enabled:   true,
			FFmpeg:    "ffmpeg",
			Encoder:   "libx264",
			Preset:    "veryfast",
			InputArgs: []string{},
			ExtraArgs: []string{},
			Rungs: []Rung{
				{Name: "720p", Height: 720, Bitrate: 2_800_000, MaxFPS: 60},
				{Name: "480p", Height: 480, Bitrate: 1_400_000, MaxFPS: 30},
				{Name: "360p", Height: 360, Bitrate: 800_000, MaxFPS: 30},
			},
			ThumbnailEvery: 5 * time.Second,
		},
		Broadcasts: Broadcasts{Resume: 2 * time.Minute},
		Accounts:   Accounts{Signup: "open", ConfirmEmail: true, MaxChannels: 250},
		Auth: Auth{
			AccessTTL:   15 * time.Minute,
			RefreshTTL:  30 * 24 * time.Hour,
			PlaybackTTL: 4 * time.Hour,
		},
		Limits:  Limits{Auth: 60, Writes: 600, Searches: 120, Users: 300},
		Sockets: Sockets{MaxConnections: 20_000, MaxPerAddress: 200, MaxPerUser: 30, ConnectRate: 600},
		Calls: Calls{STUN: []string{}, TURN: TURN{
			PublicIPs: []netip.Addr{}, MinPort: 49152, MaxPort: 65535, MaxRelays: 1000, MaxBitrate: 8_000_000,
			AllowNetworks: []netip.Prefix{}, URLs: []string{},
		}},
	}
}

// Has reports whether this process does the job of role.
func (c Config) Has(role Role) bool {
	return slices.Contains(c.Roles, RoleAll) || slices.Contains(c.Roles, role)
}

// RTMPSCertificate returns the certificate for RTMPS: its own, or else HTTP's.
func (c Config) RTMPSCertificate() TLS {
	if c.RTMPS.TLS == (TLS{}) {
		return c.HTTP.TLS
	}
	return c.RTMPS.TLS
}
