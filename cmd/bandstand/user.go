package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"bandstand/api/account"
	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/configs"
	"bandstand/storage/db"
)

// userCmd is what those who run the machine can do to accounts, with or without a
// server running.
type userCmd struct {
	Create userCreateCmd `cmd:"" help:"Make an account."`
	Passwd userPasswdCmd `cmd:"" help:"Set the password of an account, and sign all its devices out."`
	Role   userRoleCmd   `cmd:"" help:"Set what an account may do on the whole instance."`
}

type userCreateCmd struct {
	Username      string `arg:"" help:"Name of the account."`
	Email         string `required:"" help:"E-mail address; it counts as confirmed."`
	Role          string `default:"user" enum:"user,moderator,admin" help:"${enum}."`
	PasswordStdin bool   `help:"Read the password from the standard input, rather than have one made."`
}

// Run makes an account.
func (u *userCreateCmd) Run(c *cli, con *console) error {
	password, made, err := con.newPassword(u.PasswordStdin)
	if err != nil {
		return err
	}
	return withAccounts(c, con, func(ctx context.Context, accounts *account.Service) error {
		user, err := accounts.Create(ctx, account.NewUser{
			Username: u.Username, Email: u.Email, Password: password, Role: auth.Role(u.Role),
		})
		if err != nil {
			return err
		}
		return con.tell(user.Username, made, password)
	})
}

type userPasswdCmd struct {
	Login         string `arg:"" help:"Username or e-mail address."`
	PasswordStdin bool   `help:"Read the password from the standard input, rather than have one made."`
}

// Run sets a password.
func (u *userPasswdCmd) Run(c *cli, con *console) error {
	password, made, err := con.newPassword(u.PasswordStdin)
	if err != nil {
		return err
	}
	return withAccounts(c, con, func(ctx context.Context, accounts *account.Service) error {
		if err := accounts.SetPassword(ctx, u.Login, password); err != nil {
			return err
		}
		return con.tell(u.Login, made, password)
	})
}

type userRoleCmd struct {
	Login string `arg:"" help:"Username or e-mail address."`
	Role  string `arg:"" enum:"user,moderator,admin" help:"${enum}."`
}

// Run sets a role.
func (u *userRoleCmd) Run(c *cli, con *console) error {
	return withAccounts(c, con, func(ctx context.Context, accounts *account.Service) error {
		_, err := accounts.SetRoleOf(ctx, u.Login, auth.Role(u.Role))
		return err
	})
}

// withAccounts calls do with the accounts of the server that the settings describe.
func withAccounts(c *cli, con *console, do func(context.Context, *account.Service) error) (err error) {
	cfg, err := configs.Load(c.Config, con.environ, c.Set)
	if err != nil {
		return err
	}
	database, err := db.Open(con.ctx, db.Config{URL: databaseURL(cfg), MaxConns: cfg.DB.MaxConnections})
	if err != nil {
		return fmt.Errorf("db.url: %w", err)
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	passwords, err := auth.NewPasswords(1)
	if err != nil {
		return err
	}
	accounts, err := account.NewService(account.Config{
		DB: database, Passwords: passwords, Logger: slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	err = do(con.ctx, accounts)
	if outcome, ok := errors.AsType[*rest.Outcome](err); ok {
		return errors.New(outcome.Detail)
	}
	return err
}

// newPassword returns a password: the first line of the standard input, or one that
// is made.
func (con *console) newPassword(given bool) (password string, made bool, err error) {
	if !given {
		return strings.ToLower(rand.Text()), true, nil
	}
	line, err := bufio.NewReader(io.LimitReader(con.in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false, err
	}
	return strings.TrimRight(line, "\r\n"), false, nil
}

// tell shows a password that was made.
func (con *console) tell(login string, made bool, password string) error {
	if !made {
		return nil
	}
	_, err := fmt.Fprintf(con.out, "login     %s\npassword  %s\n", login, password)
	return err
}
