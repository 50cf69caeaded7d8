package main

import (
	"errors"
	"fmt"

	"bandstand/api"
	"bandstand/configs"
	"bandstand/storage/db"
	"bandstand/storage/jobs"
)

type migrateCmd struct{}

// Run brings the tables up to date, as the server does when it starts.
func (migrateCmd) Run(c *cli, con *console) (err error) {
	cfg, err := configs.Load(c.Config, con.environ, c.Set)
	if err != nil {
		return err
	}
	database, err := db.Open(con.ctx, db.Config{URL: databaseURL(cfg), MaxConns: cfg.DB.MaxConnections})
	if err != nil {
		return fmt.Errorf("db.url: %w", err)
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	tables := database.Migrated()
	work, err := jobs.Migrate(con.ctx, database)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.out, "tables  version %d -> %d\njobs    version %d -> %d\n", tables.From, tables.To, work.From, work.To)
	return err
}

type backupCmd struct {
	File string `arg:"" help:"Where to; it must not exist."`
}

// Run writes a copy of the SQLite database, beside a server that may be running.
func (b *backupCmd) Run(c *cli, con *console) error {
	cfg, err := configs.Load(c.Config, con.environ, c.Set)
	if err != nil {
		return err
	}
	return db.Backup(con.ctx, databaseURL(cfg), b.File)
}

type openAPICmd struct{}

// Run prints the OpenAPI document.
func (openAPICmd) Run(_ *cli, con *console) error {
	document, err := api.Document(buildVersion(), (&apiSide{}).features())
	if err != nil {
		return err
	}
	_, err = con.out.Write(document)
	return err
}
