package mail

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

var (
	noon    = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	mailID  = "6a2f4c1e-0000-4000-8000-000000000001"
	example = Data{
		Name: "ada", Path: "/account/link#token=SECRET", Until: noon.Add(48 * time.Hour),
		Address: "ada@new.example.org", Reason: "Spam in <other> people's chats.",
		Channel: "Ada & Co", Title: "Engines <live> – “part 2”", Unsubscribe: "/off?token=a-_b&via=mail",
	}
)

func newSeal(t *testing.T) *Seal {
	t.Helper()
	seal, err := NewSeal([]byte(strings.Repeat("s", 32)))
	require.NoError(t, err)
	return seal
}

func newWorker(t *testing.T, change func(*WorkerConfig)) *Worker {
	t.Helper()
	cfg := WorkerConfig{
		Seal: newSeal(t), Sender: Disabled{}, BaseURL: "https://live.example.org/", From: "no-reply@example.org",
		Instance: func(context.Context) string { return "Ada’s Stage" },
		Now:      func() time.Time { return noon },
		Logger:   slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	if change != nil {
		change(&cfg)
	}
	w, err := NewWorker(cfg)
	require.NoError(t, err)
	return w
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

func TestMailsReadAsTheyShould(t *testing.T) {
	t.Parallel()
	w := newWorker(t, nil)
	for name := range letters {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			data := example
			if name != WentLive {
				data.Unsubscribe = ""
			}
			r, err := w.render(Message{To: "ada@example.org", Template: name, Data: data}, "Ada’s Stage")
			require.NoError(t, err)
			golden(t, string(name)+".txt", "Subject: "+r.subject+"\n\n"+r.text)
			golden(t, string(name)+".html", r.html)
			require.NotContains(t, r.html, "ZgotmplZ")
			for l := range strings.Lines(r.text) {
				if !strings.Contains(l, "https://") {
					require.LessOrEqual(t, len([]rune(l)), 73, l)
				}
			}
		})
	}
}

func TestDeletedByStaffOffersNoLink(t *testing.T) {
	t.Parallel()
	data := example
	data.Path = ""
	r, err := newWorker(t, nil).render(Message{Template: AccountDeleted, Data: data}, "Stage")
	require.NoError(t, err)
	require.Contains(t, r.text, "only they can restore it")
	require.NotContains(t, r.html, "Restore the account")
}

func TestWholeMail(t *testing.T) {
	t.Parallel()
	w := newWorker(t, nil)
	msg, err := w.compose(t.Context(), envelope{ID: mailID, Message: Message{To: "ada@example.org", Template: WentLive, Data: example}})
	require.NoError(t, err)
	var raw bytes.Buffer
	_, err = msg.WriteTo(&raw)
	require.NoError(t, err)
	golden(t, "whole.eml", strings.ReplaceAll(raw.String(), "\r\n", "\n"))

	parsed, err := mail.ReadMessage(&raw)
	require.NoError(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "Ada & Co is live: Engines <live> – “part 2”", subject)
	require.Equal(t, "<"+mailID+"@example.org>", parsed.Header.Get("Message-Id"))
	require.Equal(t, "auto-generated", parsed.Header.Get("Auto-Submitted"))
	require.Equal(t, "<https://live.example.org/off?token=a-_b&via=mail>", parsed.Header.Get("List-Unsubscribe"))
	require.Equal(t, "List-Unsubscribe=One-Click", parsed.Header.Get("List-Unsubscribe-Post"))
	from, err := parsed.Header.AddressList("From")
	require.NoError(t, err)
	require.Equal(t, []*mail.Address{{Name: "Ada’s Stage", Address: "no-reply@example.org"}}, from)
	sent, err := parsed.Header.Date()
	require.NoError(t, err)
	require.True(t, noon.Equal(sent))

	kinds := []string{}
	_, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	require.NoError(t, err)
	parts := multipart.NewReader(parsed.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		kinds = append(kinds, part.Header.Get("Content-Type"))
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(t, err)
		require.Contains(t, string(body), "https://live.example.org/account/link#token=SECRET")
	}
	require.Equal(t, []string{"text/plain; charset=UTF-8", "text/html; charset=UTF-8"}, kinds)
}

func TestNobodyWritesIntoHeaders(t *testing.T) {
	t.Parallel()
	evil := "Ada\r\nBcc: eve@example.org\r\n\r\n<b>hi</b>\x00\u202e"
	w := newWorker(t, func(cfg *WorkerConfig) {
		cfg.Instance = func(context.Context) string { return evil }
	})
	for name := range letters {
		m := Message{To: "ada@example.org", Template: name, Data: Data{
			Name: evil, Path: "/x", Address: evil, Reason: evil, Channel: evil, Title: strings.Repeat(evil, 30),
		}}
		msg, err := w.compose(t.Context(), envelope{ID: mailID, Message: m})
		require.NoError(t, err, name)
		var raw bytes.Buffer
		_, err = msg.WriteTo(&raw)
		require.NoError(t, err)
		parsed, err := mail.ReadMessage(&raw)
		require.NoError(t, err)
		names := []string{}
		for header := range parsed.Header {
			names = append(names, header)
		}
		require.ElementsMatch(t, []string{
			"From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type",
			"Auto-Submitted", "X-Auto-Response-Suppress",
		}, names, name)
		subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
		require.NoError(t, err)
		require.NotContains(t, subject, "\n")
		require.LessOrEqual(t, len([]rune(subject)), maxSubject)
		r, err := w.render(m, evil)
		require.NoError(t, err)
		require.NotContains(t, r.html, "<b>", name)
	}
}

func TestWhatLooksEncodedIsShownAsItIs(t *testing.T) {
	t.Parallel()
	data := example
	data.Channel, data.Title = "Ada", "=?utf-8?q?Your_password=0D=0ABcc:_=E2=80=AEeve?="
	w := newWorker(t, nil)
	msg, err := w.compose(t.Context(), envelope{ID: mailID, Message: Message{To: "ada@example.org", Template: WentLive, Data: data}})
	require.NoError(t, err)
	var raw bytes.Buffer
	_, err = msg.WriteTo(&raw)
	require.NoError(t, err)
	parsed, err := mail.ReadMessage(&raw)
	require.NoError(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "Ada is live: = ?utf-8?q?Your_password=0D=0ABcc:_=E2=80=AEeve?=", subject)
}

func TestMailsThatAreNotMade(t *testing.T) {
	t.Parallel()
	good := Message{To: "ada@example.org", Template: ResetPassword, Data: Data{Name: "ada", Path: "/reset#token=x"}}
	require.NoError(t, good.check())
	for name, change := range map[string]func(*Message){
		"other template":     func(m *Message) { m.Template = "../layout" },
		"no template":        func(m *Message) { m.Template = "" },
		"two recipients":     func(m *Message) { m.To = "ada@example.org, eve@example.org" },
		"recipient and line": func(m *Message) { m.To = "ada@example.org\r\nBcc: eve@example.org" },
		"recipient by name":  func(m *Message) { m.To = "Ada <ada@example.org>" },
		"no link":            func(m *Message) { m.Data.Path = "" },
		"other host":         func(m *Message) { m.Data.Path = "//evil.example/x" },
		"whole address":      func(m *Message) { m.Data.Path = "https://evil.example/x" },
		"backslash":          func(m *Message) { m.Data.Path = `/\evil.example` },
		"link with a line":   func(m *Message) { m.Data.Path = "/x\r\n" },
		"script":             func(m *Message) { m.Data.Path = "javascript:alert(1)" },
		"user of the host":   func(m *Message) { m.Data.Path = "@evil.example/" },
		"bad unsubscribe":    func(m *Message) { m.Data.Unsubscribe = "mailto:eve@example.org" },
		"unsubscribe > end":  func(m *Message) { m.Data.Unsubscribe = "/x> <https://evil.example/" },
	} {
		m := good
		change(&m)
		require.Error(t, m.check(), name)
	}
}

func TestWorkerNeedsItsParts(t *testing.T) {
	t.Parallel()
	_, err := NewWorker(WorkerConfig{})
	require.Error(t, err)
	for _, base := range []string{"", "live.example.org", "ftp://x", "https://", "https://a@b/", "https://x/?q=1", "https://x/#y"} {
		_, err := parseBase(base)
		require.Error(t, err, base)
	}
	base, err := parseBase("http://localhost:8080/stage/")
	require.NoError(t, err)
	require.Equal(t, "http://localhost:8080/stage", base.String())
}
