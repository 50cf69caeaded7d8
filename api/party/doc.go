// Package party keeps watch parties: people who watch the same thing at the same time.
//
// Nobody is master. Whoever may act tells the server what they want; the server brings
// that into one order, says at which instant it takes effect, and tells everybody,
// whoever acted included. Clients act on that echo alone, at its instant. What plays is
// a State in the database: from it follows, at any later time and on any node, what is
// on the screen. How clients keep to it is told in docs/sync.md.
package party
