package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// TLSMode says how a conversation with a mail server is protected.
type TLSMode string

// The ways to protect it.
const (
	StartTLS    TLSMode = "starttls" // or no mail at all; RFC 3207
	ImplicitTLS TLSMode = "tls"      // from the first byte; RFC 8314
	NoTLS       TLSMode = "none"     // for a server on the same machine or network
)

// SMTPConfig says which mail server takes our mails. Fields without a default are
// required.
type SMTPConfig struct {
	Host     string
	Port     int     // 587 if zero; 465 with ImplicitTLS, 25 with NoTLS
	TLS      TLSMode // StartTLS if empty
	Username string  // empty: the server takes mail from us as it is
	Password string
	Hello    string         // our name in the conversation; that of the machine if empty
	Timeout  time.Duration  // of connecting, and of the conversation; 30s if zero
	RootCAs  *x509.CertPool // whom we believe the server's name; the system's if nil
}

// SMTP sends mails to a mail server, each over a connection of its own.
type SMTP struct{ client *gomail.Client }

// NewSMTP returns a Sender for a mail server. It does not connect yet.
func NewSMTP(cfg SMTPConfig) (*SMTP, error) {
	if cfg.Host == "" {
		return nil, errors.New("mail: the mail server has no name")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	options := []gomail.Option{
		gomail.WithTimeout(cfg.Timeout), gomail.WithoutNoop(), gomail.WithoutRset(), // one mail a connection
		gomail.WithTLSConfig(&tls.Config{ServerName: cfg.Host, RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12}),
	}
	port := 587
	switch cfg.TLS {
	case StartTLS, "":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case ImplicitTLS:
		port = 465
		options = append(options, gomail.WithSSL())
	case NoTLS:
		port = 25
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
		if cfg.Password != "" && !isLoopback(cfg.Host) {
			return nil, errors.New("mail: a password is not sent over a network without TLS")
		}
	default:
		return nil, fmt.Errorf("mail: %q is no way to protect mail: want starttls, tls or none", cfg.TLS)
	}
	if cfg.Port != 0 {
		port = cfg.Port
	}
	options = append(options, gomail.WithPort(port))
	if cfg.Hello != "" {
		options = append(options, gomail.WithHELO(cfg.Hello))
	}
	if cfg.Username != "" {
		options = append(options, gomail.WithSMTPAuth(authentication(cfg.TLS)),
			gomail.WithUsername(cfg.Username), gomail.WithPassword(cfg.Password))
	}
	client, err := gomail.NewClient(cfg.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return &SMTP{client}, nil
}

// authentication is the best that the server offers; without TLS, on one machine,
// the plain one.
func authentication(mode TLSMode) gomail.SMTPAuthType {
	if mode == NoTLS {
		return gomail.SMTPAuthPlainNoEnc
	}
	return gomail.SMTPAuthAutoDiscover
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Send implements Sender. A mail that the server has taken is sent, even if it does
// not say goodbye.
func (s *SMTP) Send(ctx context.Context, msg *gomail.Msg) error {
	err := s.client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() {
		return nil
	}
	return errorOf(err)
}
