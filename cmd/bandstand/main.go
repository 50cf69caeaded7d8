// Command bandstand is a live-streaming server: publishers push RTMP, viewers play
// HLS, admins manage channels through a REST API.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker; a plain go build leaves the module's own.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bandstand:", err)
		os.Exit(1)
	}
}

// cli is the command line.
type cli struct {
	Config string   `short:"c" type:"path" env:"BANDSTAND_CONFIG" help:"Configuration file (YAML)."`
	Set    []string `short:"s" sep:"none" placeholder:"KEY=VALUE" help:"Override one setting, as in http.listen=:9000."`

	Serve   serveCmd   `cmd:"" help:"Run the server."`
	User    userCmd    `cmd:"" help:"Make accounts, set passwords and roles."`
	Token   tokenCmd   `cmd:"" help:"Make a service token for a node that runs on its own."`
	Migrate migrateCmd `cmd:"" help:"Bring the tables of the database up to date, as serve does too."`
	Backup  backupCmd  `cmd:"" help:"Write a copy of the SQLite database, also while the server runs."`
	OpenAPI openAPICmd `cmd:"" name:"openapi" help:"Print the description of the REST API."`
	Doctor  doctorCmd  `cmd:"" help:"Check that this machine can run the server, and measure it."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// console is what a command talks to.
type console struct {
	ctx      context.Context
	environ  []string
	in       io.Reader
	out, err io.Writer
}

// run executes one command line. It returns when the command is done or ctx ends.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var c cli
	exited := false
	parser, err := kong.New(&c,
		kong.Name("bandstand"),
		kong.Description("Self-hosted live streaming: OBS in, low-latency HLS out."),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { exited = true }),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if exited { // --help
		return nil
	}
	if err != nil {
		return err
	}
	return parsed.Run(&c, &console{ctx: ctx, environ: environ, in: stdin, out: stdout, err: stderr})
}

type versionCmd struct{}

// Run prints the version and what it was built with.
func (versionCmd) Run(con *console) error {
	_, err := fmt.Fprintln(con.out, "bandstand", buildVersion())
	return err
}

func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if version != "" {
		v = version
	}
	if v == "" || v == "(devel)" {
		v = "development"
	}
	return v + " (" + info.GoVersion + ")"
}
