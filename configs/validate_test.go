package configs

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDefaultIsValid(t *testing.T) {
	t.Parallel()
	require.NoError(t, Default().Validate())
}

func TestValidateSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"no role":                {func(c *Config) { c.Roles = nil }, "roles is empty"},
		"unknown role":           {func(c *Config) { c.Roles = []Role{"boss"} }, `roles is "boss"; allowed: all, api, ingest`},
		"no data directory":      {func(c *Config) { c.DataDir = "" }, "data_dir is required"},
		"short secret":           {func(c *Config) { c.Secret = "short" }, "secret has 5 characters; at least 8"},
		"public URL with query":  {func(c *Config) { c.PublicURL = "https://a/?b" }, "public_url must be an address"},
		"public URL, no scheme":  {func(c *Config) { c.PublicURL = "live.example.org" }, "public_url must be an address"},
		"log format":             {func(c *Config) { c.Log.Format = "xml" }, `log.format is "xml"; allowed: text, json`},
		"no HTTP":                {func(c *Config) { c.HTTP.Listen = "" }, "http.listen is required"},
		"address without port":   {func(c *Config) { c.HTTP.Listen = "localhost" }, `http.listen is "localhost"; expected host:port`},
		"port out of range":      {func(c *Config) { c.RTMP.Listen = ":65536" }, "rtmp.listen is"},
		"half a certificate":     {func(c *Config) { c.HTTP.TLS.Cert = "c.pem" }, "http.tls needs both cert and key"},
		"RTMPS without any":      {func(c *Config) { c.RTMPS.Listen = ":1936" }, "rtmps.listen needs a certificate"},
		"media from a path":      {func(c *Config) { c.HTTP.MediaOrigins = []string{"https://a.example/live"} }, "http.media_origins[0] must be an origin"},
		"media and a directive":  {func(c *Config) { c.HTTP.MediaOrigins = []string{"http://a", "http://a;script-src"} }, "http.media_origins[1] must be an origin"},
		"no way in":              {func(c *Config) { c.RTMP.Listen = "" }, "nobody could publish"},
		"no connections":         {func(c *Config) { c.RTMP.MaxConnections = 0 }, "rtmp.max_connections is 0; allowed: 1 to"},
		"second publisher":       {func(c *Config) { c.Ingest.SecondPublisher = "fight" }, "allowed: refuse, takeover"},
		"lone ingest, no API":    {func(c *Config) { c.Roles = []Role{RoleIngest} }, "ingest.api_url is required"},
		"lone ingest, no token":  {func(c *Config) { c.Roles = []Role{RoleIngest} }, "ingest.service_token is required"},
		"other queue":            {func(c *Config) { c.Redis.URL = "localhost:6379" }, "redis.url must be redis://"},
		"other store":            {func(c *Config) { c.Files.URL = "ftp://h/d" }, "files.url must be s3://"},
		"short old secret":       {func(c *Config) { c.PreviousSecrets = []Secret{"tiny"} }, "previous_secrets[0] has 4 characters"},
		"mail by pigeon":         {func(c *Config) { c.Mail.Transport = "pigeon" }, "allowed: off, files, smtp"},
		"mail from nobody":       {func(c *Config) { c.Mail.From = "nobody" }, "mail.from must be an address"},
		"mail to no server":      {func(c *Config) { c.Mail.Transport = "smtp" }, "mail.smtp.host is required"},
		"mails without links":    {func(c *Config) { c.Mail.Transport = "smtp" }, "public_url is required with mail.transport smtp"},
		"no name":                {func(c *Config) { c.Instance.Name = "" }, "instance.name has 0 characters"},
		"links for ever":         {func(c *Config) { c.Auth.PlaybackTTL = 9000 * time.Hour }, "auth.playback_ttl is 9000h0m0s"},
		"other database":         {func(c *Config) { c.DB.URL = "mysql://h/d" }, "db.url must be postgres://"},
		"tiny parts":             {func(c *Config) { c.HLS.PartTarget = time.Millisecond }, "hls.part_target is 1ms; allowed: 100ms to 2s"},
		"parts like segments":    {func(c *Config) { c.HLS.PartTarget = 2 * time.Second }, "at least twice hls.part_target"},
		"window like a segment":  {func(c *Config) { c.HLS.SegmentTarget = 20 * time.Second }, "hls.window must be at least five times"},
		"little memory":          {func(c *Config) { c.HLS.MaxStreamBytes = 1024 }, "hls.max_stream_bytes is 1KiB; allowed: 16MiB to 64GiB"},
		"no ffmpeg":              {func(c *Config) { c.Transcode.FFmpeg = "" }, "transcode.ffmpeg is required"},
		"rung with a slash":      {func(c *Config) { c.Transcode.Rungs[0].Name = "../x" }, "transcode.rungs[0].name must be"},
		"rung named as source":   {func(c *Config) { c.Transcode.Rungs[0].Name = "source" }, "neither source nor audio"},
		"rung twice":             {func(c *Config) { c.Transcode.Rungs[1].Name = "720p" }, "transcode.rungs[1].name is the name of an earlier rung"},
		"odd height":             {func(c *Config) { c.Transcode.Rungs[0].Height = 719 }, "height must be even"},
		"rung without bitrate":   {func(c *Config) { c.Transcode.Rungs[2].Bitrate = 0 }, "transcode.rungs[2].bitrate is 0; allowed: 50k to 100M"},
		"too many rungs":         {func(c *Config) { c.Transcode.Rungs = make([]Rung, 9) }, "at most 8"},
		"frequent thumbnails":    {func(c *Config) { c.Transcode.ThumbnailEvery = time.Millisecond }, "transcode.thumbnail_every is 1ms"},
		"no time to return":      {func(c *Config) { c.Broadcasts.Resume = time.Second }, "broadcasts.resume is 1s; allowed: 10s to 24h"},
		"signup":                 {func(c *Config) { c.Accounts.Signup = "" }, "allowed: open, invite, closed"},
		"everlasting tokens":     {func(c *Config) { c.Auth.AccessTTL = 9000 * time.Hour }, "auth.access_ttl is 9000h0m0s"},
		"endless shutdown":       {func(c *Config) { c.ShutdownTimeout = time.Hour }, "shutdown_timeout is 1h0m0s"},
		"API URL with a user":    {func(c *Config) { c.Ingest.APIURL = "http://u:p@h" }, "ingest.api_url must be an address"},
		"grace period too long":  {func(c *Config) { c.Ingest.GracePeriod = time.Hour }, "ingest.grace_period is 1h0m0s; allowed: 0s to 10m0s"},
		"negative address limit": {func(c *Config) { c.RTMP.MaxPerAddress = -1 }, "rtmp.max_per_address is -1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Default()
			tt.change(&cfg)
			require.ErrorContains(t, cfg.Validate(), tt.want)
		})
	}
}

func TestValidateReportsAllAtOnce(t *testing.T) {
	t.Parallel()
	lines := strings.Split(Config{}.Validate().Error(), "\n")
	if len(lines) < 15 {
		t.Errorf("got %d lines, want one for each of the many wrong settings:\n%s", len(lines), strings.Join(lines, "\n"))
	}
}

func TestRolesAndCertificates(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.Roles = []Role{RoleAPI}
	cfg.RTMP.Listen = "" // an API alone takes no publishers
	require.NoError(t, cfg.Validate())
	require.False(t, cfg.Has(RoleIngest))

	cfg.HTTP.TLS = TLS{Cert: "h.pem", Key: "h.key"}
	require.Equal(t, cfg.HTTP.TLS, cfg.RTMPSCertificate())
	cfg.RTMPS.TLS = TLS{Cert: "r.pem", Key: "r.key"}
	require.Equal(t, cfg.RTMPS.TLS, cfg.RTMPSCertificate())
}
