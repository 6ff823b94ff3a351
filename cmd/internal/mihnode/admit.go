package mihnode

import (
	"net/netip"

	"netlmm/mih/transport"
)

// What others than peers may send.
const (
	strangersSecond = 50 // datagrams; the machine answers 10 discoveries in a second
	strangersBurst  = 100
)

// admit lets a datagram or a connection in: of the peers, and so many datagrams of others that one of them can ask what this MIH
// Function is and can do. It takes a peer to have a connection.
func (n *Node) admit(protocol transport.Protocol, from netip.Addr) bool {
	_, known := n.directory.listens(from)
	return known || protocol == transport.UDP && n.strangers.Allow()
}
