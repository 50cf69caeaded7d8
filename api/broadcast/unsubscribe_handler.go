package broadcast

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// unsubscribePath is where mails have their readers take back reminders.
const unsubscribePath = "/api/v1/reminders/unsubscribe"

// Pages for people who come from a mail. Only the button changes anything: programs
// open links in mails before people do.
const (
	unsubscribePage = pageHead + `<h1>No more reminders?</h1>
<p>You will get no more mails when this channel goes on air. If you follow it, you still do.</p>
<form method="post"><button name="List-Unsubscribe" value="One-Click">No more reminders of this channel</button></form>
` + pageFoot
	unsubscribedPage = pageHead + `<h1>No more reminders</h1>
<p>You will get no more mails when this channel goes on air. You can change this on its page.</p>
` + pageFoot

	pageHead = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Reminders</title>
</head>
<body>
<main>
`
	pageFoot = `</main>
</body>
</html>
`
)

func (h *handler) registerUnsubscribe(api huma.API) {
	tags := []string{"Broadcasts"}
	page := map[string]*huma.MediaType{"text/html": {Schema: &huma.Schema{Type: huma.TypeString}}}
	form := &huma.MediaType{Schema: &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true,
		Properties: map[string]*huma.Schema{
			"List-Unsubscribe": {Type: huma.TypeString, Description: "What mail programs send; it is not looked at.", Examples: []any{"One-Click"}},
		},
	}}
	body := &huma.RequestBody{}
	huma.Register(api, huma.Operation{
		OperationID: "unsubscribe", Method: http.MethodPost, Path: unsubscribePath,
		Summary: "Take back all reminders of a channel, by the token from a mail", Tags: tags,
		Description:   "For the button of mail programs, RFC 8058. Nobody needs to be signed in. Whoever follows the channel still does.",
		RequestBody:   body,
		DefaultStatus: http.StatusNoContent,
		Responses: map[string]*huma.Response{
			"200": {Description: "Done. A page for browsers, which ask for text/html.", Content: page},
			"204": {Description: "Done, also if there were none."},
		},
		Errors: []int{http.StatusBadRequest, http.StatusTooManyRequests},
	}, h.unsubscribe)
	// Not before: huma would read the body.
	body.Content = map[string]*huma.MediaType{"application/x-www-form-urlencoded": form, "multipart/form-data": form}
	huma.Register(api, huma.Operation{
		OperationID: "unsubscribe-page", Method: http.MethodGet, Path: unsubscribePath,
		Summary: "Get a page with a button to take back all reminders of a channel", Tags: tags,
		Responses: map[string]*huma.Response{"200": {Description: "The page. To get it changes nothing.", Content: page}},
		Errors:    []int{http.StatusBadRequest},
	}, h.unsubscribePage)
}

type unsubscribePageInput struct {
	Token string `query:"token" required:"true" maxLength:"200" doc:"From the mail." example:"AZLwwSt-fF2aTj8dLFtqcAGS8MErfnxdmk4_HSxbanDh0N2v…"`
}

type unsubscribeInput struct {
	Accept string `header:"Accept" hidden:"true"`
	Token  string `query:"token" required:"true" maxLength:"200" doc:"From the mail." example:"AZLwwSt-fF2aTj8dLFtqcAGS8MErfnxdmk4_HSxbanDh0N2v…"`
}

type unsubscribeOutput struct {
	Status      int
	ContentType string `header:"Content-Type"`
	// With no-referrer browsers hide where the form is sent from, also from us.
	ReferrerPolicy string `header:"Referrer-Policy"`
	Body           []byte
}

func htmlOf(text string) *unsubscribeOutput {
	return &unsubscribeOutput{
		Status: http.StatusOK, ContentType: "text/html; charset=utf-8", ReferrerPolicy: "same-origin", Body: []byte(text),
	}
}

// unsubscribe handles POST /api/v1/reminders/unsubscribe.
func (h *handler) unsubscribe(ctx context.Context, in *unsubscribeInput) (*unsubscribeOutput, error) {
	if err := h.broadcasts.Unsubscribe(ctx, in.Token); err != nil {
		return nil, err
	}
	if !strings.Contains(in.Accept, "text/html") {
		return &unsubscribeOutput{Status: http.StatusNoContent}, nil
	}
	return htmlOf(unsubscribedPage), nil
}

// unsubscribePage handles GET /api/v1/reminders/unsubscribe.
func (h *handler) unsubscribePage(_ context.Context, in *unsubscribePageInput) (*unsubscribeOutput, error) {
	if err := h.broadcasts.CheckUnsubscribe(in.Token); err != nil {
		return nil, err
	}
	return htmlOf(unsubscribePage), nil
}
