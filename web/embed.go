// Package web holds the browser client and serves it.
//
// The client is built by Vite into dist and embedded from there. On a checkout where
// it was not built, dist holds a placeholder only, and Handler serves plain pages instead.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// build returns the built client, or one without files if there is none.
func build() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only an invalid path, and "dist" is valid
	}
	return sub
}
