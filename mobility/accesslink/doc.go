// Package accesslink is the mobile node's side of a MAG on one access interface: it makes the interface look the same as on
// every other MAG (RFC 5213 section 6.9.3, RFC 6543), hears Router Solicitations, sends Router Advertisements to one mobile
// node at a time (RFC 6085), asks whether a mobile node is still there (Multicast Listener Discovery, Neighbor Discovery,
// ARP), and forgets one that left. To a mobile node with an Offer it is the DHCPv4 and DHCPv6 server or relay agent (RFC
// 5213 section 6.11, RFC 5844 section 3.4) and answers ARP for all of its IPv4 network (RFC 5844 section 3.2.4). It says when
// the kernel's neighbour unreachability detection gave such a node up, and when a node has this router's own address.
//
// The identity of a mobile node on the link is its link-layer address as the frame carries it. The access point vouches for
// it; what a packet says of itself does not count.
//
// On a wireless interface the fixed link-layer address would become the BSSID, the same one at every access point, and
// stations could not tell them apart. There, put the interface into a bridge and give the bridge to this package, or leave
// LinkLayerAddress zero.
package accesslink
