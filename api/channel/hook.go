package channel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/url"
	"strings"
)

// maxHookBytes bounds the body of a hook.
const maxHookBytes = 16 << 10

// hook is what another server tells of somebody who wants to publish there.
type hook struct {
	name string // of the stream
	key  string // given beside the name; "" if the name is the key
}

// parseHook reads the hook on_publish of nginx-rtmp, which is a form, or of SRS, which
// is JSON. The failures are ErrHookType and ErrBadHook.
func parseHook(contentType string, body []byte) (hook, error) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return hook{}, ErrHookType
	}
	switch media {
	case "application/x-www-form-urlencoded":
		return parseForm(body)
	case "application/json":
		return parseSRS(body)
	}
	return hook{}, ErrHookType
}

// parseForm reads the form of nginx-rtmp: call, app, name, addr and others, and what
// the publisher wrote behind the name: rtmp://host/app/name?key=….
func parseForm(body []byte) (hook, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return hook{}, ErrBadHook
	}
	if call := form.Get("call"); call != "" && call != "publish" {
		return hook{}, ErrBadHook
	}
	// The first of several is what nginx-rtmp says itself.
	return hookOf(form.Get("name"), form.Get("key"))
}

// parseSRS reads the hook of SRS: param is what the publisher wrote behind the stream.
func parseSRS(body []byte) (hook, error) {
	var srs struct {
		Action string `json:"action"`
		Stream string `json:"stream"`
		Param  string `json:"param"`
	}
	doc := json.NewDecoder(bytes.NewReader(body)) // other fields come with every version
	if err := doc.Decode(&srs); err != nil || srs.Action != "on_publish" {
		return hook{}, ErrBadHook
	}
	if _, err := doc.Token(); !errors.Is(err, io.EOF) {
		return hook{}, ErrBadHook
	}
	param, err := url.ParseQuery(strings.TrimPrefix(srs.Param, "?"))
	if err != nil {
		return hook{}, ErrBadHook
	}
	return hookOf(srs.Stream, param.Get("key"))
}

func hookOf(name, key string) (hook, error) {
	if name == "" || !isText(name) || !isText(key) {
		return hook{}, ErrBadHook
	}
	return hook{name: name, key: key}, nil
}

// OnPublish says whether another server may let somebody publish: with a stream key
// for the name of the stream or, where viewers see that name, with the address of the
// channel for the name and ?key= behind it. Anything else is ErrNotPublished.
func (s *Service) OnPublish(ctx context.Context, contentType string, body []byte) error {
	h, err := parseHook(contentType, body)
	if err != nil {
		return err
	}
	key := h.key
	if key == "" {
		key = h.name
	}
	grant, err := s.Authorize(ctx, key)
	switch {
	case errors.Is(err, ErrUnknownKey):
		return ErrNotPublished
	case err != nil:
		return err
	case h.key != "" && grant.Slug != h.name:
		return ErrNotPublished
	}
	return nil
}
