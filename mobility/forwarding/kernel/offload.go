package kernel

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// Flows of a mobile node that its policy offloads leave by the router's own routes, in table main, and not through the tunnel (RFC 6909).
// Which those are the packet filter finds out, from a table of IPv4 of ours (offloadrules.go): it looks the source up once, whatever the number
// of mobile nodes, and goes on in the chain of the policy, of which there is one for all that have the same. What is to leave has a mark,
// by which a rule looks it up in table main; where that leads nowhere, the rules for the tunnel follow.
//
// A flow stays where its first packet went, as the address that it has depends on that; and what answers packets that came through the
// tunnel goes back through it, so that a mobile node can be called. That takes connection tracking. What no mobile node with a policy sends
// or receives through a tunnel is exempt from it.
//
// What comes back is known by the flow that it belongs to. It finds its way in a table that has nothing but home addresses with a
// policy, and only if the flow began while the address was the same mobile node's, with the same policy: the mark of the flow says
// whose it is (offload.mark). So nothing that was asked for by one mobile node reaches another that has its address later, and nothing
// reaches a home address from here that was not asked for. Flows whose mobile node left, or has another policy, are deleted besides.
//
// Bits of ours in marks: those of markMask in that of a packet, those of flowMask in that of a flow. The lower ones are left to others, but
// that an offloaded flow begins without them.
const (
	markMask   = 0x30000000
	markLeave  = 0x10000000 // leaves by the router's own routes
	markArrive = 0x20000000 // comes back

	flowMask  = 0xffffff00
	flowStays = 0xffffff00 // the flow goes through the tunnel
	flowShift = 8          // how far up in the mark of another one its number begins
)

// offload is a home address with the policy of its mobile node.
type offload struct {
	home   netip.Addr
	mark   uint32 // of the flows that leave, of flowMask
	policy mobility.OffloadPolicy
}

func (o offload) String() string {
	return fmt.Sprintf("nft add element ip %s %s { %s : %#x } # %s", offloadTableName, offloadHomes, o.home, o.mark, o.policy)
}

// offloadOf is what e, which has a policy, offloads.
func (l *layout) offloadOf(e *forwarding.Entry) offload {
	h := fnv.New64a() // whose Write never fails
	mac, _ := e.Station()
	_, _ = h.Write(append(mac[:], byte(e.Offload.Mode)))
	_, _ = h.Write([]byte(e.Offload.Selectors))
	_, _ = h.Write([]byte(l.OffloadNAT))
	const numbers = flowMask >> flowShift
	return offload{home: e.Prefix.Addr(), policy: e.Offload, mark: uint32(1+h.Sum64()%(numbers-1)) << flowShift} // neither none nor flowStays
}

// offloaded appends what offloading takes for e, of IPv4. The way back comes first.
func (l *layout) offloaded(objects []object, e *forwarding.Entry) []object {
	if e.Offload.IsZero() {
		return objects
	}
	return append(objects, object{route: towards(e, route{table: l.offloadTable(), dst: e.Prefix, metric: entryMetric})}, object{offload: l.offloadOf(e)})
}

// checkOffload refuses an entry for its policy.
func (l *layout) checkOffload(e *forwarding.Entry) error {
	switch {
	case e.Offload.IsZero():
		return nil
	case !l.Offload:
		return errors.New("this data plane was opened without offload: it holds no offload policy")
	case !e.Prefix.Addr().Is4() || !e.Prefix.IsSingleIP():
		return errors.New("only IPv4 home addresses have an offload policy (RFC 6909)")
	case e.Transfer == forwarding.Leaving || e.Transfer == forwarding.Arriving:
		return fmt.Errorf("nothing is offloaded of a mobile node that is %v", e.Transfer)
	case e.Offload.Selectors.Len() > mobility.MaximumTrafficSelectors:
		return fmt.Errorf("an offload policy of %d selectors", e.Offload.Selectors.Len())
	}
	return nil
}

// offloadRules lead what has a mark. The source of what leaves has been judged before (admitRule). The last is for the reverse path filter (RFC 3704
// section 2.2) of where packets come back: it asks by which way the answer would go, with their mark (sysctls). Those themselves go no
// further than the guard of the packet filter if the first has no route for them.
func (l *layout) offloadRules() []rule {
	if !l.Offload {
		return nil
	}
	return []rule{
		l.rule(arriveRule, rule{ipv4: true, mark: markArrive, table: l.offloadTable()}),
		l.rule(leaveRule, rule{ipv4: true, mark: markLeave, table: mainTable}),
		l.rule(leaveRule, rule{ipv4: true, mark: markArrive, table: mainTable}),
	}
}

// ensureOffloading makes, or mends, the table.
func (k *Kernel) ensureOffloading() error {
	if !k.layout.Offload {
		return nil
	}
	var held []offload
	for o := range k.heldOffloads {
		if o.mark != 0 {
			held = append(held, o)
		}
	}
	return k.system.ensureOffload(offloading{k.layout.AccessInterfaces, k.layout.OffloadNAT == Masquerade, k.layout.LocalIPv4}, held)
}

// ourOffloads is what the table has.
func (k *Kernel) ourOffloads() ([]offload, error) {
	if !k.layout.Offload {
		return nil, nil
	}
	return k.system.offloads()
}

// heldOffloads calls yield for those of all that is held; of doubtful ones only the home address is known.
func (k *Kernel) heldOffloads(yield func(offload) bool) {
	if !k.layout.Offload {
		return
	}
	offloads := false
	for e := range k.held.complete.Paths {
		offloads = offloads || !e.Offload.IsZero()
	}
	if offloads {
		for e := range k.held.complete.All {
			if !e.Offload.IsZero() && !yield(k.layout.offloadOf(&e)) {
				return
			}
		}
	}
	for _, objects := range k.held.odd {
		for i := range objects {
			if objects[i].isOffload() && !yield(objects[i].offload) {
				return
			}
		}
	}
}

// heldHomes is the home addresses of heldOffloads.
func (k *Kernel) heldHomes() map[netip.Addr]struct{} {
	homes := map[netip.Addr]struct{}{}
	for o := range k.heldOffloads {
		homes[o.home] = struct{}{}
	}
	return homes
}

// policies is what is offloaded by home address.
func (s *surroundings) policies() map[netip.Addr]mobility.OffloadPolicy {
	policies := make(map[netip.Addr]mobility.OffloadPolicy, len(s.offloads))
	for o := range s.offloads {
		policies[o.home] = o.policy
	}
	return policies
}

// Offloaded counts the packets, and their octets, that left or came back by the router's own routes, since the start of the first run whose table
// still stood when this one began. It may be called from any goroutine.
func (k *Kernel) Offloaded() (packets, octets uint64) {
	if !k.layout.Offload {
		return 0, 0
	}
	return k.system.offloaded()
}
