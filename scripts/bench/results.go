package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// result is one measured number, with the number it is compared to.
type result struct {
	Scenario  string  `json:"scenario"`
	What      string  `json:"what"`
	Unit      string  `json:"unit"`
	Bandstand float64 `json:"bandstand,omitempty"`
	Peer      float64 `json:"peer,omitempty"`
	PeerName  string  `json:"peer_name,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"` // bandstand / peer
	Aim       string  `json:"aim,omitempty"`
}

// results is what one run measured.
type results struct {
	list []result
}

// add keeps a result; the ratio is worked out here.
func (r *results) add(x result) {
	if x.Bandstand != 0 && x.Peer != 0 {
		x.Ratio = x.Bandstand / x.Peer
	}
	r.list = append(r.list, x)
}

// write prints a Markdown table and, when file is given, the same as JSON.
func (r *results) write(w io.Writer, file string) error {
	text := "| scenario\t| measured\t| Bandstand\t| peer\t| ratio\t| aim\t|\n|---\t|---\t|---\t|---\t|---\t|---\t|\n"
	for _, x := range r.list {
		own, peer := number(x.Bandstand), number(x.Peer)
		if own == "" && peer == "" {
			own = "0"
		}
		if x.Peer != 0 {
			peer += " (" + x.PeerName + ")"
		}
		text += fmt.Sprintf("| %s\t| %s, %s\t| %s\t| %s\t| %s\t| %s\t|\n",
			x.Scenario, x.What, x.Unit, own, peer, number(x.Ratio), x.Aim)
	}
	tab := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	_, err := io.WriteString(tab, text)
	if err = errors.Join(err, tab.Flush()); err != nil || file == "" {
		return err
	}
	all := struct {
		At      time.Time `json:"at"`
		CPU     string    `json:"cpu"`
		Cores   int       `json:"cores"`
		Go      string    `json:"go"`
		Results []result  `json:"results"`
	}{time.Now().UTC(), cpuName(), runtime.NumCPU(), runtime.Version(), r.list}
	encoded, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(encoded, '\n'), 0o600)
}

// number prints three significant digits, and nothing for what was not measured.
func number(v float64) string {
	switch {
	case v == 0:
		return ""
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprintf("%.3g", v)
	}
}

func cpuName() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for l := range strings.SplitSeq(string(text), "\n") {
		if name, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
