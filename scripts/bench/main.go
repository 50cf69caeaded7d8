// Command bench measures Bandstand against nginx with its RTMP module and
// against bare ffmpeg. It starts one server after the other on a core of its own
// and loads it from the others; start it through scripts/bench/run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// plan says how much is measured.
type plan struct {
	publishers []int         // of the passthrough runs
	fill       time.Duration // before memory is read: the DVR window is full by then
	window     time.Duration // over which CPU is measured
	egress     time.Duration // of each flood
	watch      time.Duration // of the latency run
	crowds     []crowd       // of the sockets run
}

var (
	fullPlan  = plan{[]int{10, 50, 200}, 75 * time.Second, 30 * time.Second, 8 * time.Second, 30 * time.Second, []crowd{{2000, 20}, {8000, 5}}}
	quickPlan = plan{[]int{10, 50}, 15 * time.Second, 10 * time.Second, 4 * time.Second, 12 * time.Second, []crowd{{500, 20}}}
)

// bench is one run of the benchmark.
type bench struct {
	plan
	bandstand string // path of the server's binary
	nginx     string // name or path of nginx
	core      string // that servers run on
	dir       string // scratch folder on tmpfs
	results   results
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	if len(os.Args) == 3 && os.Args[1] == fanoutFlag {
		return serveFanout(ctx, os.Args[2])
	}
	b := &bench{plan: fullPlan}
	counts := flag.String("publishers", "", "sizes of the passthrough load, such as 10,50")
	quick := flag.Bool("quick", false, "smaller and shorter: a look, not a result")
	only := flag.String("only", "passthrough,egress,latency,ladder,api,sockets", "scenarios to run")
	json := flag.String("json", "", "write the results to this file as JSON")
	flag.StringVar(&b.bandstand, "bandstand", "", "path of the server; without it nginx alone is measured")
	flag.StringVar(&b.nginx, "nginx", "nginx", "nginx with the RTMP module")
	flag.StringVar(&b.core, "core", "0", "core that the server under test runs on")
	flag.Parse()
	if *quick {
		b.plan = quickPlan
	}
	if *counts != "" {
		b.publishers = nil
		for text := range strings.SplitSeq(*counts, ",") {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return fmt.Errorf("--publishers %q is not a list of numbers", *counts)
			}
			b.publishers = append(b.publishers, n)
		}
	}
	if b.dir, err = os.MkdirTemp("/dev/shm", "bandstand-bench."); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()

	scenarios := map[string]func(context.Context) error{
		"passthrough": b.passthrough, "egress": b.egress, "latency": b.latency, "ladder": b.ladder, "api": b.api, "sockets": b.sockets,
	}
	wanted := strings.Split(*only, ",")
	for _, name := range []string{"passthrough", "egress", "latency", "ladder", "api", "sockets"} {
		if !slices.Contains(wanted, name) {
			continue
		}
		if e := scenarios[name](ctx); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, e))
		}
	}
	return errors.Join(err, b.results.write(os.Stdout, *json))
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// logf tells on the standard error what is going on.
func logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
