// Package signaling carries Mobility Headers (RFC 6275 section 6.1) between a MAG and an LMA over raw IPv6 sockets of
// protocol 135. It moves bytes: what they mean is the codec's business.
//
// The kernel fills in and verifies the Mobility Header checksum at offset 4 and strips extension headers. The hop limit
// is the host's ordinary unicast one: a MAG and its LMA are any number of hops apart (RFC 5213 section 4), and neither
// RFC 5213 nor RFC 6275 asks a receiver of a Mobility Header to check it. Protection is IPsec's (RFC 5213 section 4).
package signaling
