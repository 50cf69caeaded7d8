package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	html "html/template"
	"net/mail"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
)

// layout is the HTML around every mail.
var layout = html.Must(html.ParseFS(templates, "templates/layout.html"))

// view is what templates see: Data, and what the server knows.
type view struct {
	Data

	Instance string // name of this server
	Host     string // part of its address
	Base     string // its address
	Link     string // of the button
}

// page is what the layout sees.
type page struct {
	view

	Subject string
	Blocks  []block
}

// rendered is a mail in both its forms.
type rendered struct{ subject, text, html string }

// parseBase returns the address that links begin with.
func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil || (base.Scheme != "https" && base.Scheme != "http") || base.Host == "" || base.User != nil ||
		base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("the address of this server, which links in mails begin with, is not like https://live.example.org")
	}
	base.Path = strings.TrimRight(base.Path, "/")
	return base, nil
}

// isPath reports whether s is a place below the address of this server.
func isPath(s string) bool {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") ||
		strings.ContainsFunc(s, func(r rune) bool {
			return unicode.IsControl(r) || unicode.IsSpace(r) || r == '\\' || r > unicode.MaxASCII
		}) {
		return false
	}
	ref, err := url.Parse(s)
	return err == nil && ref.Scheme == "" && ref.Host == "" && ref.User == nil
}

// link returns the address of a path; empty for none.
func (w *Worker) link(path string) string {
	if path == "" {
		return ""
	}
	return w.base.String() + path
}

// compose returns the mail that e describes, ready to be sent.
func (w *Worker) compose(ctx context.Context, e envelope) (*gomail.Msg, error) {
	m := e.Message
	if err := m.check(); err != nil {
		return nil, err
	}
	instance := line(w.cfg.Instance(ctx), maxLine)
	r, err := w.render(m, instance)
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("part-"+e.ID))
	from := *w.from
	if from.Name == "" {
		from.Name = instance
	}
	msg.FromMailAddress(&from)
	msg.ToMailAddress(&mail.Address{Address: m.To})
	// Text that looks encoded would be decoded, whatever it hides. RFC 2047.
	msg.Subject(strings.ReplaceAll(r.subject, "=?", "= ?"))
	msg.SetDateWithValue(w.cfg.Now().UTC())
	_, domain, _ := strings.Cut(w.from.Address, "@")
	msg.SetMessageIDWithValue(e.ID + "@" + domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 5.1
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	if m.Data.Unsubscribe != "" {
		msg.SetListUnsubscribe(w.link(m.Data.Unsubscribe)) // RFC 2369 3.2
		if w.base.Scheme == "https" {
			msg.SetListUnsubscribePost() // RFC 8058 3.1
		}
	}
	msg.SetBodyString(gomail.TypeTextPlain, r.text)
	msg.AddAlternativeString(gomail.TypeTextHTML, r.html)
	return msg, nil
}

func (w *Worker) render(m Message, instance string) (rendered, error) {
	v := view{
		Data: m.Data.clean(), Instance: instance, Host: w.base.Host, Base: w.base.String(), Link: w.link(m.Data.Path),
	}
	v.Unsubscribe = w.link(m.Data.Unsubscribe)
	subject, blocks, err := letters[m.Template].fill(v)
	if err != nil {
		return rendered{}, err
	}
	var page bytes.Buffer
	if err := layout.Execute(&page, newPage(v, subject, blocks)); err != nil {
		return rendered{}, fmt.Errorf("mail: render: %w", err)
	}
	return rendered{subject: subject, text: plain(v, blocks), html: page.String()}, nil
}

func newPage(v view, subject string, blocks []block) page { return page{v, subject, blocks} }

// plain is the mail for those who read no HTML.
func plain(v view, blocks []block) string {
	var text strings.Builder
	for _, b := range blocks {
		if b.kind == button {
			text.WriteString(b.text + ":\n" + v.Link + "\n\n")
		} else {
			text.WriteString(wrap(b.text) + "\n\n")
		}
	}
	text.WriteString("-- \n" + v.Instance + "\n" + v.Base + "\n")
	if v.Unsubscribe != "" {
		text.WriteString("\nNo more reminders of this channel:\n" + v.Unsubscribe + "\n")
	}
	return text.String()
}

// wrap breaks s into lines of 72 characters.
func wrap(s string) string {
	var text strings.Builder
	width := 0
	for word := range strings.FieldsSeq(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case width == 0:
		case width+1+n > 72:
			text.WriteByte('\n')
			width = 0
		default:
			text.WriteByte(' ')
			width++
		}
		text.WriteString(word)
		width += n
	}
	return text.String()
}
