// Package access stands in front of playlists and media and lets nobody watch a
// private channel who was not given a way to it: a path with a token in it,
//
//	/live/{channel}/~{token}/index.m3u8
//
// where {token} is short-lived and opens that channel only. The addresses inside of
// playlists are relative to the playlist, so that whatever a player asks for next has
// the token as well: other playlists, blocking reloads, segments, parts, init
// segments. That works in every player, since nothing but addresses is needed. The
// one playlist with other addresses, /hls-live/{channel}/~{token}.m3u8, leads to the
// path above.
//
// A token is checked by itself, without asking anybody. Whether a channel is private
// is asked for with each request, of something that answers from memory.
package access
