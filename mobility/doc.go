// Package mobility is the vocabulary of Proxy Mobile IPv6 (RFC 5213): identifiers, options' value types, status codes and
// the plain records that cross package boundaries. It holds no behaviour beyond naming, parsing and printing, imports the
// standard library only, and knows nothing of IEEE 802.21.
package mobility
