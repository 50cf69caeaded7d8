package main

import (
	"io"
	"log/slog"

	"bandstand/configs"
)

func newLogger(w io.Writer, cfg configs.Log) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.Level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
