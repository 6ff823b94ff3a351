// Package accesslink is the mobile node's side of a MAG on one access interface: it makes the interface look the same as on
// every other MAG (RFC 5213 section 6.9.3, RFC 6543), hears Router Solicitations, sends Router Advertisements to one mobile
// node at a time (RFC 6085), asks whether a mobile node is still there (Multicast Listener Discovery, Neighbor
// Discovery), and forgets one that left.
//
// The identity of a mobile node on the link is its link-layer address as the frame carries it. The access point vouches for
// it; what a packet says of itself does not count.
//
// On a wireless interface the fixed link-layer address would become the BSSID, the same one at every access point, and
// stations could not tell them apart. There, put the interface into a bridge and give the bridge to this package, or leave
// LinkLayerAddress zero.
package accesslink
