package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"bandstand/configs"
	"bandstand/transcode"
)

type doctorCmd struct {
	Quick bool `help:"Leave out the trial broadcast and the measurement."`
}

// doctor prints what it finds, a line each.
type doctor struct {
	out    io.Writer
	failed int
}

func (d *doctor) ok(what, format string, args ...any)   { d.line("ok", what, format, args...) }
func (d *doctor) warn(what, format string, args ...any) { d.line("warn", what, format, args...) }

func (d *doctor) fail(what, format string, args ...any) {
	d.failed++
	d.line("FAIL", what, format, args...)
}

func (d *doctor) line(verdict, what, format string, args ...any) {
	fmt.Fprintf(d.out, "%-5s %-12s %s\n", verdict, what, fmt.Sprintf(format, args...))
}

// Run checks what serve would need. It changes nothing that serve uses.
func (c *doctorCmd) Run(cli *cli, con *console) error {
	cfg, err := configs.Load(cli.Config, con.environ, cli.Set)
	if err != nil {
		return err
	}
	d := &doctor{out: con.out}
	d.ok("version", "%s", buildVersion())
	d.data(cfg.DataDir)
	d.ports(con.ctx, cfg)
	works := d.ffmpeg(con.ctx, cfg.Transcode)
	if !c.Quick {
		if works {
			d.measure(con.ctx, cfg.Transcode)
		}
		d.trial(con.ctx, cfg)
	}
	if d.failed > 0 {
		return fmt.Errorf("doctor: %d checks failed", d.failed)
	}
	return nil
}

// data checks that the data folder can be written, and for how long.
func (d *doctor) data(dir string) {
	at, err := existing(dir)
	if err != nil {
		d.fail("data", "%v", err)
		return
	}
	probe, err := os.CreateTemp(at, ".doctor-*")
	if err != nil {
		d.fail("data", "%v", err)
		return
	}
	probe.Close()           //nolint:errcheck,gosec // nothing was written
	os.Remove(probe.Name()) //nolint:errcheck,gosec // an empty file of ours
	free, err := freeBytes(at)
	switch {
	case err != nil:
		d.warn("data", "%s can be written; free space unknown: %v", at, err)
	case free < 1<<30:
		d.warn("data", "%s can be written, but has only %d MiB free", at, free>>20)
	default:
		d.ok("data", "%s can be written, %d GiB free", at, free>>30)
	}
}

// existing returns dir or the nearest folder above it that is there.
func existing(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	for err == nil {
		if _, err = os.Stat(dir); !os.IsNotExist(err) {
			break
		}
		dir, err = filepath.Dir(dir), nil
	}
	return dir, err
}

// ports checks that serve could listen.
func (d *doctor) ports(ctx context.Context, cfg configs.Config) {
	for _, p := range []struct{ name, addr string }{
		{"http", cfg.HTTP.Listen},
		{"rtmp", cfg.RTMP.Listen},
		{"rtmps", cfg.RTMPS.Listen},
		{"metrics", cfg.Metrics.Listen},
	} {
		if p.addr == "" {
			continue
		}
		var lc net.ListenConfig
		ln, err := lc.Listen(ctx, "tcp", p.addr)
		if err != nil {
			d.warn(p.name, "%v (is the server running already?)", err)
			continue
		}
		ln.Close() //nolint:errcheck,gosec // it was only a try
		d.ok(p.name, "%s is free", p.addr)
	}
}

// ffmpeg checks the program and its encoders. It says whether the one that is
// configured works.
func (d *doctor) ffmpeg(ctx context.Context, t configs.Transcode) bool {
	cfg, err := ffmpegConfig(t).WithDefaults()
	if err != nil {
		d.fail("ffmpeg", "%v", err)
		return false
	}
	can, err := transcode.Probe(ctx, cfg)
	if err != nil {
		d.fail("ffmpeg", "%v: without it there is no ladder and no thumbnail", err)
		return false
	}
	d.ok("ffmpeg", "version %s", can.Version)
	works := false
	for _, e := range can.Encoders {
		chosen := string(e.Encoder) == t.Encoder
		switch {
		case e.Works():
			works = works || chosen
			d.ok("encoder", "%s works%s", e.Encoder, map[bool]string{true: ", and is the one configured"}[chosen])
		case chosen:
			d.fail("encoder", "%s is configured and does not work: %s", e.Encoder, firstLine(e.Err))
		case e.Listed:
			d.ok("encoder", "%s is known to ffmpeg, but not to this machine", e.Encoder)
		}
	}
	return works
}

func firstLine(err error) string {
	if err == nil {
		return "ffmpeg was built without it"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
