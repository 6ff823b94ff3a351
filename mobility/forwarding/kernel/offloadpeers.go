package kernel

import (
	"crypto/rand"
	"errors"
	"fmt"
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

// readSeed is the seed of the marks that the table has, or else a new one. A mark says whose a flow is: a mobile node that could find out which
// link-layer address has that of another would come by its flows.
func (t *offloadTable) readSeed() ([16]byte, error) {
	there, err := t.conn.GetSetElements(t.sets[offloadSeed])
	switch {
	case err != nil && !absent(err):
		return t.seed, fmt.Errorf("read the seed of the marks of flows: %w", err)
	case len(there) == 1 && len(there[0].Key) == len(t.seed):
		t.seed = [16]byte(there[0].Key)
	default:
		_, _ = rand.Read(t.seed[:]) // which never fails
	}
	return t.seed, nil
}
