package rtmp

import (
	"net/url"
	"strings"
)

// streamKey finds the stream key in what the client connects to and publishes. It
// is the value of key= or token= behind a question mark in the stream name, the app
// or the address; else the stream name; else what the app has behind its name. The
// rest of the stream name is then a label of no meaning.
func streamKey(app, tcURL, name string) (appName, key string) {
	name, query, _ := strings.Cut(strings.TrimSpace(name), "?")
	name = strings.Trim(name, "/ ")
	app, appQuery, _ := strings.Cut(strings.TrimSpace(app), "?")
	app = strings.Trim(app, "/ ")
	_, urlQuery, _ := strings.Cut(tcURL, "?")
	for _, q := range []string{query, appQuery, urlQuery} {
		if key := keyIn(q); key != "" {
			return app, key
		}
	}
	if name != "" {
		return app, name
	}
	app, key, _ = strings.Cut(app, "/")
	return app, strings.Trim(key, "/ ")
}

func keyIn(query string) string {
	values, err := url.ParseQuery(query)
	if err != nil && len(values) == 0 {
		return ""
	}
	if key := values.Get("key"); key != "" {
		return strings.TrimSpace(key)
	}
	return strings.TrimSpace(values.Get("token"))
}
