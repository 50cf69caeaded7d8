// Package rest holds the manners of the HTTP API that every feature shares: how
// outcomes are told, how lists turn pages, how edits notice each other, and which
// text is fit to be shown.
package rest
