// Package radius speaks with AAA servers for a gateway: it asks them for the policy profiles of mobile nodes (RFC 2865, with the
// attributes of RFC 6572), and hears what they demand by themselves (RFC 5176). It speaks the words of package policy and decides
// nothing.
//
// RADIUS protects itself by a shared secret and MD5 only. Every request carries a Message-Authenticator, first of its attributes, and no
// answer without a good one counts; what is believed of a Disconnect- or CoA-Request package radius says at Listener. For more than
// that, let the servers be on this host or behind an IPsec association.
package radius
