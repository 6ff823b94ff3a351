package kernel

import (
	"errors"
	"net/netip"

	"github.com/google/nftables"
)

func (c *conn) protectFromOffload(peers []netip.Addr) error { return c.offloading.protect(peers) }

// protect makes these the peers to which nothing is offloaded. Without a table it is for ensure to do.
func (t *offloadTable) protect(peers []netip.Addr) error {
	there, err := t.conn.GetSetElements(t.sets[offloadPeers])
	if absent(err) {
		return nil
	}
	gone, come := map[netip.Addr]bool{}, []nftables.SetElement{}
	for _, e := range there {
		if addr, ok := netip.AddrFromSlice(e.Key); ok {
			gone[addr] = true
		}
	}
	for _, p := range peers {
		if !gone[p] {
			come = append(come, nftables.SetElement{Key: p.AsSlice()})
		}
		delete(gone, p)
	}
	if len(come) > 0 {
		err = errors.Join(err, t.conn.SetAddElements(t.sets[offloadPeers], come))
	}
	for addr := range gone {
		err = errors.Join(err, t.conn.SetDeleteElements(t.sets[offloadPeers], []nftables.SetElement{{Key: addr.AsSlice()}}))
	}
	if err = errors.Join(err, t.conn.Flush()); err != nil {
		return explainOffload(err)
	}
	return nil
}
