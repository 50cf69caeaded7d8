// Package audience counts who watches: over those who play HLS, here and on other
// nodes, and those whose sockets say so. Whoever is seen in several ways counts once,
// and all who show a number ask here, so that it is the same everywhere.
//
// Viewers are told apart as media does it. A crowd is all who come from one address
// with one user agent, mostly one person. How many it is, is the most that anybody
// sees of it: two who play from behind one router are two for the node they play from,
// and that both have a socket makes them no more.
package audience
