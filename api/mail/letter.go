package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"
)

// templates holds a file for each Template. Its first line is the subject. Blocks
// with empty lines between them follow: a paragraph; "=> LABEL" for a button that
// leads to Data.Path; "~ TEXT" for small print. A block that says nothing is left
// out. What is shown in a block stays in it: blocks are told apart before.
//
//go:embed templates
var templates embed.FS

// letters are the templates, ready to be filled in. They are never changed.
var letters = loadLetters()

type kind int

const (
	paragraph kind = iota
	button
	smallPrint
)

// letter is a template, taken apart.
type letter struct {
	subject *template.Template
	blocks  []letterBlock
}

type letterBlock struct {
	kind kind
	text *template.Template
}

// block is a part of a mail, filled in.
type block struct {
	kind kind
	text string
}

// Button tells the HTML layout how to show b.
func (b block) Button() bool { return b.kind == button }

// SmallPrint tells the HTML layout how to show b.
func (b block) SmallPrint() bool { return b.kind == smallPrint }

// Text is what the HTML layout shows.
func (b block) Text() string { return b.text }

func loadLetters() map[Template]letter {
	all := map[Template]letter{}
	for _, name := range []Template{
		ConfirmEmail, ChangeEmail, ChangeEmailNotice, SignupExists, ResetPassword, PasswordChanged,
		AccountCreated, AccountDeleted, AccountRestored, Suspended, Invite, WentLive,
	} {
		source, err := templates.ReadFile("templates/" + string(name) + ".txt")
		if err != nil {
			panic(err) // the program was built without it
		}
		all[name] = parseLetter(string(name), string(source))
	}
	return all
}

func parseLetter(name, source string) letter {
	parse := func(text string) *template.Template {
		text = strings.Join(strings.Fields(text), " ")
		return template.Must(template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"date": date}).Parse(text))
	}
	subject, body, _ := strings.Cut(source, "\n")
	l := letter{subject: parse(subject)}
	for text := range strings.SplitSeq(body, "\n\n") {
		b := letterBlock{kind: paragraph}
		text = strings.TrimSpace(text)
		if label, ok := strings.CutPrefix(text, "=> "); ok {
			b.kind, text = button, label
		} else if small, ok := strings.CutPrefix(text, "~ "); ok {
			b.kind, text = smallPrint, small
		}
		if text != "" {
			b.text = parse(text)
			l.blocks = append(l.blocks, b)
		}
	}
	return l
}

// fill returns the subject and the blocks of l about v.
func (l letter) fill(v view) (subject string, blocks []block, err error) {
	fill := func(t *template.Template) string {
		var text bytes.Buffer
		err = errors.Join(err, t.Execute(&text, v))
		return strings.TrimSpace(text.String())
	}
	subject = line(fill(l.subject), maxSubject)
	for _, b := range l.blocks {
		if text := fill(b.text); text != "" {
			blocks = append(blocks, block{b.kind, text})
		}
	}
	if err != nil {
		return "", nil, fmt.Errorf("mail: fill a template in: %w", err)
	}
	return subject, blocks, nil
}

// date shows an instant to people who may be anywhere.
func date(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
