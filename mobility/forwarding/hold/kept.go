package hold

import (
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// Limits bound what is kept. RFC 5568 section 5.4 leaves the sizes to the operator, and its section 10 wants them limited.
//
// What comes when they are reached is dropped, not what is there: the mobile node gets an unbroken beginning, which is what a
// transport protocol needs to go on, and who floods a mobile node cannot push out what others have sent it before.
type Limits struct {
	NodePackets, NodeOctets int           // for one mobile node
	Packets, Octets         int           // for all of them
	Age                     time.Duration // how long one packet is kept
}

// DefaultLimits hold two seconds of 1000 packets/s for one mobile node.
var DefaultLimits = Limits{NodePackets: 2048, NodeOctets: 4 << 20, Packets: 32768, Octets: 64 << 20, Age: 10 * time.Second}

// Reason is why packets that were to be kept, or were kept, have been dropped.
type Reason uint8

// Reasons for drops.
const (
	NodeFull   Reason = iota // as many as one mobile node may have are kept
	Full                     // as many as all of them may have are kept
	Expired                  // kept for longer than Limits.Age
	Gone                     // the entry went without the mobile node having come
	Unsendable               // no way to the mobile node, or too big for it, when it was let out
	Overrun                  // by the kernel: they came faster than they were read
	reasons                  // how many there are
)

var reasonNames = [reasons]string{"node_full", "full", "expired", "gone", "unsendable", "overrun"}

// String is the reason as a metric label.
func (r Reason) String() string { return reasonNames[r] }

// packet is one IP packet and when it came.
type packet struct {
	octets []byte
	at     time.Time
}

// room is how much one mobile node, or all of them, have of what is bounded.
type room struct{ packets, octets int }

func (r *room) take(n int) { r.packets, r.octets = r.packets+1, r.octets+n }

func (r *room) give(n int) { r.packets, r.octets = r.packets-1, r.octets-n }

func (r *room) has(n, packets, octets int) bool { return r.packets < packets && r.octets+n <= octets }

// kept is what is kept for one prefix, the oldest first.
type kept struct {
	prefix  netip.Prefix
	node    string
	access  string
	station mobility.MobileNodeLinkLayerID
	owner   *owner
	packets []packet
	meter   meter
	most    int    // packets at one time
	out     int    // packets let out
	dropped uint64 // packets
	hurried bool
	drain   *drain // nil: the mobile node is still awaited
}

// owner is one mobile node. Its prefixes share its room.
type owner struct {
	room
	prefixes int
}

// store is what is kept for all prefixes.
type store struct {
	limits Limits
	all    room
	kept   map[netip.Prefix]*kept
	owners map[string]*owner
	bits   []int // lengths of the prefixes, IPv4 ones as negative
}

func newStore(limits Limits) *store {
	return &store{limits: limits, kept: map[netip.Prefix]*kept{}, owners: map[string]*owner{}}
}

// open makes a place for the prefix of e. Where the mobile node is not known, it has no other.
func (s *store) open(e forwarding.Entry) *kept {
	node := string(e.MobileNodeLinkLayerID)
	if node == "" {
		node = e.Prefix.String()
	}
	o := s.owners[node]
	if o == nil {
		o = &owner{}
		s.owners[node] = o
	}
	o.prefixes++
	k := &kept{prefix: e.Prefix, node: node, access: e.Interface, station: e.MobileNodeLinkLayerID, owner: o}
	s.kept[e.Prefix] = k
	s.measure()
	return k
}

// close takes the place of k away, with what is still in it, and returns how many packets that was.
func (s *store) close(k *kept) (left int) {
	for left = 0; len(k.packets) > 0; left++ {
		s.pop(k)
	}
	if k.owner.prefixes--; k.owner.prefixes == 0 {
		delete(s.owners, k.node)
	}
	delete(s.kept, k.prefix)
	s.measure()
	return left
}

// measure notes which lengths of prefixes there are.
func (s *store) measure() {
	s.bits = s.bits[:0]
	for p := range s.kept {
		if n := signed(p); !slices.Contains(s.bits, n) {
			s.bits = append(s.bits, n)
		}
	}
}

func signed(p netip.Prefix) int {
	if p.Addr().Is4() {
		return -p.Bits()
	}
	return p.Bits()
}

// find is the place for packets to addr; nil where none is kept.
func (s *store) find(addr netip.Addr) *kept {
	for _, n := range s.bits {
		if (n < 0) != addr.Is4() {
			continue
		}
		if p, err := addr.Prefix(max(n, -n)); err == nil && s.kept[p] != nil {
			return s.kept[p]
		}
	}
	return nil
}

// push keeps octets, which become its own, as the last of k, or says why not.
func (s *store) push(k *kept, octets []byte, now time.Time) (refused Reason, ok bool) {
	n := len(octets)
	switch l := &s.limits; {
	case !k.owner.has(n, l.NodePackets, l.NodeOctets):
		k.dropped++
		return NodeFull, false
	case !s.all.has(n, l.Packets, l.Octets):
		k.dropped++
		return Full, false
	}
	k.owner.take(n)
	s.all.take(n)
	k.packets = append(k.packets, packet{octets, now})
	k.most = max(k.most, len(k.packets))
	return 0, true
}

// pop takes the oldest packet of k out.
func (s *store) pop(k *kept) {
	n := len(k.packets[0].octets)
	k.owner.give(n)
	s.all.give(n)
	k.packets[0] = packet{}
	if k.packets = k.packets[1:]; len(k.packets) == 0 {
		k.packets = nil
	}
}

// expire drops what was kept for too long and returns how many packets that was.
func (s *store) expire(now time.Time) (dropped int) {
	for _, k := range s.kept {
		for len(k.packets) > 0 && now.Sub(k.packets[0].at) > s.limits.Age {
			s.pop(k)
			k.dropped++
			dropped++
		}
	}
	return dropped
}

// destination is where an IP packet goes.
func destination(octets []byte) (addr netip.Addr, ok bool) {
	switch {
	case len(octets) >= 40 && octets[0]>>4 == 6:
		return netip.AddrFrom16([16]byte(octets[24:40])), true
	case len(octets) >= 20 && octets[0]>>4 == 4:
		return netip.AddrFrom4([4]byte(octets[16:20])), true
	}
	return netip.Addr{}, false
}
