package filter

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"netlmm/security/internal/rawtest"
)

// crafted4 are the ways to send one Mobility Header over IPv4. Each is one or more packets.
func crafted4(source, destination netip.Addr) map[string][][]byte {
	datagram := func(from, to uint16) []byte {
		return rawtest.Datagram(netip.AddrPortFrom(source, from), netip.AddrPortFrom(destination, to), make([]byte, 48))
	}
	packet := func(protocol byte, options []byte, id byte, offset int, more bool, payload []byte) []byte {
		return rawtest.Packet4(source, destination, protocol, options, id, offset, more, payload)
	}
	udp := func(payload []byte) []byte { return packet(unix.IPPROTO_UDP, nil, 0, 0, false, payload) }
	whole := datagram(5436, 5436)
	noOperation := []byte{1, 1, 1, 0}
	return map[string][][]byte{
		"UDP":                  {udp(whole)},
		"UDP from any port":    {udp(datagram(40000, 5436))},
		"UDP back to any port": {udp(datagram(5436, 40000))},
		"behind IP options":    {packet(unix.IPPROTO_UDP, noOperation, 0, 0, false, whole)},
		"two fragments":        {packet(unix.IPPROTO_UDP, nil, 1, 0, true, whole[:24]), packet(unix.IPPROTO_UDP, nil, 1, 24, false, whole[24:])},
		"shortest fragment":    {packet(unix.IPPROTO_UDP, nil, 2, 0, true, whole[:8]), packet(unix.IPPROTO_UDP, nil, 2, 8, false, whole[8:])},
		"fragments turned round": {
			packet(unix.IPPROTO_UDP, nil, 3, 24, false, whole[24:]), packet(unix.IPPROTO_UDP, nil, 3, 0, true, whole[:24]),
		},
	}
}

// RFC 5844 section 4: what is true of protocol 135 over IPv6 is true of UDP port 5436 over IPv4, in the same table.
func TestSignallingOverIPv4InClearIsDropped(t *testing.T) {
	for _, mode := range []Mode{XFRM, Libipsec} {
		for _, direction := range []string{"in", "out"} {
			t.Run(string(mode)+" "+direction, func(t *testing.T) {
				a, b, f := namespaces(t, mode)
				from, to, source, destination := b, a, other4, self4
				if direction == "out" {
					from, to, source, destination = a, b, self4, other4
				}
				sender, receiver := rawtest.Open4(t, from, unix.IPPROTO_RAW), rawtest.Open4(t, to, unix.IPPROTO_UDP)
				for name, packets := range crafted4(source, destination) {
					send(t, sender, packets, destination)
					if receiver.Receive(patience) == nil {
						t.Fatalf("%s: does not arrive without the filter: the test shows nothing", name)
					}
				}
				if err := f.Apply(); err != nil {
					t.Fatal(err)
				}
				before := count(t, f, direction)
				for name, packets := range crafted4(source, destination) {
					send(t, sender, packets, destination)
					if receiver.Receive(silence) != nil {
						t.Errorf("%s: passes", name)
					}
					if now := count(t, f, direction); now == before {
						t.Errorf("%s: not counted", name)
					} else {
						before = now
					}
				}
				mh := rawtest.Open4(t, to, protocolMH)
				send(t, sender, [][]byte{rawtest.Packet4(source, destination, protocolMH, nil, 9, 0, false, make([]byte, 8))}, destination)
				if mh.Receive(silence) != nil || count(t, f, direction) == before {
					t.Error("protocol 135 over IPv4 passes, or is not counted")
				}
				send(t, sender, [][]byte{rawtest.Packet4(source, destination, unix.IPPROTO_UDP, nil, 10, 0, false,
					rawtest.Datagram(netip.AddrPortFrom(source, 5435), netip.AddrPortFrom(destination, 5437), make([]byte, 8)))}, destination)
				if receiver.Receive(patience) == nil {
					t.Error("other ports do not pass")
				}
			})
		}
	}
}

// A host behind a router must not have its messages carried into the SA. Over IPv4 the kernel itself refuses the router's own
// address; another one stands for whatever else a policy of the operator may cover.
func TestForgedSignallingOverIPv4IsNotCarriedIntoSA(t *testing.T) {
	a, b, f := namespaces(t, Libipsec)
	far := netip.MustParseAddr("198.51.100.1")
	run(t, "ip", "-n", a, "tuntap", "add", "ipsec0", "mode", "tun")
	run(t, "ip", "-n", a, "link", "set", "ipsec0", "up")
	run(t, "ip", "-n", a, "route", "add", "198.51.100.0/24", "dev", "ipsec0")
	run(t, "ip", "netns", "exec", a, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	run(t, "ip", "-n", b, "route", "add", "198.51.100.0/24", "via", self4.String())
	if err := f.Apply(); err != nil {
		t.Fatal(err)
	}
	sender, forged := rawtest.Open4(t, b, unix.IPPROTO_RAW), netip.MustParseAddr("192.0.2.77")
	before := uint64(0)
	for name, packets := range crafted4(forged, far) {
		send(t, sender, packets, far)
		before = dropped(t, f, "forward", before, name)
	}
}

// IKE and ESP pass over IPv4 as they do over IPv6.
func TestIPsecItselfPassesOverIPv4(t *testing.T) {
	a, b, f := namespaces(t, XFRM)
	if err := f.Apply(); err != nil {
		t.Fatal(err)
	}
	for _, way := range []struct {
		from, to string
		address  netip.Addr
	}{{a, b, other4}, {b, a, self4}} {
		esp := rawtest.Open4(t, way.to, unix.IPPROTO_ESP)
		if err := rawtest.Open4(t, way.from, unix.IPPROTO_ESP).Send(make([]byte, 64), way.address); err != nil {
			t.Fatal(err)
		}
		if esp.Receive(patience) == nil {
			t.Errorf("ESP does not pass to %s", way.address)
		}
		for _, port := range []int{500, 4500} {
			if !udpPasses(t, way.from, way.to, way.address, port) {
				t.Errorf("UDP port %d does not pass to %s", port, way.address)
			}
		}
	}
}

// Both families stand in one table, whose rules an operator can read.
func TestRulesOfBothFamilies(t *testing.T) {
	a, _, f := namespaces(t, XFRM)
	if err := f.Apply(); err != nil {
		t.Fatal(err)
	}
	rules := run(t, "ip", "netns", "exec", a, "nft", "list", "table", "inet", "netlmm")
	for _, want := range []string{"udp dport 5436 meta ipsec missing", "udp sport 5436 rt ipsec missing", "udp dport 5436 rt ipsec exists",
		"iiftype loopback accept", "oiftype loopback accept", "tcp dport 4551 meta ipsec missing", "udp sport 4551 rt ipsec missing", "tcp sport 4551 rt ipsec exists"} {
		if !strings.Contains(rules, want) {
			t.Errorf("no %q in\n%s", want, rules)
		}
	}
}
