package ingress

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"netlmm/internal/netnstest"
)

func TestMain(m *testing.M) {
	netnstest.Main(m, func() error {
		return netnstest.Commands("ip link set lo up", "ip addr add 2001:db8::7/128 dev lo nodad", "ip link add acc0 type veth peer name acc1", "ip link set acc0 addrgenmode none", "ip link set acc1 up",
			"ip link set acc0 up", "ip addr add fe80::7/64 dev acc0 nodad")
	})
}

// TestInterfaceAndAnswer: of each family over each kind of socket, the interface is told, and the answer comes from the address that was
// asked, which is not the one that the kernel would take.
func TestInterfaceAndAnswer(t *testing.T) {
	for _, test := range []struct{ listen, to, source, iface string }{
		{"[::]:0", "127.0.0.2", "127.0.0.1", "lo"}, {"[::]:0", "2001:db8::7", "::1", "lo"}, {"0.0.0.0:0", "127.0.0.2", "127.0.0.1", "lo"},
		{"127.0.0.2:0", "127.0.0.2", "127.0.0.1", "lo"}, {"[2001:db8::7]:0", "2001:db8::7", "::1", "lo"}, {"[::ffff:127.0.0.2]:0", "127.0.0.2", "127.0.0.1", "lo"},
		{"[::]:0", "fe80::7%acc0", "fe80::7%acc0", "acc0"},
	} {
		t.Run(test.listen+" "+test.to, func(t *testing.T) {
			s, err := Listen(netip.MustParseAddrPort(test.listen), 4)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(test.source), 0)),
				net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(test.to), s.LocalAddress().Port())))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte("question")); err != nil {
				t.Fatal(err)
			}
			deadline := time.Now().Add(30 * time.Second)
			_, _ = s.SetReadDeadline(deadline), conn.SetReadDeadline(deadline)
			d, err := s.Read()
			if err != nil || d.Interface != test.iface || string(d.Payload) != "ques" || d.Source().Addr() != netip.MustParseAddr(test.source) || d.To.Unmap() != netip.MustParseAddr(test.to).WithZone("") {
				t.Fatalf("%+v, %v", d, err)
			}
			if !netip.PrefixFrom(d.Address(), d.Address().BitLen()).Contains(d.Address()) || d.Address() != d.Source().Addr().WithZone("") {
				t.Errorf("no configuration names %v", d.Address())
			}
			if err := s.Answer(d, []byte("answer")); err != nil {
				t.Fatal(err)
			}
			buffer := make([]byte, 10)
			if n, err := conn.Read(buffer); err != nil || string(buffer[:n]) != "answer" { // a connected socket hears only whom it asked
				t.Errorf("%q, %v", buffer[:n], err)
			}
		})
	}
}

// TestInterfaceGone: no interface has this index any more, and what came by it is refused.
func TestInterfaceGone(t *testing.T) {
	s, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	name := InterfaceName(s.raw, 1<<20)
	if name != "" || !Refused(name, nil) || !Refused("acc0", []string{"acc0"}) || Refused("core0", []string{"acc0"}) {
		t.Errorf("interface %q", name)
	}
}
