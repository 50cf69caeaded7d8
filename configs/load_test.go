package configs

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var cmpPrefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bandstand.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestLoadOfNothingIsTheDefault(t *testing.T) {
	t.Parallel()
	cfg, err := Load("", []string{"PATH=/bin", "BANDSTAND", "BANDSTANDING=1"}, nil)
	require.NoError(t, err)
	if diff := cmp.Diff(Default(), cfg, cmpPrefixes); diff != "" {
		t.Error(diff)
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	path := writeFile(t, "http:\n  listen: :1\nrtmp:\n  listen: :1\nmetrics:\n  listen: :1\n")
	cfg, err := Load(path,
		[]string{"BANDSTAND_HTTP_LISTEN=:2", "BANDSTAND_RTMP_LISTEN=:2"},
		[]string{"http.listen=:3"})
	require.NoError(t, err)
	got := []string{cfg.HTTP.Listen, cfg.RTMP.Listen, cfg.Metrics.Listen, cfg.Log.Format}
	want := []string{":3", ":2", ":1", "text"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flag, environment, file, default (-want +got):\n%s", diff)
	}
}

func TestLoadReadsEveryKindOfValue(t *testing.T) {
	t.Parallel()
	want := Default()
	want.Roles = []Role{RoleAPI, RoleIngest}
	want.Secret = "0123456789012345678901234567890123456789"
	want.Log.Level = -4
	want.HTTP.H2C = true
	want.HTTP.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	want.Metrics.Listen = ""
	want.RTMP.MaxConnections = 5
	want.HLS.PartTarget = 250 * time.Millisecond
	want.HLS.MaxStreamBytes = 64 << 20
	want.Ingest.MaxBitrate = 8_500_000
	want.Transcode.InputArgs = []string{"-hwaccel", "cuda"}
	want.Transcode.ExtraArgs = []string{"-vf", "scale=2:2,fps=1"}
	want.Transcode.Rungs = []Rung{{Name: "tiny", Height: 180, Bitrate: 200_000, MaxFPS: 15}}

	file := `
roles: [api, ingest]
secret: 0123456789012345678901234567890123456789
log: {level: debug}
http:
  h2c: true
  trusted_proxies:
    - 10.0.0.0/8
    - "::1/128"
metrics:
  listen: ""
rtmp:
  max_connections: 5
hls:
  part_target: 250ms
  max_stream_bytes: 64MiB
ingest:
  max_bitrate: 8500k
transcode:
  input_args: [-hwaccel, cuda]
  extra_args: ["-vf", "scale=2:2,fps=1"]
  rungs:
    - {name: tiny, height: 180, bitrate: 200k, max_fps: 15}
`
	environ := []string{
		"BANDSTAND_ROLES=api, ingest",
		"BANDSTAND_SECRET=0123456789012345678901234567890123456789",
		"BANDSTAND_LOG_LEVEL=DEBUG",
		"BANDSTAND_HTTP_H2C=true",
		"BANDSTAND_HTTP_TRUSTED_PROXIES=10.0.0.0/8,::1/128",
		"BANDSTAND_METRICS_LISTEN=",
		"BANDSTAND_RTMP_MAX_CONNECTIONS=5",
		"BANDSTAND_HLS_PART_TARGET=250ms",
		"BANDSTAND_HLS_MAX_STREAM_BYTES=65536KiB",
		"BANDSTAND_INGEST_MAX_BITRATE=8500000",
		"BANDSTAND_TRANSCODE_INPUT_ARGS=-hwaccel,cuda",
		`BANDSTAND_TRANSCODE_EXTRA_ARGS=["-vf","scale=2:2,fps=1"]`,
		`BANDSTAND_TRANSCODE_RUNGS=[{"name":"tiny","height":180,"bitrate":"200k","max_fps":15}]`,
		"BANDSTAND_CONFIG=elsewhere.yaml",
		"BANDSTAND_TEST_POSTGRES_URL=postgres://tests",
	}
	for name, load := range map[string]func() (Config, error){
		"file":        func() (Config, error) { return Load(writeFile(t, file), nil, nil) },
		"environment": func() (Config, error) { return Load("", environ, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := load()
			require.NoError(t, err)
			if diff := cmp.Diff(want, got, cmpPrefixes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEmptyEnvironmentListIsAnEmptyList(t *testing.T) {
	t.Parallel()
	cfg, err := Load("", []string{"BANDSTAND_TRANSCODE_RUNGS="}, nil)
	require.NoError(t, err)
	require.Empty(t, cfg.Transcode.Rungs)
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file    string
		environ []string
		flags   []string
		want    []string // all in the error
	}{
		"unknown key, with line and hint": {
			file: "log:\n  level: info\nhls:\n  part_targt: 2s\n",
			want: []string{"bandstand.yaml:4: hls.part_targt is not a setting; did you mean hls.part_target?"},
		},
		"everything wrong in one go": {
			file:    "htp:\n  listen: :1\nhls:\n  window: soon\n  low_latency: maybe\n",
			environ: []string{"BANDSTAND_RTMP_LISTN=:1", "BANDSTAND_RTMP_MAX_CONNECTIONS=many"},
			flags:   []string{"nonsense", "zzzzzzzz=1"},
			want: []string{
				"bandstand.yaml:1: htp is not a setting; did you mean http?",
				`bandstand.yaml:4: hls.window: "soon" is not a duration such as 2s`,
				`bandstand.yaml:5: hls.low_latency: "maybe" is neither true nor false`,
				"environment: BANDSTAND_RTMP_LISTN is not a setting; did you mean BANDSTAND_RTMP_LISTEN?",
				`environment: BANDSTAND_RTMP_MAX_CONNECTIONS: "many" is not a whole number`,
				"command line: a setting is written path=value",
				"command line: zzzzzzzz is not a setting",
			},
		},
		"a bare number as a duration":  {file: "hls:\n  window: 60\n", want: []string{`hls.window: "60" is not a duration`}},
		"a value for a section":        {file: "http: 5\n", want: []string{"bandstand.yaml:1: http: expected settings as name: value"}},
		"a section for a value":        {file: "data_dir:\n  a: b\n", want: []string{"data_dir: expected a single value"}},
		"a value for a list":           {file: "roles: all\n", want: []string{"roles: expected a list"}},
		"a key without value":          {file: "metrics:\n  listen:\n", want: []string{`bandstand.yaml:2: metrics.listen has no value`}},
		"a key twice":                  {file: "data_dir: a\ndata_dir: b\n", want: []string{"bandstand.yaml:2:", "already defined"}},
		"an unknown key in a list":     {file: "transcode:\n  rungs:\n    - {name: a, width: 3}\n", want: []string{"bandstand.yaml:3: transcode.rungs[0].width is not a setting"}},
		"two documents":                {file: "data_dir: a\n---\ndata_dir: b\n", want: []string{"more than one document"}},
		"an alias":                     {file: "data_dir: &a x\nsecret: *a\n", want: []string{"bandstand.yaml:1: data_dir: expected a single value"}},
		"no mapping at all":            {file: "- a\n", want: []string{"bandstand.yaml:1: expected settings"}},
		"broken YAML":                  {file: "http: [\n", want: []string{"bandstand.yaml:1:"}},
		"a huge file":                  {file: strings.Repeat("# padding\n", 8000), want: []string{"larger than 64 KiB"}},
		"a bad network":                {environ: []string{"BANDSTAND_HTTP_TRUSTED_PROXIES=10.0.0.1"}, want: []string{`"10.0.0.1" is not a network`}},
		"a bad level":                  {file: "log:\n  level: loud\n", want: []string{`"loud" is not a level: debug, info, warn or error`}},
		"a size without unit":          {file: "hls:\n  max_stream_bytes: 512\n", want: []string{"is not a size such as 512MiB"}},
		"an overflowing size":          {file: "hls:\n  max_stream_bytes: 9999999999GiB\n", want: []string{"is not a size"}},
		"a negative bitrate":           {file: "ingest:\n  max_bitrate: -5k\n", want: []string{"is not a bitrate such as 2800k or 6M"}},
		"structs with commas":          {environ: []string{"BANDSTAND_TRANSCODE_RUNGS=720p,480p"}, want: []string{"BANDSTAND_TRANSCODE_RUNGS must be a JSON list"}},
		"broken JSON":                  {environ: []string{"BANDSTAND_TRANSCODE_RUNGS=[{"}, want: []string{"BANDSTAND_TRANSCODE_RUNGS:1:"}},
		"an empty number":              {environ: []string{"BANDSTAND_RTMP_CONNECT_RATE="}, want: []string{`"" is not a whole number`}},
		"validation after all sources": {flags: []string{"accounts.signup=maybe"}, want: []string{`accounts.signup is "maybe"; allowed: open, invite, closed`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := ""
			if tt.file != "" {
				path = writeFile(t, tt.file)
			}
			_, err := Load(path, tt.environ, tt.flags)
			require.Error(t, err)
			for _, want := range tt.want {
				require.Contains(t, err.Error(), want)
			}
		})
	}
}

func TestMissingFileIsAnError(t *testing.T) {
	t.Parallel()
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestFileThatSetsNothingIsFine(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# only a comment\n", "http:\nrtmp:\n"} {
		cfg, err := Load(writeFile(t, text), nil, nil)
		require.NoError(t, err, "%q", text)
		require.Equal(t, ":8080", cfg.HTTP.Listen)
	}
}

func TestErrorsNeverShowASecret(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for name, load := range map[string]func() error{
		"too short":   func() error { _, err := Load("", []string{"BANDSTAND_SECRET=" + secret}, nil); return err },
		"broken file": func() error { _, err := Load(writeFile(t, "secret: "+secret+"\nhttp: [\n"), nil, nil); return err },
		"bad scheme":  func() error { _, err := Load("", nil, []string{"db.url=mysql://root:" + secret + "@h/d"}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := load()
			require.Error(t, err)
			require.NotContains(t, err.Error(), secret)
		})
	}
}

// FuzzLoad checks that no file and no variable makes Load panic, that what it
// accepts is valid, and that a secret stays out of its errors.
func FuzzLoad(f *testing.F) {
	if example, err := os.ReadFile(exampleFile); err == nil {
		f.Add(string(example), "5s")
	}
	f.Add("a: [1, {b: c}]\n", `[{"name":"x"}]`)
	f.Add("http:\n- x\n? y\n: z\n", "[")
	f.Add("<<: {a: 1}\ntranscode: {rungs: [{}, 3, ~]}\n", "a,b")
	f.Add("!!map {x: |\n", "\x00")
	f.Fuzz(func(t *testing.T, file, value string) {
		if len(file) > 8<<10 || len(value) > 1<<10 { // the parser is quadratic
			t.Skip()
		}
		const secret = "correct-horse-battery"
		cfg := Default()
		err := readYAML("fuzz", []byte("secret: "+secret+"\n"+file), &cfg)
		if err = errors.Join(err, cfg.Validate()); err != nil && strings.Contains(err.Error(), secret) {
			t.Fatalf("the secret is in %q", err)
		}
		for _, k := range keys(new(Config)) {
			loaded, err := Load("", []string{k.env() + "=" + value}, nil)
			if err == nil && loaded.Validate() != nil {
				t.Fatalf("%s=%q was accepted: %v", k.env(), value, loaded.Validate())
			}
		}
	})
}
