package main

import (
	"context"
	"net/netip"
	"net/url"
	"strings"

	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/storage/jobs"
)

// openMail returns what takes mails, nil if this server sends none. instance tells
// what the server is called.
func (a *app) openMail(instance func(context.Context) string) (*mail.Outbox, error) {
	sender, err := a.mailSender()
	if sender == nil || err != nil {
		return nil, err
	}
	keys := [][]byte{}
	for _, secret := range a.secrets() {
		key, err := auth.DeriveKey(secret, "bandstand mails")
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	seal, err := mail.NewSeal(keys[0], keys[1:]...)
	if err != nil {
		return nil, err
	}
	worker, err := mail.NewWorker(mail.WorkerConfig{
		Seal: seal, Sender: sender, BaseURL: a.publicURL(), From: a.cfg.Mail.From, Instance: instance,
		Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return nil, err
	}
	a.api.workers = append(a.api.workers, []jobs.Worker{jobs.Work(worker)})
	return mail.NewOutbox(&a.stores.queue, seal)
}

// mailSender returns how mails leave, nil if they do not.
func (a *app) mailSender() (mail.Sender, error) {
	cfg := a.cfg.Mail
	switch cfg.Transport {
	case "smtp":
		return mail.NewSMTP(mail.SMTPConfig{
			Host: cfg.SMTP.Host, Port: cfg.SMTP.Port, TLS: mail.TLSMode(cfg.SMTP.TLS),
			Username: cfg.SMTP.Username, Password: cfg.SMTP.Password.Reveal(),
			Hello: helloOf(a.cfg.PublicURL),
		})
	case "files":
		dir := cfg.Dir
		if dir == "" {
			dir = a.dataFile("mail")
		}
		return mail.NewFolder(dir)
	}
	return nil, nil
}

// helloOf returns the name with which we greet mail servers: that under which people
// know us. Many refuse names without a domain, as machines have them inside. It is
// empty if there is none. RFC 5321 4.1.3.
func helloOf(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil {
		return ""
	}
	host := u.Hostname()
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Is4() {
			return "[" + host + "]"
		}
		return "[IPv6:" + addr.WithZone("").String() + "]"
	}
	if !strings.Contains(host, ".") {
		return ""
	}
	return host
}
