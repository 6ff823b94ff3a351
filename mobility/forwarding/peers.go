package forwarding

import "net/netip"

// Peers are the other ends of the tunnels that have entries, each with their number. It costs what there are tunnels at an
// anchor, and mobile nodes at a gateway. An entry on its way between two gateways has two.
func (s *State) Peers() map[netip.Addr]int {
	peers := map[netip.Addr]int{}
	for i, path := range s.entries.paths.known {
		if n := s.entries.paths.uses[i]; n > 0 && path.Peer.IsValid() {
			peers[path.Peer] += n
			if path.Transfer != NoTransfer {
				peers[path.OtherGateway] += n
			}
		}
	}
	return peers
}
