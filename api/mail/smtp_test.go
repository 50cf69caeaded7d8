package mail

import (
	"context"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"strconv"
	"testing"

	smtpmock "github.com/mocktools/go-smtp-mock/v2"
	"github.com/stretchr/testify/require"
	gomail "github.com/wneessen/go-mail"
)

// aMsg returns a mail to ada.
func aMsg(t *testing.T) *gomail.Msg {
	t.Helper()
	msg, err := newWorker(t, nil).compose(t.Context(), envelope{ID: mailID, Message: Message{
		To: "ada@example.org", Template: ResetPassword, Data: example,
	}})
	require.NoError(t, err)
	return msg
}

func startMock(t *testing.T, cfg smtpmock.ConfigurationAttr) *smtpmock.Server {
	t.Helper()
	cfg.HostAddress = "127.0.0.1"
	server := smtpmock.New(cfg)
	require.NoError(t, server.Start())
	t.Cleanup(func() { _ = server.Stop() })
	return server
}

func newSMTP(t *testing.T, cfg SMTPConfig) *SMTP {
	t.Helper()
	cfg.Hello = "live.example.org"
	s, err := NewSMTP(cfg)
	require.NoError(t, err)
	return s
}

func TestPlainConversation(t *testing.T) {
	t.Parallel()
	server := startMock(t, smtpmock.ConfigurationAttr{})
	s := newSMTP(t, SMTPConfig{Host: "127.0.0.1", Port: server.PortNumber(), TLS: NoTLS})
	require.NoError(t, s.Send(t.Context(), aMsg(t)))
	messages := server.Messages()
	require.Len(t, messages, 1)
	m := messages[0]
	require.Equal(t, "EHLO live.example.org", m.HeloRequest())
	require.Contains(t, m.MailfromRequest(), "<no-reply@example.org>")
	require.Len(t, m.RcpttoRequestResponse(), 1)
	require.Contains(t, m.RcpttoRequestResponse()[0][0], "<ada@example.org>")
	require.Contains(t, m.MsgRequest(), "Auto-Submitted: auto-generated")
	require.Contains(t, m.MsgRequest(), "account/link#token=3DSECRET")
	require.True(t, m.QuitSent())
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cfg     smtpmock.ConfigurationAttr
		refused bool
	}{
		"no such mailbox": {smtpmock.ConfigurationAttr{
			NotRegisteredEmails: []string{"ada@example.org"}, MsgRcpttoNotRegisteredEmail: "550 5.1.1 ada@example.org is unknown here",
		}, true},
		"come again": {smtpmock.ConfigurationAttr{
			NotRegisteredEmails: []string{"ada@example.org"}, MsgRcpttoNotRegisteredEmail: "451 4.7.1 ada@example.org is greylisted",
		}, false},
		"sender refused": {smtpmock.ConfigurationAttr{
			BlacklistedMailfromEmails: []string{"no-reply@example.org"}, MsgMailfromBlacklistedEmail: "553 5.7.1 not you",
		}, true},
		"sign in first": {smtpmock.ConfigurationAttr{
			BlacklistedMailfromEmails: []string{"no-reply@example.org"}, MsgMailfromBlacklistedEmail: "530 5.7.0 authentication required",
		}, false},
		"too large": {smtpmock.ConfigurationAttr{MsgSizeLimit: 10, MsgMsgSizeIsTooBig: "552 5.3.4 too large"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startMock(t, test.cfg)
			s := newSMTP(t, SMTPConfig{Host: "127.0.0.1", Port: server.PortNumber(), TLS: NoTLS})
			err := s.Send(t.Context(), aMsg(t))
			require.Error(t, err)
			var refused *RefusedError
			require.Equal(t, test.refused, errorsAs(err, &refused), "%v", err)
			require.NotContains(t, err.Error(), "ada@", "an error goes into logs and the table of jobs")
		})
	}
}

func TestMailWaitsForTLS(t *testing.T) {
	t.Parallel()
	server := startMock(t, smtpmock.ConfigurationAttr{}) // knows no STARTTLS
	s := newSMTP(t, SMTPConfig{Host: "127.0.0.1", Port: server.PortNumber()})
	require.Error(t, s.Send(t.Context(), aMsg(t)))
	for _, m := range server.Messages() {
		require.False(t, m.Mailfrom(), "nothing may be said in the open")
	}
}

func TestConversationsUnderTLS(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode                TLSMode
		user, password      string
		distrust            bool
		sent                bool
		authenticated, came string
	}{
		"starttls":                {mode: StartTLS, sent: true},
		"starttls and password":   {mode: StartTLS, user: "stage", password: "correct horse", sent: true, authenticated: "stage"},
		"tls":                     {mode: ImplicitTLS, sent: true},
		"tls and password":        {mode: ImplicitTLS, user: "stage", password: "correct horse", sent: true, authenticated: "stage"},
		"wrong password":          {mode: StartTLS, user: "stage", password: "wrong"},
		"certificate of a forger": {mode: StartTLS, distrust: true},
		"forger, implicit":        {mode: ImplicitTLS, distrust: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startTLSServer(t, test.mode == ImplicitTLS)
			cfg := SMTPConfig{
				Host: "127.0.0.1", Port: server.port, TLS: test.mode, RootCAs: server.roots,
				Username: test.user, Password: test.password,
			}
			if test.distrust {
				cfg.RootCAs = x509.NewCertPool()
			}
			err := newSMTP(t, cfg).Send(t.Context(), aMsg(t))
			if test.sent {
				require.NoError(t, err)
				mails, users := server.received()
				require.Len(t, mails, 1)
				require.Contains(t, mails[0], "Auto-Submitted: auto-generated")
				require.Equal(t, []string{test.authenticated}, users)
				return
			}
			require.Error(t, err)
			var refused *RefusedError
			require.False(t, errorsAs(err, &refused), "whoever runs the server can mend it: %v", err)
			mails, _ := server.received()
			require.Empty(t, mails)
		})
	}
}

func TestMailTakenIsMailSent(t *testing.T) {
	t.Parallel()
	server := startTLSServer(t, true)
	server.hangUpAfterData.Store(true)
	s := newSMTP(t, SMTPConfig{Host: "127.0.0.1", Port: server.port, TLS: ImplicitTLS, RootCAs: server.roots})
	require.NoError(t, s.Send(t.Context(), aMsg(t)), "sending it again would send it twice")
}

func TestSMTPSettings(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]SMTPConfig{
		"no host":           {},
		"other mode":        {Host: "mail.example.org", TLS: "ssl"},
		"password in clear": {Host: "mail.example.org", TLS: NoTLS, Username: "stage", Password: "correct horse"},
		"bad port":          {Host: "mail.example.org", Port: 70000},
	} {
		_, err := NewSMTP(cfg)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "correct horse")
	}
	for mode, want := range map[TLSMode]int{"": 587, StartTLS: 587, ImplicitTLS: 465, NoTLS: 25} {
		s, err := NewSMTP(SMTPConfig{Host: "mail.example.org", TLS: mode})
		require.NoError(t, err)
		require.Equal(t, net.JoinHostPort("mail.example.org", strconv.Itoa(want)), s.client.ServerAddr())
	}
}

func TestSendingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil) // a listener that accepts and says nothing
	t.Cleanup(server.Close)
	port := server.Listener.Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, newSMTP(t, SMTPConfig{Host: "127.0.0.1", Port: port}).Send(ctx, aMsg(t)))
}
