// Package transport carries MIH messages between MIH Functions over UDP and TCP port 4551 (RFC 5677). It moves bytes: of the
// message format it knows the length field, which cuts a TCP connection into messages.
//
// What RFC 5677 asks of a transport and what becomes of it here:
//
//   - Section 6.1: no datagram is fragmented by IP. They leave with the "don't fragment" bit, a message that is longer than the
//     path allows is refused as TooBig, and MaximumDatagram says beforehand how long one may be. Who sends cuts it (IEEE 802.21
//     section 8.4.2) or takes TCP. Over TCP messages are of any length and are never cut; small ones leave at once (TCP_NODELAY).
//   - Sections 6.2 and 6.3: rate and retransmission over UDP are the MIH Function's, with package pace. Over TCP they are TCP's.
//     A connection that breaks loses nothing that its peer had not read: what may not have been goes again on the next one, so that
//     a message can arrive twice, as over UDP. MIH Functions know it again by its transaction.
//   - Section 6.5: port 4551 unless something else is known of a peer.
//
// Nothing is authenticated here; that is IPsec's. What strangers can do is bounded: datagrams queue in the kernel and nowhere
// else, connections are limited in number, in silence and in the time that a message may take to arrive. Config.Admit turns
// strangers away before anything is done for them.
package transport
