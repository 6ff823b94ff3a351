package kernel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
)

// newOffloadDomain is the laboratory for IPv4 with gateways that offload. What leaves there reaches cn by way of the core, with the gateway's
// address; what goes through the tunnel with the home address.
func newOffloadDomain(t testing.TB, nat string) *domain {
	d := newDualDomain(t)
	for i, m := range []*router{d.mag1, d.mag2} {
		m.cfg.Offload, m.cfg.OffloadNAT = true, nat
		if i > 0 {
			m.sh("ip addr add 192.0.2.12/24 dev core0; ip route add default via 192.0.2.1")
		}
	}
	for _, port := range []int{80, 443, 444, 8080} {
		d.cn.answer("tcp4", port)
		d.cn.answer("udp4", port)
	}
	return d
}

// offload gives a mobile node at mag a policy.
func (d *domain) offload(mag *router, home string, p mobility.OffloadPolicy) {
	d.t.Helper()
	e, ok := mag.state.Get(host(netip.MustParseAddr(home)))
	if !ok {
		d.t.Fatalf("%s is not bound", home)
	}
	e.Offload = p
	mag.state.Set(e)
	mag.sync()
}

// answer has a port say to everybody who they are.
func (s space) answer(network string, port int) {
	s.t.Helper()
	s.run(func() {
		address := fmt.Sprintf(":%d", port)
		if network == "tcp4" {
			l, err := net.Listen(network, address)
			if err != nil {
				s.t.Errorf("listen in %s: %v", s.name, err)
				return
			}
			s.t.Cleanup(func() { l.Close() })
			go func() {
				for c, err := l.Accept(); err == nil; c, err = l.Accept() {
					go func() {
						defer c.Close()
						b := make([]byte, 10)
						for _, err := c.Read(b); err == nil; _, err = c.Read(b) {
							fmt.Fprintln(c, c.RemoteAddr())
						}
					}()
				}
			}()
			return
		}
		c, err := net.ListenPacket(network, address)
		if err != nil {
			s.t.Errorf("listen in %s: %v", s.name, err)
			return
		}
		s.t.Cleanup(func() { c.Close() })
		go func() {
			b := make([]byte, 10)
			for _, from, err := c.ReadFrom(b); err == nil; _, from, err = c.ReadFrom(b) {
				_, _ = c.WriteTo([]byte(from.String()+"\n"), from)
			}
		}()
	})
}

// dial begins a flow.
func (s space) dial(network, from, to string) net.Conn {
	s.t.Helper()
	var c net.Conn
	s.run(func() {
		dialer := net.Dialer{Timeout: 20 * time.Second}
		if network == "tcp4" {
			dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))
		} else {
			dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from))
		}
		var err error
		if c, err = dialer.Dial(network, to); err != nil {
			s.t.Errorf("from %s to %s: %v", from, to, err)
		}
	})
	if c != nil {
		s.t.Cleanup(func() { c.Close() })
	}
	return c
}

var errNoAnswer = errors.New("no answer")

// ask is whom the other end takes us for.
func ask(c net.Conn, attempts int) (netip.AddrPort, error) {
	if c == nil {
		return netip.AddrPort{}, errNoAnswer
	}
	b := make([]byte, 100)
	for range attempts {
		_ = c.SetDeadline(time.Now().Add(time.Second))
		if _, err := c.Write([]byte("?")); err != nil {
			return netip.AddrPort{}, err
		}
		if n, err := c.Read(b); err == nil {
			return netip.ParseAddrPort(strings.TrimSpace(string(b[:n])))
		}
	}
	return netip.AddrPort{}, errNoAnswer
}

// seenAs expects cn to take a new flow for that of an address.
func (s space) seenAs(want, network, from, to string) (c net.Conn, as netip.AddrPort) {
	s.t.Helper()
	c = s.dial(network, from, to)
	as, err := ask(c, 20)
	if err != nil || as.Addr().String() != want {
		s.t.Errorf("%s from %s to %s is seen as %v (%v), want %s", network, from, to, as, err, want)
	}
	if translated := netip.MustParseAddrPort(from).Addr() != as.Addr(); translated && as.Port() < firstPort {
		s.t.Errorf("%s from %s to %s is seen as %v: the port may be one of the gateway's own", network, from, to, as)
	}
	return c, as
}

const (
	any1     = mn1Home + ":0"
	any2     = mn2Home + ":0"
	mag1Seen = mag1Core4
)

// RFC 6909 section 3: what matches leaves here and is translated, the rest goes through the tunnel, and the other way round.
func TestOffloadedFlowsLeaveAtTheGateway(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag1, false)
	cn := func(port int) string { return fmt.Sprintf("%s:%d", cn4, port) }
	d.mn1.seenAs(mn1Home, "tcp4", any1, cn(443))
	d.offload(d.mag1, mn1Home, web)
	d.offload(d.mag1, mn2Home, allButWeb)
	d.mn1.seenAs(mag1Seen, "tcp4", any1, cn(443))
	d.mn1.seenAs(mn1Home, "tcp4", any1, cn(80))
	d.mn1.seenAs(mn1Home, "udp4", any1, cn(443))
	d.mn2.seenAs(mn2Home, "tcp4", any2, cn(443))
	d.mn2.seenAs(mag1Seen, "tcp4", any2, cn(80))
	d.mn2.seenAs(mag1Seen, "udp4", any2, cn(443))
	d.mn2.reaches(cn4)
	d.mn2.reaches(cn4 + " -s 8000") // fragments
	d.cn.reaches(mn2Home)           // who is called answers by the same way
	d.mn2.answer("tcp4", 80)
	if got, err := ask(d.cn.dial("tcp4", cn4+":0", mn2Home+":80"), 20); err != nil || got.Addr().String() != cn4 {
		t.Errorf("a mobile node that is called takes the caller for %v (%v)", got, err)
	}
	d.mn2.reaches(router4)
	d.mn2.reaches(mn1Home)
	d.mn1.reaches(mn2Home)
	if packets, octets := d.mag1.kernel.Offloaded(); packets < 20 || octets < packets*20 {
		t.Errorf("%d packets and %d octets were offloaded", packets, octets)
	}
	d.mag1.resync()
	if m := d.mag1.rec.Status().Mended; m != 0 {
		t.Errorf("%d entries were installed again although they stood", m)
	}
	// A policy of many conditions.
	d.offload(d.mag1, mn1Home, mustPolicy(mobility.OffloadMatching,
		mobility.TrafficSelector{SourcePort: mobility.Numbers(444, 8000), Protocol: mobility.Numbers(17, 17)},
		mobility.TrafficSelector{DestinationPort: mobility.Numbers(5000, 5009), Source: mobility.AddressRange{First: netip.MustParseAddr("198.51.100.1"), Last: netip.MustParseAddr("198.51.100.2")}},
		mobility.TrafficSelector{Destination: mobility.Addresses(netip.MustParsePrefix("10.64.0.8/30")), DS: mobility.Numbers(0x20, 0x23)}))
	d.mn1.seenAs(mn1Home, "tcp4", any1, cn(443))
	d.mn1.seenAs(mag1Seen, "udp4", any1, cn(444))
	d.mn1.seenAs(mn1Home, "tcp4", any1, cn(444))
	d.mn1.seenAs(mn1Home, "udp4", mn1Home+":4999", cn(80))
	d.mn1.seenAs(mag1Seen, "udp4", mn1Home+":5000", cn(80))
	d.mn1.seenAs(mag1Seen, "tcp4", mn1Home+":5009", cn(80))
	d.mn1.reaches(cn4 + " -Q 0x21")
	if err := d.mag1.kernel.Close(false); err != nil {
		t.Fatal(err)
	}
	if out := d.mag1.sh("nft list ruleset; ip rule; ip route show table all proto 213"); strings.Contains(out, "netlmm") || strings.Contains(out, "fwmark") || strings.Contains(out, mn1Home) {
		t.Errorf("after Close:\n%s", out)
	}
}
