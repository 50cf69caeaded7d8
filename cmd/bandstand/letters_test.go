package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	smtpmock "github.com/mocktools/go-smtp-mock/v2"
	"github.com/stretchr/testify/require"
)

// postOffice is a mail server.
type postOffice struct{ *smtpmock.Server }

// openPostOffice runs a mail server until the test ends, and returns the settings
// with which mails go there.
func openPostOffice(t *testing.T) (p postOffice, settings []string) {
	t.Helper()
	p = postOffice{smtpmock.New(smtpmock.ConfigurationAttr{HostAddress: "127.0.0.1"})}
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Stop() })
	return p, []string{
		"BANDSTAND_MAIL_TRANSPORT=smtp", "BANDSTAND_MAIL_SMTP_HOST=127.0.0.1", "BANDSTAND_MAIL_SMTP_TLS=none",
		fmt.Sprintf("BANDSTAND_MAIL_SMTP_PORT=%d", p.PortNumber()),
	}
}

// letter is a mail that has arrived.
type letter struct{ subject, text, html string }

// to returns the mails that somebody got.
func (p postOffice) to(t *testing.T, address string) (letters []letter) {
	t.Helper()
	for _, m := range p.Messages() {
		if m.IsConsistent() && strings.Contains(fmt.Sprint(m.RcpttoRequestResponse()), "<"+address+">") {
			letters = append(letters, open(t, m.MsgRequest()))
		}
	}
	return letters
}

// brings waits for a mail to address whose subject holds words.
func (p postOffice) brings(t *testing.T, address, words string) (found letter) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		subjects := []string{}
		for _, l := range p.to(t, address) {
			if subjects = append(subjects, l.subject); strings.Contains(l.subject, words) {
				found = l
				return nil
			}
		}
		return fmt.Errorf("no mail with %q among %q", words, subjects)
	})
	return found
}

// open reads a mail as a mail program does.
func open(t *testing.T, raw string) (l letter) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	require.NoError(t, err)
	l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return l
		}
		require.NoError(t, err)
		var body io.Reader = part
		switch strings.ToLower(part.Header.Get("Content-Transfer-Encoding")) {
		case "quoted-printable":
			body = quotedprintable.NewReader(part)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, part)
		}
		text, err := io.ReadAll(body)
		require.NoError(t, err)
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			l.html = string(text)
		} else {
			l.text = string(text)
		}
	}
}

// link returns where the mail leads, which is below base, and the token that it brings.
func (l letter) link(t *testing.T, base string) (token string) {
	t.Helper()
	for _, text := range []string{l.text, l.html} {
		for _, address := range regexp.MustCompile(`https?://[^\s"<>]+`).FindAllString(text, -1) {
			require.True(t, strings.HasPrefix(address, base+"/") || address == base, "a link to %s", address)
			if _, found, ok := strings.Cut(address, "#token="); ok {
				token = found
			}
		}
	}
	require.NotEmpty(t, token, l.text)
	return token
}

func TestMailServersHearTheNameThatPeopleKnow(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://live.example.org":       "live.example.org",
		"https://live.example.org:8443/": "live.example.org",
		"http://192.0.2.7:8080":          "[192.0.2.7]",
		"http://[2001:db8::7]":           "[IPv6:2001:db8::7]",
		"http://localhost:8080":          "",
		"":                               "",
	} {
		require.Equal(t, want, helloOf(url), url)
	}
}

// TestMailsArriveAndLeadHere signs up, confirms, forgets a password and waits for a
// channel to begin, with a mail server of its own.
func TestMailsArriveAndLeadHere(t *testing.T) {
	t.Parallel()
	const base = "https://live.example.org"
	post, settings := openPostOffice(t)
	s := startServer(t, append(settings, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_PUBLIC_URL="+base)...)
	evil := []string{"Host", "evil.example", "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example"}
	asks := func(path string, in map[string]string) answer {
		t.Helper()
		return s.as(t, "", "POST", "/api/v1/auth/"+path, in, nil, evil...)
	}

	me := map[string]string{"username": "ada", "email": "ada@example.org", "password": password}
	require.Equal(t, http.StatusAccepted, asks("signup", me).code)
	confirm := map[string]string{"token": post.brings(t, "ada@example.org", "Confirm").link(t, base)}
	require.Equal(t, http.StatusNoContent, asks("confirm-email", confirm).code)
	require.GreaterOrEqual(t, asks("confirm-email", confirm).code, 400, "a link is good once")
	first := s.logsIn(t, "ada", password)

	require.Equal(t, http.StatusAccepted, asks("forgot-password", map[string]string{"login": "nobody@example.org"}).code)
	require.Equal(t, http.StatusAccepted, asks("forgot-password", map[string]string{"login": "ada"}).code)
	token := post.brings(t, "ada@example.org", "Choose a new password").link(t, base)
	chosen := map[string]string{"token": token, "password": "another horse battery"}
	require.Equal(t, http.StatusNoContent, asks("reset-password", chosen).code)
	require.Equal(t, http.StatusUnauthorized, asks("login", map[string]string{"login": "ada", "password": password}).code)
	require.Equal(t, http.StatusUnauthorized, s.as(t, first.Access, "GET", "/api/v1/me", nil, nil).code)
	ada := s.logsIn(t, "ada", "another horse battery").Access
	require.Empty(t, post.to(t, "nobody@example.org"))

	s.token = s.staff(t, "streamer", "user")
	key := s.channel("demo")
	s.does(t, ada, "PUT", "/api/v1/channels/demo/follow", map[string]bool{"notify": true}, nil)
	eve := s.staff(t, "eve", "user")
	s.does(t, eve, "PUT", "/api/v1/channels/demo/follow", map[string]bool{"notify": false}, nil)
	camera(t, s.RTMPURL(key))
	reminder := post.brings(t, "ada@example.org", "is live")
	require.Contains(t, reminder.text, base+"/c/demo")
	require.Contains(t, reminder.html, base+"/c/demo")
	require.Empty(t, post.to(t, "eve@example.org"), "she did not ask for any")
	for _, secret := range []string{token, confirm["token"], key} {
		require.NotContains(t, s.Log(), secret)
	}
}
