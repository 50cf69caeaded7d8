package web

import (
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed plain.css
var plainCSS string

// plainPage is what a binary without a client shows. It has no script; its style is a file of ours.
var plainPage = template.Must(template.New("plain").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.Title}} · Bandstand</title>
<link rel="stylesheet" href="/plain.css">
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{- if .Missing}}
<p>This address leads to no page.</p>
{{- else if .Channel}}
<p>Open this address in a player that knows HLS, such as VLC, mpv or Safari:</p>
<p><a href="{{.Playlist}}"><code>{{.Playlist}}</code></a></p>
{{- else}}
<p>The server is running. A channel plays in any player that knows HLS, such as VLC, mpv or Safari, at</p>
<p><code>/live/channel-name/index.m3u8</code></p>
{{- end}}
<p class="note">This Bandstand was built without its web client. <code>./scripts/build</code> builds both.</p>
</main>
</body>
</html>
`))

// plainView is what plainPage shows.
type plainView struct {
	Title    string
	Channel  string
	Playlist string // path of the channel's multivariant playlist
	Missing  bool
}

// servePlain answers for a binary without a client.
func (h *handler) servePlain(w http.ResponseWriter, r *http.Request, isPage bool) {
	header := w.Header()
	header.Set("Cache-Control", "no-cache")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'self'")
	if r.URL.Path == "/plain.css" {
		send(w, r, asset{contentType: contentTypes[".css"], body: []byte(plainCSS), etag: etag([]byte(plainCSS))})
		return
	}
	view := plainView{Title: "Bandstand"}
	if channel := channelPath.FindStringSubmatch(r.URL.Path); channel != nil {
		view = plainView{Title: channel[1], Channel: channel[1], Playlist: "/live/" + channel[1] + "/index.m3u8"}
	}
	header.Set("Content-Type", contentTypes[".html"])
	if !isPage {
		view = plainView{Title: "Page not found", Missing: true}
		w.WriteHeader(http.StatusNotFound)
	}
	if r.Method != http.MethodHead {
		_ = plainPage.Execute(w, view) // a viewer who has left needs no page
	}
}
