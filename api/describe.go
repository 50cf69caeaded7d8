package api

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/idempotency"
)

// describe completes doc with what holds for all operations alike: who may call them,
// how they fail, which headers their replies have, and an example of each body. An
// operation without a rule is an error: nobody could call it.
func describe(doc *huma.OpenAPI) error {
	d := &describer{doc, newExamples(doc.Components.Schemas)}
	d.describeHeaders()
	d.describeFailures()
	var errs []error
	used := map[string]bool{}
	for path, item := range doc.Paths {
		for _, op := range operationsOf(item) {
			rule, ok := auth.RuleOf(op.OperationID)
			if !ok {
				errs = append(errs, fmt.Errorf("the operation %s at %s has no rule in the table of permissions", op.OperationID, path))
				continue
			}
			d.describeOperation(op, rule)
			for _, tag := range op.Tags {
				used[tag] = true
			}
		}
	}
	for _, tag := range tags {
		if used[tag.Name] {
			doc.Tags = append(doc.Tags, tag)
		}
	}
	return errors.Join(errs...)
}

// operationsOf returns the operations at one path.
func operationsOf(item *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{}
	for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
		if op != nil {
			all = append(all, op)
		}
	}
	return all
}

type describer struct {
	doc      *huma.OpenAPI
	examples *examples
}

// headers that many replies have.
var headers = map[string]struct{ about, example string }{
	"X-Request-Id":        {"Id of the request, as in the log of the server.", "RW3GS7GUK4SMNQZJFYBHH2GXPC"},
	"Retry-After":         {"Seconds after which to ask again.", "2"},
	"RateLimit-Policy":    {"Policies that the request counts for: q requests in w seconds. draft-ietf-httpapi-ratelimit-headers.", `"writes";q=600;w=60`},
	"RateLimit":           {"Where the client stands with each policy: r requests are left for t seconds.", `"writes";r=599;t=60`},
	"RateLimit-Limit":     {"Requests a minute, of the policy with the least left.", "600"},
	"RateLimit-Remaining": {"Requests left of it.", "599"},
	"RateLimit-Reset":     {"Seconds until it begins anew.", "60"},
	idempotency.Replayed:  {"true if this reply was given before, to a request with the same Idempotency-Key.", "true"},
	"WWW-Authenticate":    {"How to prove who is asking. RFC 6750.", `Bearer realm="bandstand"`},
}

var limitHeaders = []string{"RateLimit-Policy", "RateLimit", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}

func (d *describer) describeHeaders() {
	d.doc.Components.Headers = map[string]*huma.Header{}
	for name, h := range headers {
		schema := &huma.Schema{Type: huma.TypeString, Examples: []any{h.example}}
		d.doc.Components.Headers[name] = &huma.Header{Description: h.about, Schema: schema}
	}
}

// withHeaders adds headers of the list above to a response.
func withHeaders(r *huma.Response, names ...string) {
	if r.Headers == nil {
		r.Headers = map[string]*huma.Param{}
	}
	for _, name := range names {
		r.Headers[name] = &huma.Param{Ref: "#/components/headers/" + name}
	}
}

// failures are the ways for operations to fail, by status.
var failures = map[int]struct {
	name, about string
	code        string // of the example
	headers     []string
}{
	400: {"BadRequest", "The request cannot be understood.", "malformed_json", nil},
	401: {"Unauthorized", "Who is asking is not proved.", "unauthorized", []string{"WWW-Authenticate"}},
	403: {"Forbidden", "Whoever is asking may not do this, or not from where the request comes.", "forbidden", []string{"Retry-After", "WWW-Authenticate"}},
	404: {"NotFound", "There is no such thing, or none that whoever is asking may see.", "not_found", nil},
	408: {"RequestTimeout", "The body came too slowly.", "request_timeout", nil},
	409: {"Conflict", "Not as things stand.", "slug_taken", []string{"Retry-After"}},
	410: {"Gone", "It was there once.", "gone", nil},
	412: {"PreconditionFailed", "There is a newer version than If-Match names.", "changed", nil},
	413: {"RequestTooLarge", "The body is too large.", "request_entity_too_large", nil},
	415: {"UnsupportedMediaType", "The body is not of a type that is taken here.", "unsupported_media_type", nil},
	422: {"Unprocessable", "The request is understood, and against the rules. Problem.errors says where.", "unprocessable_entity", nil},
	429: {"TooManyRequests", "Too many requests, of this address or this person.", "too_many_requests", append([]string{"Retry-After"}, limitHeaders...)},
	500: {"InternalError", "A failure of the server, which its log tells of.", "internal_server_error", nil},
	503: {"Unavailable", "The server is too busy, or cannot reach what it needs. Nothing was changed.", "unavailable", []string{"Retry-After"}},
}

func (d *describer) describeFailures() {
	d.doc.Components.Responses = map[string]*huma.Response{}
	for status, f := range failures {
		p := newProblem(status, f.code, f.about)
		p.Instance = headers["X-Request-Id"].example
		r := &huma.Response{
			Description: f.about,
			Content: map[string]*huma.MediaType{problemType: {
				Schema:  &huma.Schema{Ref: "#/components/schemas/Problem"},
				Example: p,
			}},
		}
		withHeaders(r, append([]string{"X-Request-Id"}, f.headers...)...)
		d.doc.Components.Responses[f.name] = r
	}
}

func (d *describer) describeOperation(op *huma.Operation, rule auth.Rule) {
	op.Security = rule.Security()
	if op.Description != "" {
		op.Description += "\n\n"
	}
	op.Description += "For " + rule.String() + "."

	counted := isCounted(op)
	replayed := op.Method == http.MethodPost && !rule.Everyone
	if replayed {
		op.Parameters = append(op.Parameters, idempotencyKey)
	}
	for status, r := range op.Responses {
		if status == "default" || status >= "400" || r.Content[problemType] != nil {
			continue
		}
		withHeaders(r, "X-Request-Id")
		if counted {
			withHeaders(r, limitHeaders...)
		}
		if replayed {
			withHeaders(r, idempotency.Replayed)
		}
		d.examples.addTo(r.Content)
	}
	if op.RequestBody != nil {
		d.examples.addTo(op.RequestBody.Content)
	}
	for _, status := range failuresOf(op, rule, counted) {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + failures[status].name}
	}
	delete(op.Responses, "default")
}

// isCounted reports whether requests for op count against a limit.
func isCounted(op *huma.Operation) bool {
	return !isRead(op.Method) || slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == "q" })
}

// failuresOf returns how op can fail: as its feature says, and as every operation of
// its kind can.
func failuresOf(op *huma.Operation, rule auth.Rule, counted bool) []int {
	can := map[int]bool{400: true, 403: true, 500: true, 503: true}
	for status, r := range op.Responses {
		if n, err := strconv.Atoi(status); err == nil && n >= 400 && r.Content[problemType] != nil {
			can[n] = true
		}
	}
	if !rule.Everyone || rule.Viewers {
		can[401] = true
	}
	if counted {
		can[429] = true
	}
	if len(op.Parameters) > 0 || op.RequestBody != nil {
		can[422] = true
	}
	for _, p := range op.Parameters {
		switch {
		case p.In == "path":
			can[404] = true
		case p == idempotencyKey:
			can[409] = true
		case p.In == "header" && p.Name == "If-Match":
			can[412] = true
		}
	}
	if op.RequestBody != nil {
		can[408], can[413], can[415] = true, true, true
	}
	known := slices.Sorted(maps.Keys(can))
	return slices.DeleteFunc(known, func(status int) bool { return failures[status].name == "" })
}

var idempotencyKeyLength = struct{ least, most int }{1, 255}

// idempotencyKey is the parameter of operations that can safely be asked for again.
var idempotencyKey = &huma.Param{
	Name: idempotency.Header, In: "header",
	Description: "Makes it safe to send the request again: one with the same key and the same content is served once, " +
		"and its reply given again for 24 hours. Make a new random one for each thing to be done.",
	Schema: &huma.Schema{
		Type: huma.TypeString, MinLength: &idempotencyKeyLength.least, MaxLength: &idempotencyKeyLength.most,
		Examples: []any{"8e03978e-40d5-43dd-bc93-6894a57f9324"},
	},
}

// tags are the chapters of the document.
var tags = []*huma.Tag{
	{Name: "Instance", Description: "This server."},
	{Name: "Accounts", Description: "Signing up, logging in and out, lost passwords, signed-in devices, and tokens for programs."},
	{Name: "Me", Description: "One's own profile, password and address."},
	{Name: "People", Description: "What everyone can see of a person."},
	{Name: "Channels", Description: "Lasting places with an owner, to find and to set up."},
	{Name: "Members", Description: "Who helps to run a channel, and who may watch a private one."},
	{Name: "Stream keys", Description: "The secrets with which programs such as OBS go on air."},
	{Name: "Playback", Description: "Addresses at which private channels can be watched for a while."},
	{Name: "Followers", Description: "Following, and liking."},
	{Name: "On air", Description: "The publisher's session that is live now."},
	{Name: "Broadcasts", Description: "Airings: planned, live, and past."},
	{Name: "Chat", Description: "What people write beside a channel, and beside its recordings."},
	{Name: "Friends", Description: "Who knows whom: requests, friends with whether they are online, blocks, and what one shows of oneself."},
	{Name: "Inbox", Description: "What people have yet to see: requests, mentions, invitations, missed calls, channels on air."},
	{Name: "Calls", Description: "Calls that were made and missed, and the servers by which browsers find a way to each other. Calls themselves are made over the WebSocket."},
	{Name: "Moderation", Description: "What a chat allows, who may not write there, and what moderators did."},
	{Name: "Emotes", Description: "Pictures that stand for words between colons in chats."},
	{Name: "Images", Description: "Avatars, banners, thumbnails and the pictures of emotes."},
	{Name: "Parties", Description: "Watching the same thing at the same time, with others. What plays is changed over the socket."},
	{Name: "Webhooks", Description: "Programs that are called when something happens on a channel."},
	{Name: "Admin", Description: "For those who run this server."},
	{Name: "Admin: people", Description: "Accounts, for those who run this server."},
	{Name: "Admin: invites", Description: "Codes with which people may sign up."},
	{Name: "Ingest nodes", Description: "For nodes that take publishers, and for other servers that ask about stream keys."},
}
