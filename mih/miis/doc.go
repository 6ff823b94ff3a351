// Package miis is the media independent information service of IEEE 802.21 (section 6.5): a Map of the points of attachment around,
// from configuration and from what MIH Functions say, and a Service that answers MIH_Get_Information requests from it. The queries
// that a client sends, and the reading of what it gets, are here too. It is plain state: no sockets, no clock.
package miis
