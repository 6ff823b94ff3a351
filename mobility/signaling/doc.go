// Package signaling carries Mobility Headers (RFC 6275 section 6.1) between a MAG and an LMA: over IPv6 on raw sockets of
// protocol 135, over IPv4 in UDP port 5436 (RFC 5844 section 4, without NAT traversal and without the TLV header). It moves
// bytes: what they mean is the codec's business.
//
// Over IPv6 the kernel fills in and verifies the Mobility Header checksum at offset 4 and strips extension headers. Over IPv4
// that field is zero in what leaves and ignored in what arrives; the checksum is UDP's. The hop limit is the host's ordinary
// unicast one: a MAG and its LMA are any number of hops apart (RFC 5213 section 4), and neither RFC 5213 nor RFC 6275 asks a
// receiver of a Mobility Header to check it. Protection is IPsec's (RFC 5213 section 4, RFC 5844 section 4.3).
package signaling
