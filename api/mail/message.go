package mail

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Template names a mail. What it says is in the folder templates.
type Template string

// The mails there are, with the fields of Data that each shows beside Name.
const (
	ConfirmEmail      Template = "confirm_email"       // Path, Until
	ChangeEmail       Template = "change_email"        // Path, Until; to the new address
	ChangeEmailNotice Template = "change_email_notice" // Address, the new one, and Path to recover the account; to the old one
	SignupExists      Template = "signup_exists"       // Path to recover the password; Until if the account is deleted and can be restored
	ResetPassword     Template = "reset_password"      // Path, Until
	PasswordChanged   Template = "password_changed"    // Path to recover the account
	AccountCreated    Template = "account_created"     // Path to choose a password, Until; made by an admin
	AccountDeleted    Template = "account_deleted"     // Path to restore it, Until
	AccountRestored   Template = "account_restored"    //
	Suspended         Template = "suspended"           // Reason
	Invite            Template = "invite"              // Path, Until; nobody by name
	WentLive          Template = "went_live"           // Channel, Title, Path to watch, Unsubscribe
)

// Message is one mail to one person.
type Message struct {
	To       string    `json:"to"` // one bare address; empty for nobody, see Outbox.Queue
	Template Template  `json:"template"`
	Data     Data      `json:"data"`
	Until    time.Time `json:"until,omitzero"` // after it the mail is not worth sending; zero for never
}

// Data is what a template may show. Texts become one line each; paths begin with /
// and are below the configured address of this server.
type Data struct {
	Name        string    `json:"name,omitempty"` // username
	Path        string    `json:"path,omitempty"` // of the button, with its token
	Until       time.Time `json:"until,omitzero"` // how long the link works
	Address     string    `json:"address,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Channel     string    `json:"channel,omitempty"`
	Title       string    `json:"title,omitempty"`
	Unsubscribe string    `json:"unsubscribe,omitempty"` // path of a page; a POST there does it, RFC 8058
}

const (
	maxLine    = 200  // characters of a text in a mail
	maxReason  = 1000 // characters
	maxSubject = 150  // characters
)

// clean returns d with its texts fit to be shown.
func (d Data) clean() Data {
	for _, text := range []*string{&d.Name, &d.Address, &d.Channel, &d.Title} {
		*text = line(*text, maxLine)
	}
	d.Reason = line(d.Reason, maxReason)
	return d
}

// line returns s as one line of at most so many characters, without those that
// steer, turn the direction of writing or cannot be seen.
func line(s string, most int) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return ' '
		case r == '\u200c', r == '\u200d': // joiners of emoji and of some scripts
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, norm.NFC.String(s))
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most-1]) + "…"
	}
	return s
}

// isAddress reports whether s is one bare address that a mail can be sent to.
func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && !strings.ContainsFunc(s, unicode.IsControl)
}

// check says what is wrong with m before it is queued.
func (m Message) check() error {
	l, ok := letters[m.Template]
	switch {
	case !ok:
		return errors.New("mail: there is no such template")
	case m.To != "" && !isAddress(m.To):
		return fmt.Errorf("mail: %s: the recipient is not an address", m.Template)
	case m.Data.Path != "" && !isPath(m.Data.Path):
		return fmt.Errorf("mail: %s: the link is not a path of this server", m.Template)
	case m.Data.Unsubscribe != "" && !isPath(m.Data.Unsubscribe):
		return fmt.Errorf("mail: %s: the link to unsubscribe is not a path of this server", m.Template)
	}
	_, blocks, err := l.fill(view{Data: m.Data})
	if err == nil && m.Data.Path == "" && slices.ContainsFunc(blocks, block.Button) {
		err = fmt.Errorf("mail: %s: the link is missing", m.Template)
	}
	return err
}
