package mail

import (
	"context"
	"errors"
	"fmt"

	gomail "github.com/wneessen/go-mail"
)

// Sender hands a finished mail on.
type Sender interface {
	// Send delivers one mail. A *RefusedError means that it is no use to try again;
	// any other error that it may work later. No error holds an address.
	Send(ctx context.Context, msg *gomail.Msg) error
}

// RefusedError is a mail server's refusal for good.
type RefusedError struct {
	Code     int    // of SMTP: 5xx. RFC 5321 4.2.1
	Enhanced string // such as 5.1.1, if the server said so. RFC 3463
	Stage    string // of the conversation
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Code == 0 {
		return "mail: refused: " + e.Stage
	}
	return fmt.Sprintf("mail: the server refuses for good, with %d %s, while %s", e.Code, e.Enhanced, e.Stage)
}

// Disabled sends nothing: what is queued is given up.
type Disabled struct{}

// Send implements Sender.
func (Disabled) Send(context.Context, *gomail.Msg) error {
	return &RefusedError{Stage: "sending is turned off"}
}

// errorOf returns what err says, without the addresses in it.
func errorOf(err error) error {
	failed, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return fmt.Errorf("mail: connect: %w", err)
	}
	code, stage := failed.ErrorCode(), failed.Reason.String()
	if code >= 500 && !isAuthentication(code) {
		return &RefusedError{Code: code, Enhanced: failed.EnhancedStatusCode(), Stage: stage}
	}
	return fmt.Errorf("mail: broken off with %d %s, while %s", code, failed.EnhancedStatusCode(), stage)
}

// isAuthentication reports whether a code is about who we are, and not about the
// mail: whoever runs this server can mend that. RFC 4954 6.
func isAuthentication(code int) bool { return code == 530 || code == 534 || code == 535 || code == 538 }
