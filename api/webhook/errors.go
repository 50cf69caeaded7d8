package webhook

import (
	"bandstand/api/auth"
	"bandstand/api/rest"
)

// Outcomes that callers tell apart.
var (
	ErrNotFound         = rest.NotFound("webhook_not_found", "there is no such webhook")
	ErrDeliveryNotFound = rest.NotFound("delivery_not_found", "there is no such delivery")
	ErrTooMany          = rest.Conflict("too_many_webhooks", "this channel has as many webhooks as it may")
	ErrPending          = rest.Conflict("delivery_pending", "this delivery is still under way")
	ErrBadURL           = rest.Invalid("bad_url", "a webhook goes to an http or https URL with a host, without credentials or fragment, at port 80, 443 or one from 1024 on")
	ErrInternalURL      = rest.Invalid("internal_url", "a webhook cannot go to an address that is not of the internet")
	ErrBadEvents        = rest.Invalid("bad_events", "a webhook is told of one or more of the known events, each named once")
	errChannelNotFound  = auth.ErrChannelNotFound
)
