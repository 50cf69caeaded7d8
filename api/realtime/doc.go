// Package realtime is the WebSocket through which clients hear what happens, the
// moment it does, and act where that matters: one socket for all features. It is a
// node of centrifuge, alone in memory or one of several over Redis.
//
// Features add topics, to which clients subscribe, and methods, which they call. Who
// may is in auth's table, as for the operations of the REST API; whose socket it is
// comes from the server alone. What happens is an Event, published to a topic on all
// nodes. Nothing is stored here but what a client that lost its connection for a
// moment needs to catch up.
//
// The protocol is that of centrifuge in JSON, see docs/realtime.md.
package realtime
