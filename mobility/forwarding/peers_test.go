package forwarding

import (
	"maps"
	"net/netip"
	"testing"
)

func TestPeersAreCounted(t *testing.T) {
	s := NewState()
	if got := s.Peers(); len(got) != 0 {
		t.Errorf("an empty state has %v", got)
	}
	one, two := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	other := netip.MustParseAddr("2001:db8::3")
	prefix := func(i byte) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, i}), 64)
	}
	s.Set(Entry{Prefix: prefix(1), Role: Anchor, Local: two, Peer: one})
	s.Set(Entry{Prefix: prefix(2), Role: Anchor, Local: two, Peer: one})
	s.Set(Entry{Prefix: prefix(3), Role: Gateway, Local: one, Peer: two, Interface: "acc0"})
	s.Set(Entry{Prefix: prefix(4), Role: Gateway, Local: one, Peer: two, Interface: "acc1"})
	s.Set(Entry{Prefix: prefix(5), Role: Discard})
	s.Set(Entry{Prefix: prefix(7), Role: Gateway, Local: one, Peer: two, Interface: "acc1", Transfer: Leaving, OtherGateway: other})
	s.Set(Entry{Prefix: prefix(6), Role: Anchor, Local: two, Peer: netip.MustParseAddr("192.0.2.1")})
	s.Delete(prefix(6))
	s.Delete(prefix(2))
	if got := s.Peers(); !maps.Equal(got, map[netip.Addr]int{one: 1, two: 3, other: 1}) {
		t.Errorf("%v", got)
	}
}
