package filter

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"netlmm/internal/netnstest"
	"netlmm/security"
	"netlmm/security/internal/rawtest"
)

// mihMessage is one way to send what has MIH's port, as packets.
type mihMessage struct {
	name     string
	protocol int // of the raw socket that sees it arrive
	packets  [][]byte
}

// mihMessages are over UDP and TCP, to the port and back from it, and from port to port in whatever wrapping.
func mihMessages(source, destination netip.Addr) (list []mihMessage) {
	to := func(from, to uint16) (a, b netip.AddrPort) {
		return netip.AddrPortFrom(source, from), netip.AddrPortFrom(destination, to)
	}
	for _, ports := range [][2]uint16{{4551, 4551}, {40000, 4551}, {4551, 40000}} {
		a, b := to(ports[0], ports[1])
		for protocol, payload := range map[int][]byte{unix.IPPROTO_UDP: rawtest.Datagram(a, b, make([]byte, 24)), unix.IPPROTO_TCP: rawtest.Segment(a, b)} {
			name := fmt.Sprintf("%d from %d to %d", protocol, ports[0], ports[1])
			if source.Is4() {
				whole := rawtest.Packet4(source, destination, byte(protocol), nil, 0, 0, false, payload)
				first := rawtest.Packet4(source, destination, byte(protocol), nil, 7, 0, true, payload[:8])
				second := rawtest.Packet4(source, destination, byte(protocol), nil, 7, 8, false, payload[8:])
				list = append(list, mihMessage{name, protocol, [][]byte{whole}}, mihMessage{name + " in fragments", protocol, [][]byte{first, second}})
				continue
			}
			if ports[0] != ports[1] {
				list = append(list, mihMessage{name, protocol, [][]byte{rawtest.Packet(source, destination, byte(protocol), payload)}})
				continue
			}
			for wrapping, packets := range wrapped(source, destination, byte(protocol), payload) {
				list = append(list, mihMessage{name + ", " + wrapping, protocol, packets})
			}
			fragment := func(offset, more byte, part []byte) []byte {
				return rawtest.Packet(source, destination, unix.IPPROTO_FRAGMENT, append([]byte{byte(protocol), 0, 0, offset | more, 0, 0, 0, 99}, part...))
			}
			list = append(list, mihMessage{name + ", its ports alone in a fragment", protocol, [][]byte{fragment(0, 1, payload[:8]), fragment(8, 0, payload[8:])}})
		}
	}
	return list
}

// way is one direction over one IP version.
type way struct {
	direction           string
	from, to            string // namespaces
	source, destination netip.Addr
}

func waysOf(a, b string) []way {
	return []way{
		{"in", b, a, other, self}, {"out", a, b, self, other},
		{"in", b, a, other4, self4}, {"out", a, b, self4, other4},
	}
}

func (w way) sender(t *testing.T) *rawtest.Socket {
	if w.source.Is4() {
		return rawtest.Open4(t, w.from, unix.IPPROTO_RAW)
	}
	return rawtest.Open(t, w.from, unix.IPPROTO_RAW)
}

func (w way) receiver(t *testing.T, protocol int) *rawtest.Socket {
	if w.source.Is4() {
		return rawtest.Open4(t, w.to, protocol)
	}
	return rawtest.Open(t, w.to, protocol)
}

// RFC 5677 section 4: port 4551 of UDP and TCP. Without the filter it arrives; with it, in clear, never, and is counted.
func TestMIHInClearIsDropped(t *testing.T) {
	for _, mode := range []Mode{XFRM, Libipsec} {
		a, b, f := namespaces(t, mode)
		for _, w := range waysOf(a, b) {
			t.Run(fmt.Sprintf("%s %s to %s", mode, w.direction, w.destination), func(t *testing.T) {
				sender := w.sender(t)
				receivers := map[int]*rawtest.Socket{unix.IPPROTO_UDP: w.receiver(t, unix.IPPROTO_UDP), unix.IPPROTO_TCP: w.receiver(t, unix.IPPROTO_TCP)}
				if err := f.Remove(); err != nil {
					t.Fatal(err)
				}
				arrive, messages := 0, mihMessages(w.source, w.destination)
				for _, m := range messages {
					send(t, sender, m.packets, w.destination)
					if receivers[m.protocol].Receive(silence) != nil {
						arrive++
					} else {
						t.Logf("%s: the kernel itself does not deliver it", m.name)
					}
				}
				if arrive < len(messages)/2 {
					t.Fatalf("only %d of %d arrive without the filter: the test shows nothing", arrive, len(messages))
				}
				if err := f.Apply(); err != nil {
					t.Fatal(err)
				}
				for _, r := range receivers {
					r.Drain()
				}
				for _, m := range messages {
					before := count(t, f, w.direction)
					send(t, sender, m.packets, w.destination)
					if receivers[m.protocol].Receive(silence/5) != nil {
						t.Errorf("%s: passes", m.name)
					}
					if count(t, f, w.direction) == before {
						t.Errorf("%s: not counted", m.name)
					}
				}
				neighbours := rawtest.Datagram(netip.AddrPortFrom(w.source, 4550), netip.AddrPortFrom(w.destination, 4552), make([]byte, 8))
				packet := rawtest.Packet(w.source, w.destination, unix.IPPROTO_UDP, neighbours)
				if w.source.Is4() {
					packet = rawtest.Packet4(w.source, w.destination, unix.IPPROTO_UDP, nil, 8, 0, false, neighbours)
				}
				send(t, sender, [][]byte{packet}, w.destination)
				if receivers[unix.IPPROTO_UDP].Receive(patience) == nil {
					t.Error("other ports do not pass")
				}
			})
		}
	}
}

// answers says whether what is said to an MIH port comes back, by UDP and by TCP.
func answers(t *testing.T, from, to string, address netip.Addr) map[string]bool {
	t.Helper()
	at := netip.AddrPortFrom(address, portMIH).String()
	var packets net.PacketConn
	var listener net.Listener
	netnstest.In(t, to, func() (err error) {
		if packets, err = net.ListenPacket("udp", at); err == nil {
			listener, err = net.Listen("tcp", at)
		}
		return err
	})
	defer packets.Close()
	defer listener.Close()
	netnstest.Echo(packets, listener)
	said := map[string]bool{}
	for _, network := range []string{"udp", "tcp"} {
		netnstest.In(t, from, func() error {
			c, err := net.DialTimeout(network, at, 4*silence)
			if err != nil {
				return nil
			}
			defer c.Close()
			_, _ = c.Write([]byte("MIH"))
			_ = c.SetReadDeadline(time.Now().Add(4 * silence))
			answer := make([]byte, 3)
			n, _ := c.Read(answer)
			said[network] = bytes.Equal(answer[:n], []byte("MIH"))
			return nil
		})
	}
	return said
}

// Programs of one host speak over the loopback interface, also at its own global address.
func TestMIHPassesOnLoopback(t *testing.T) {
	for _, mode := range []Mode{XFRM, Libipsec} {
		a, _, f := namespaces(t, mode)
		if err := f.Apply(); err != nil {
			t.Fatal(err)
		}
		for _, address := range []netip.Addr{netip.IPv6Loopback(), netip.MustParseAddr("127.0.0.1"), self, self4} {
			if said := answers(t, a, a, address); !said["udp"] || !said["tcp"] {
				t.Errorf("%s at %s: %v", mode, address, said)
			}
		}
		if c, err := f.Counters(); err != nil || c != (Counters{}) {
			t.Errorf("counters %+v, %v", c, err)
		}
	}
}

// A peer that the configuration believes in clear is an exception for MIH, and for nothing and nobody else.
func TestMIHInClearWithNamedPeers(t *testing.T) {
	a, b, f := namespaces(t, XFRM)
	f, err := New(Config{Mode: XFRM, Table: "netlmm", NetNS: f.cfg.NetNS, InClear: []netip.Addr{other, other4}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Apply(); err != nil {
		t.Fatal(err)
	}
	if err := f.Verify(); err != nil {
		t.Error(err)
	}
	for _, address := range []netip.Addr{other, other4} {
		if said := answers(t, a, b, address); !said["udp"] || !said["tcp"] {
			t.Errorf("to %s: %v", address, said)
		}
	}
	for _, address := range []netip.Addr{self, self4} {
		if said := answers(t, b, a, address); !said["udp"] || !said["tcp"] {
			t.Errorf("from the peer to %s: %v", address, said)
		}
	}
	if c, err := f.Counters(); err != nil || c != (Counters{}) {
		t.Errorf("counters %+v, %v", c, err)
	}
	third := netip.MustParseAddr("2001:db8:f0::3")
	run(t, "ip", "-n", b, "addr", "add", third.String()+"/64", "dev", "core", "nodad")
	if said := answers(t, a, b, third); said["udp"] || said["tcp"] {
		t.Errorf("to another address of the peer: %v", said)
	}
	before := count(t, f, "in")
	for name, packets := range crafted(other, self) {
		send(t, rawtest.Open(t, b, unix.IPPROTO_RAW), packets, self)
		before = dropped(t, f, "in", before, "a Mobility Header, "+name)
	}
}

// A host behind a router does not get its MIH carried into the SA either, not even one that may speak with the router in clear.
func TestForgedMIHIsNotCarriedIntoSA(t *testing.T) {
	a, b, f := namespaces(t, Libipsec)
	far := forwardIntoSA(t, a, b)
	f, err := New(Config{Mode: Libipsec, Table: "netlmm", NetNS: f.cfg.NetNS, InClear: []netip.Addr{other, far}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Apply(); err != nil {
		t.Fatal(err)
	}
	sender := rawtest.Open(t, b, unix.IPPROTO_RAW)
	for _, source := range []netip.Addr{self, other} {
		for _, m := range mihMessages(source, far) {
			before := count(t, f, "forward")
			send(t, sender, m.packets, far)
			dropped(t, f, "forward", before, m.name+" from "+source.String())
		}
	}
}

// A daemon that speaks MIH only, or Mobility Headers only, has the rules of that only: what another daemon of the host does with
// the rest is for that one to say.
func TestTrafficOfTheTable(t *testing.T) {
	for traffic, c := range map[security.Traffic]struct{ with, without string }{
		security.MIH:             {"tcp sport 4551", "mobility-header"},
		security.MIHOverUDP:      {"tcp sport 4551", "5436"},
		security.MobilityHeaders: {"5436", "4551"},
	} {
		a, _, f := namespaces(t, XFRM)
		f, err := New(Config{Mode: XFRM, Table: "netlmm", NetNS: f.cfg.NetNS, Traffic: traffic})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Apply(); err != nil {
			t.Fatal(err)
		}
		rules := run(t, "ip", "netns", "exec", a, "nft", "list", "table", "inet", "netlmm")
		if !strings.Contains(rules, c.with) || strings.Contains(rules, c.without) || !strings.Contains(rules, "frag nexthdr") {
			t.Errorf("%v: rules without %q or with %q:\n%s", traffic, c.with, c.without, rules)
		}
	}
}
