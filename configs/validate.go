package configs

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Validate reports everything that is wrong with c at once, each line with the
// setting's path and what is allowed. It opens no file and no port.
func (c Config) Validate() error {
	var v validator
	c.validateProcess(&v)
	c.validateListeners(&v)
	c.validateIngest(&v)
	c.validateHLS(&v)
	c.validateTranscode(&v)
	c.validateStores(&v)
	c.validatePeople(&v)
	c.validateCalls(&v)
	return errors.Join(v.errs...)
}

func (c Config) validateProcess(v *validator) {
	if len(c.Roles) == 0 {
		v.errorf("roles", "is empty; allowed: all, api, ingest")
	}
	for _, role := range c.Roles {
		v.oneOf("roles", string(role), string(RoleAll), string(RoleAPI), string(RoleIngest))
	}
	v.required("data_dir", c.DataDir)
	if n := len(c.Secret); n > 0 && n < 8 {
		v.errorf("secret", "has %d characters; at least 8 are needed, and 32 are better", n)
	}
	for i, previous := range c.PreviousSecrets {
		if len(previous) < 8 {
			v.errorf(fmt.Sprintf("previous_secrets[%d]", i), "has %d characters; no secret was ever shorter than 8", len(previous))
		}
	}
	v.webURL("public_url", c.PublicURL)
	between(v, "shutdown_timeout", c.ShutdownTimeout, time.Second, 5*time.Minute)
	v.oneOf("log.format", c.Log.Format, "text", "json")
}

func (c Config) validateStores(v *validator) {
	between(v, "db.max_connections", c.DB.MaxConnections, 1, 1000)
	v.scheme("db.url", c.DB.URL, "postgres://…, sqlite:FILE, the path of a file, or empty", "postgres", "postgresql", "sqlite")
	v.scheme("redis.url", c.Redis.URL, "redis://…, rediss://… or empty", "redis", "rediss")
	if url := c.Redis.URL.Reveal(); url != "" && !strings.Contains(url, "://") {
		v.errorf("redis.url", "must be redis://…, rediss://… or empty")
	}
	if !redisPrefix.MatchString(c.Redis.Prefix) {
		v.errorf("redis.prefix", "must be 1 to 40 of a-z, A-Z, 0-9, -, _ and .")
	}
	v.scheme("files.url", c.Files.URL, "s3://BUCKET?…, file:///DIR, the path of a folder, or empty", "s3", "file")
}

func (c Config) validateCalls(v *validator) {
	for i, url := range c.Calls.STUN {
		v.iceURL(fmt.Sprintf("calls.stun[%d]", i), url, "stun", "stuns")
	}
	t := c.Calls.TURN
	v.address("calls.turn.listen", t.Listen)
	if t.Listen != "" && len(t.PublicIPs) == 0 {
		v.errorf("calls.turn.public_ips", "is needed with calls.turn.listen: the addresses at which browsers reach it")
	}
	between(v, "calls.turn.min_port", t.MinPort, 1024, 65535)
	between(v, "calls.turn.max_port", t.MaxPort, t.MinPort, 65535)
	between(v, "calls.turn.max_relays", t.MaxRelays, 1, 60_000)
	between(v, "calls.turn.max_bitrate", t.MaxBitrate, 100_000, 1_000_000_000)
	for i, url := range t.URLs {
		v.iceURL(fmt.Sprintf("calls.turn.urls[%d]", i), url, "turn", "turns")
	}
	switch {
	case len(t.URLs) > 0 && t.Listen != "":
		v.errorf("calls.turn.urls", "are of another server: calls.turn.listen must be empty then")
	case len(t.URLs) > 0 && len(t.Secret) < 16:
		v.errorf("calls.turn.secret", "is needed with calls.turn.urls, and has at least 16 characters")
	}
}

func (c Config) validatePeople(v *validator) {
	v.oneOf("accounts.signup", c.Accounts.Signup, "open", "invite", "closed")
	between(v, "accounts.max_channels", c.Accounts.MaxChannels, 1, 1_000_000)
	between(v, "broadcasts.resume", c.Broadcasts.Resume, 10*time.Second, 24*time.Hour)
	between(v, "limits.auth", c.Limits.Auth, 1, 1_000_000)
	between(v, "limits.writes", c.Limits.Writes, 1, 1_000_000)
	between(v, "limits.searches", c.Limits.Searches, 1, 1_000_000)
	between(v, "limits.users", c.Limits.Users, 1, 1_000_000)
	between(v, "sockets.max_connections", c.Sockets.MaxConnections, 1, 1_000_000)
	between(v, "sockets.max_per_address", c.Sockets.MaxPerAddress, 1, 1_000_000)
	between(v, "sockets.max_per_user", c.Sockets.MaxPerUser, 1, 1_000_000)
	between(v, "sockets.connect_rate", c.Sockets.ConnectRate, 1, 10_000_000)
	between(v, "auth.access_ttl", c.Auth.AccessTTL, time.Minute, 24*time.Hour)
	between(v, "auth.refresh_ttl", c.Auth.RefreshTTL, time.Hour, 366*24*time.Hour)
	between(v, "auth.playback_ttl", c.Auth.PlaybackTTL, time.Minute, 24*time.Hour)
	if n := utf8.RuneCountInString(c.Instance.Name); n < 1 || n > 60 {
		v.errorf("instance.name", "has %d characters; allowed: 1 to 60", n)
	}
	v.oneOf("mail.transport", c.Mail.Transport, "off", "files", "smtp")
	if _, err := mail.ParseAddress(c.Mail.From); err != nil {
		v.errorf("mail.from", "must be an address such as Bandstand <noreply@example.org>")
	}
	v.oneOf("mail.smtp.tls", c.Mail.SMTP.TLS, "starttls", "tls", "none")
	between(v, "mail.smtp.port", c.Mail.SMTP.Port, 1, 65535)
	if c.Mail.Transport == "smtp" {
		v.required("mail.smtp.host", c.Mail.SMTP.Host)
	}
	if c.Mail.Transport == "smtp" && c.Has(RoleAPI) && c.PublicURL == "" {
		v.errorf("public_url", "is required with mail.transport smtp: links in mails begin with it")
	}
}

func (c Config) validateListeners(v *validator) {
	v.required("http.listen", c.HTTP.Listen)
	v.address("http.listen", c.HTTP.Listen)
	v.pair("http.tls", c.HTTP.TLS)
	for i, origin := range c.HTTP.MediaOrigins {
		v.origin(fmt.Sprintf("http.media_origins[%d]", i), origin)
	}
	v.address("metrics.listen", c.Metrics.Listen)
	v.address("rtmp.listen", c.RTMP.Listen)
	v.address("rtmps.listen", c.RTMPS.Listen)
	v.pair("rtmps.tls", c.RTMPS.TLS)
	if c.RTMPS.Listen != "" && c.RTMPSCertificate().Cert == "" {
		v.errorf("rtmps.listen", "needs a certificate: set rtmps.tls.cert and rtmps.tls.key, or http.tls")
	}
	if c.Has(RoleIngest) && c.RTMP.Listen == "" && c.RTMPS.Listen == "" {
		v.errorf("rtmp.listen", "and rtmps.listen are both empty, so nobody could publish")
	}
	between(v, "rtmp.max_connections", c.RTMP.MaxConnections, 1, 100_000)
	between(v, "rtmp.max_per_address", c.RTMP.MaxPerAddress, 1, 100_000)
	between(v, "rtmp.connect_rate", c.RTMP.ConnectRate, 1, 100_000)
	between(v, "rtmp.setup_timeout", c.RTMP.SetupTimeout, time.Second, time.Minute)
	between(v, "rtmp.idle_timeout", c.RTMP.IdleTimeout, time.Second, 10*time.Minute)
	between(v, "rtmp.write_timeout", c.RTMP.WriteTimeout, time.Second, time.Minute)
}

func (c Config) validateIngest(v *validator) {
	between(v, "ingest.grace_period", c.Ingest.GracePeriod, 0, 10*time.Minute)
	v.oneOf("ingest.second_publisher", c.Ingest.SecondPublisher, "refuse", "takeover")
	between(v, "ingest.silent_after", c.Ingest.SilentAfter, time.Second, time.Minute)
	between(v, "ingest.max_bitrate", c.Ingest.MaxBitrate, 100_000, 1_000_000_000)
	v.webURL("ingest.api_url", c.Ingest.APIURL)
	if c.Has(RoleIngest) && !c.Has(RoleAPI) {
		v.required("ingest.api_url", c.Ingest.APIURL)
		v.required("ingest.service_token", c.Ingest.ServiceToken.Reveal())
	}
}

func (c Config) validateHLS(v *validator) {
	between(v, "hls.part_target", c.HLS.PartTarget, 100*time.Millisecond, 2*time.Second)
	between(v, "hls.segment_target", c.HLS.SegmentTarget, 500*time.Millisecond, 20*time.Second)
	if c.HLS.LowLatency && c.HLS.SegmentTarget < 2*c.HLS.PartTarget {
		v.errorf("hls.segment_target", "must be at least twice hls.part_target")
	}
	between(v, "hls.window", c.HLS.Window, 10*time.Second, 6*time.Hour)
	if c.HLS.Window < 5*c.HLS.SegmentTarget {
		v.errorf("hls.window", "must be at least five times hls.segment_target")
	}
	between(v, "hls.max_stream_bytes", c.HLS.MaxStreamBytes, 16<<20, 64<<30)
	between(v, "hls.linger", c.HLS.Linger, 0, time.Hour)
}

func (c Config) validateTranscode(v *validator) {
	v.required("transcode.ffmpeg", c.Transcode.FFmpeg)
	v.required("transcode.encoder", c.Transcode.Encoder)
	if c.Transcode.ThumbnailEvery != 0 {
		between(v, "transcode.thumbnail_every", c.Transcode.ThumbnailEvery, time.Second, 10*time.Minute)
	}
	if len(c.Transcode.Rungs) > 8 {
		v.errorf("transcode.rungs", "has %d entries; at most 8 are allowed", len(c.Transcode.Rungs))
	}
	seen := make(map[string]bool)
	for i, rung := range c.Transcode.Rungs {
		path := fmt.Sprintf("transcode.rungs[%d]", i)
		switch {
		case !rungName.MatchString(rung.Name) || rung.Name == "source" || rung.Name == "audio":
			v.errorf(path+".name", "must be 1 to 20 of a-z, 0-9 and -, and neither source nor audio")
		case seen[rung.Name]:
			v.errorf(path+".name", "is the name of an earlier rung")
		}
		seen[rung.Name] = true
		between(v, path+".height", rung.Height, 64, 4320)
		if rung.Height%2 != 0 {
			v.errorf(path+".height", "must be even")
		}
		between(v, path+".bitrate", rung.Bitrate, 50_000, 100_000_000)
		between(v, path+".max_fps", rung.MaxFPS, 0, 240)
	}
}

var rungName = regexp.MustCompile(`^[a-z0-9-]{1,20}$`)

// validator collects what is wrong.
type validator struct{ errs []error }

func (v *validator) errorf(path, format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf("%s %w", path, fmt.Errorf(format, args...)))
}

func (v *validator) required(path, value string) {
	if value == "" {
		v.errorf(path, "is required")
	}
}

// scheme checks that a value which is a URL has one of the schemes. It may hold a
// secret, so the failure does not show it.
func (v *validator) scheme(path string, value Secret, want string, allowed ...string) {
	scheme, _, isURL := strings.Cut(value.Reveal(), "://")
	if isURL && !slices.Contains(allowed, scheme) {
		v.errorf(path, "must be %s", want)
	}
}

func (v *validator) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		v.errorf(path, "is %q; allowed: %s", value, strings.Join(allowed, ", "))
	}
}

// between checks an inclusive range.
func between[T cmp.Ordered](v *validator, path string, value, least, most T) {
	if value < least || value > most {
		v.errorf(path, "is %v; allowed: %v to %v", value, least, most)
	}
}

// address checks host:port; empty is fine.
func (v *validator) address(path, value string) {
	if value == "" {
		return
	}
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		v.errorf(path, "is %q; expected host:port such as :8080 or 127.0.0.1:0", value)
	}
}

// webURL checks http(s)://host without a query; empty is fine.
func (v *validator) webURL(path, value string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") ||
		u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		v.errorf(path, "must be an address such as https://live.example.org")
	}
}

var redisPrefix = regexp.MustCompile(`^[A-Za-z0-9._-]{1,40}$`)

// iceURL is how browsers take addresses of STUN and TURN servers. RFC 7064, RFC 7065.
var iceURL = regexp.MustCompile(`^(stuns?|turns?):([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(\?transport=(udp|tcp))?$`)

func (v *validator) iceURL(path, value string, schemes ...string) {
	scheme, _, _ := strings.Cut(value, ":")
	if !iceURL.MatchString(value) || !slices.Contains(schemes, scheme) {
		v.errorf(path, "must be an address such as %s:relay.example.org:3478", schemes[0])
	}
}

// webOrigin is a scheme, host and port. Nothing in it could end a directive of a
// Content-Security-Policy.
var webOrigin = regexp.MustCompile(`^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?$`)

func (v *validator) origin(path, value string) {
	if !webOrigin.MatchString(value) {
		v.errorf(path, "must be an origin such as https://ingest-1.example.org, without a path")
	}
}

// pair checks that a certificate comes with its key.
func (v *validator) pair(path string, tls TLS) {
	if (tls.Cert == "") != (tls.Key == "") {
		v.errorf(path, "needs both cert and key, or neither")
	}
}
