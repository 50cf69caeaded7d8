package realtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/centrifugal/centrifuge"

	"bandstand/api/rest"
	"bandstand/storage/db"
)

// Why a socket is closed by this program. Codes of centrifuge are below 4000. Clients
// come back after 4000 to 4499, and not by themselves after 4500 to 4999. A number is
// never used for anything else.
var (
	closeSignedOut = centrifuge.Disconnect{Code: 4500, Reason: "signed out"}       // the login was ended, the token revoked, or the account closed
	closeBanned    = centrifuge.Disconnect{Code: 4501, Reason: "banned"}           // the address
	closeFlooding  = centrifuge.Disconnect{Code: 4502, Reason: "flooding"}         // far too many commands
	closeOther     = centrifuge.Disconnect{Code: 4503, Reason: "token of another"} // refreshed with a token of somebody else
)

// Why a subscription is ended by this program. Clients subscribe again after 2500 and
// above, and not by themselves below.
var (
	endNoAccess = centrifuge.Unsubscribe{Code: 2000, Reason: "no access"} // any more: the channel has become private, was renamed or is gone, or the person was expelled
)

var (
	errTooMany     = rest.TooMany("too_many_requests", "too many requests, wait a moment")
	errNotFound    = rest.NotFound("not_found", "there is no such thing")
	errBusy        = rest.Unavailable("busy", "the server is too busy, try again")
	errUnavailable = rest.Unavailable("unavailable", "the server cannot reach its database, try again")
)

// errorOf returns err as clients of the socket get it: the status of an outcome as in
// HTTP, and as message its code. After a space there may be retry_after= and whole
// seconds. What is not an outcome is logged, and told as status 500.
func (n *Node) errorOf(ctx context.Context, err error) *centrifuge.Error {
	o := outcomeOf(err)
	if o == nil {
		n.cfg.Logger.ErrorContext(ctx, "a call over the socket failed", "err", err)
		return &centrifuge.Error{Code: 500, Message: "internal_server_error", Temporary: true}
	}
	e := &centrifuge.Error{Code: uint32(min(max(400, o.Status), 599)), Message: o.Code} //nolint:gosec // in the range of a status
	if after := rest.RetryAfter(err); after > 0 {
		e.Message += fmt.Sprintf(" retry_after=%d", int(math.Ceil(after.Seconds())))
	}
	e.Temporary = o.Status == 429 || o.Status >= 500
	return e
}

// outcomeOf returns what err is to the client; nil if it is an internal error.
func outcomeOf(err error) *rest.Outcome {
	if o, ok := errors.AsType[*rest.Outcome](err); ok {
		return o
	}
	switch {
	case errors.Is(err, db.ErrNotFound):
		return errNotFound
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return errBusy
	case db.IsUnavailable(err):
		return errUnavailable
	}
	return nil
}

// inboxFor is how long a person who lost the connection can catch up.
const inboxFor = 5 * time.Minute
