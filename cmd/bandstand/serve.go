package main

import (
	"errors"
	"fmt"

	"bandstand/configs"
)

type serveCmd struct {
	Demo bool `help:"Publish a test picture to the channel demo, and print how to watch and to go on air."`
}

// Run serves until the console's context ends.
func (s *serveCmd) Run(c *cli, con *console) (err error) {
	cfg, err := configs.Load(c.Config, con.environ, c.Set)
	if err != nil {
		return err
	}
	if s.Demo && cfg.Mail.Transport == "off" {
		cfg.Mail.Transport = "files" // to look at
	}
	log := newLogger(con.err, cfg.Log)
	a, err := newApp(con.ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if err := a.greet(con); err != nil {
		return err
	}
	if s.Demo {
		if err := a.openDemo(con); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	log.Info("bandstand is ready", "version", buildVersion(), "roles", cfg.Roles)
	return a.run(con.ctx)
}

// greet shows the password of the admin that the first start makes.
func (a *app) greet(con *console) error {
	if a.api == nil {
		return nil
	}
	password, created, err := a.api.accounts.EnsureAdmin(con.ctx)
	if err != nil {
		return fmt.Errorf("admin account: %w", err)
	}
	if created {
		_, err = fmt.Fprintf(con.out, "\n  First start: an admin account was made. Its password is shown only now.\n\n"+
			"    login     admin\n    password  %s\n\n", password)
	}
	return err
}
