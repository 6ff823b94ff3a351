package filter

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/internal/netnstest"
	"netlmm/security/internal/rawtest"
)

var (
	self  = netip.MustParseAddr("2001:db8:f0::1") // behind the filter
	other = netip.MustParseAddr("2001:db8:f0::2")

	self4, other4 = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
)

// patience is how long what must come may take; silence is how long nothing must come.
const (
	patience = 10 * time.Second
	silence  = 150 * time.Millisecond
)

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s(needs root and the packages iproute2 and nftables)", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var serial int

// namespaces makes two with a link between them; the filter of the first, not yet applied.
func namespaces(t *testing.T, mode Mode) (a, b string, f *Filter) {
	t.Helper()
	serial++
	a, b = fmt.Sprintf("filt%d-%da", os.Getpid(), serial), fmt.Sprintf("filt%d-%db", os.Getpid(), serial)
	for _, ns := range []string{a, b} {
		run(t, "ip", "netns", "add", ns)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
	}
	run(t, "ip", "link", "add", "core", "netns", a, "type", "veth", "peer", "name", "core", "netns", b)
	for ns, addresses := range map[string][2]netip.Addr{a: {self, self4}, b: {other, other4}} {
		run(t, "ip", "-n", ns, "link", "set", "lo", "up")
		run(t, "ip", "-n", ns, "link", "set", "core", "up")
		run(t, "ip", "-n", ns, "addr", "add", addresses[0].String()+"/64", "dev", "core", "nodad")
		run(t, "ip", "-n", ns, "addr", "add", addresses[1].String()+"/24", "dev", "core")
	}
	handle, err := os.Open("/run/netns/" + a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { handle.Close() })
	f, err = New(Config{Mode: mode, Table: "netlmm", NetNS: int(handle.Fd())})
	if err != nil {
		t.Fatal(err)
	}
	return a, b, f
}

// crafted are the ways to send one Mobility Header. Each is one or more packets.
func crafted(source, destination netip.Addr) map[string][][]byte {
	return wrapped(source, destination, 135, rawtest.MobilityHeader(source, destination))
}

// wrapped are the ways to send mh, or what else this protocol is.
func wrapped(source, destination netip.Addr, protocol byte, mh []byte) map[string][][]byte {
	options := func(next byte) []byte { return []byte{next, 0, 1, 4, 0, 0, 0, 0} } // one PadN
	fragment := func(next byte, offset, more, id byte) []byte {
		return []byte{next, 0, offset >> 5, offset<<3 | more, 0, 0, 0, id}
	}
	packet := func(next byte, parts ...[]byte) []byte {
		return rawtest.Packet(source, destination, next, slices.Concat(parts...))
	}
	return map[string][][]byte{
		"plain":                        {packet(protocol, mh)},
		"behind hop-by-hop options":    {packet(0, options(protocol), mh)},
		"behind destination options":   {packet(60, options(protocol), mh)},
		"behind both":                  {packet(0, options(60), options(protocol), mh)},
		"behind a routing header":      {packet(43, []byte{protocol, 0, 253, 0, 0, 0, 0, 0}, mh)},
		"atomic fragment":              {packet(44, fragment(protocol, 0, 0, 1), mh)},
		"atomic fragment with options": {packet(44, fragment(60, 0, 0, 2), options(protocol), mh)},
		"two fragments":                {packet(44, fragment(60, 0, 1, 3), options(protocol)), packet(44, fragment(60, 1, 0, 3), mh)},
		"options over two fragments":   {packet(44, fragment(60, 0, 1, 4), options(60)), packet(44, fragment(60, 1, 0, 4), options(protocol), mh)},
		"nested fragments":             {packet(44, fragment(44, 0, 0, 5), fragment(protocol, 0, 0, 6), mh)},
	}
}

func send(t *testing.T, s *rawtest.Socket, packets [][]byte, to netip.Addr) {
	t.Helper()
	for _, p := range packets {
		_ = s.Send(p, to) // a filter on the way out answers EPERM
	}
}

// Without the filter the raw socket of a daemon is given Mobility Headers in whatever wrapping; with it none, both ways.
func TestMobilityHeaderInClearIsDropped(t *testing.T) {
	for _, mode := range []Mode{XFRM, Libipsec} {
		for _, direction := range []string{"in", "out"} {
			t.Run(string(mode)+" "+direction, func(t *testing.T) {
				a, b, f := namespaces(t, mode)
				from, to, source, destination := b, a, other, self
				if direction == "out" {
					from, to, source, destination = a, b, self, other
				}
				sender, receiver := rawtest.Open(t, from, 255), rawtest.Open(t, to, 135)
				control := crafted(source, destination)
				delivered := 0
				for name, packets := range control {
					send(t, sender, packets, destination)
					if receiver.Receive(time.Second) != nil {
						delivered++
					} else {
						t.Logf("%s: the kernel itself does not deliver it", name)
					}
				}
				if delivered < 6 {
					t.Fatalf("only %d of %d wrappings arrive without the filter: the test shows nothing", delivered, len(control))
				}
				if err := f.Apply(); err != nil {
					t.Fatal(err)
				}
				before := count(t, f, direction)
				for name, packets := range crafted(source, destination) {
					send(t, sender, packets, destination)
					if got := receiver.Receive(silence); got != nil {
						t.Errorf("%s: passes", name)
					}
					if now := count(t, f, direction); now == before {
						t.Errorf("%s: not counted", name)
					} else {
						before = now
					}
				}
			})
		}
	}
}

// dropped waits until more than before are counted.
func dropped(t *testing.T, f *Filter, direction string, before uint64, what string) (now uint64) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if now = count(t, f, direction); now != before {
			return now
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not dropped", what)
		}
	}
}

func count(t *testing.T, f *Filter, direction string) uint64 {
	t.Helper()
	c, err := f.Counters()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]uint64{"in": c.In, "out": c.Out, "forward": c.Forward}[direction]
}

// The daemon's own way to send: a socket of protocol 135, whose caller learns that it may not.
func TestOwnSocketCannotSendInClear(t *testing.T) {
	a, _, f := namespaces(t, XFRM)
	s := rawtest.Open(t, a, 135)
	mh := rawtest.MobilityHeader(self, other)
	if err := s.Send(mh, other); err != nil {
		t.Fatal(err)
	}
	if err := f.Apply(); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(mh, other); err == nil || !strings.Contains(err.Error(), "not permitted") {
		t.Errorf("error %v", err)
	}
	if err := s.Send(mh, self); err == nil {
		t.Error("the loopback interface is an exception")
	}
	if c, err := f.Counters(); err != nil || c != (Counters{Out: 2}) {
		t.Errorf("counters %+v, %v", c, err)
	}
}

func TestIPsecItselfPasses(t *testing.T) {
	for _, mode := range []Mode{XFRM, Libipsec} {
		a, b, f := namespaces(t, mode)
		if err := f.Apply(); err != nil {
			t.Fatal(err)
		}
		for _, way := range [][2]string{{a, b}, {b, a}} {
			to := other
			if way[1] == a {
				to = self
			}
			esp := rawtest.Open(t, way[1], 50)
			if err := rawtest.Open(t, way[0], 50).Send(make([]byte, 64), to); err != nil {
				t.Fatal(err)
			}
			if esp.Receive(patience) == nil {
				t.Errorf("%s: ESP does not pass to %s", mode, to)
			}
			for _, port := range []int{500, 4500} {
				if !udpPasses(t, way[0], way[1], to, port) {
					t.Errorf("%s: UDP port %d does not pass to %s", mode, port, to)
				}
			}
		}
	}
}

// udpPasses sends a datagram that needs fragments, as IKE with certificates does.
func udpPasses(t *testing.T, from, to string, address netip.Addr, port int) bool {
	t.Helper()
	var listener *net.UDPConn
	netnstest.In(t, to, func() (err error) {
		listener, err = net.ListenUDP("udp", &net.UDPAddr{IP: address.AsSlice(), Port: port})
		return err
	})
	defer listener.Close()
	netnstest.In(t, from, func() error {
		c, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: address.AsSlice(), Port: port})
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write(make([]byte, 3000))
		return err
	})
	_ = listener.SetReadDeadline(time.Now().Add(patience))
	n, err := listener.Read(make([]byte, 4000))
	return err == nil && n == 3000
}

// forwardIntoSA makes the first namespace a router that sends what the second one writes to this address into an SA.
func forwardIntoSA(t *testing.T, router, host string) (far netip.Addr) {
	t.Helper()
	run(t, "ip", "-n", router, "tuntap", "add", "ipsec0", "mode", "tun")
	run(t, "ip", "-n", router, "link", "set", "ipsec0", "up")
	run(t, "ip", "-n", router, "route", "add", "2001:db8:f1::/64", "dev", "ipsec0")
	run(t, "ip", "netns", "exec", router, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
	run(t, "ip", "-n", host, "route", "add", "2001:db8:f1::/64", "via", self.String())
	run(t, "ip", "netns", "exec", host, "ping", "-6", "-c", "1", "-w", "20", self.String()) // it knows its router: what it sends once arrives
	return netip.MustParseAddr("2001:db8:f1::1")
}

// A host behind a router forges the router's address; its Mobility Headers must not be carried into the SA.
func TestForgedMobilityHeaderIsNotCarriedIntoSA(t *testing.T) {
	a, b, f := namespaces(t, Libipsec)
	far := forwardIntoSA(t, a, b)
	if err := f.Apply(); err != nil {
		t.Fatal(err)
	}
	sender := rawtest.Open(t, b, 255)
	before := uint64(0)
	for name, packets := range crafted(self, far) {
		send(t, sender, packets, far)
		before = dropped(t, f, "forward", before, name)
	}
}

func TestApplyIsIdempotentAndRepairs(t *testing.T) {
	for _, mode := range []Mode{XFRM, Libipsec} {
		a, b, f := namespaces(t, mode)
		if err := f.Verify(); err == nil {
			t.Error("Verify is content without a table")
		}
		if err := f.Apply(); err != nil {
			t.Fatal(err)
		}
		_ = rawtest.Open(t, b, 135).Send(rawtest.MobilityHeader(other, self), self)
		for end := time.Now().Add(patience); count(t, f, "in") == 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if err := f.Apply(); err != nil || count(t, f, "in") == 0 {
			t.Errorf("%s: a second Apply: %v, or it reset the counters", mode, err)
		}
		for _, damage := range [][]string{
			{"delete", "table", "inet", "netlmm"},
			{"flush", "chain", "inet", "netlmm", "out"},
			{"insert", "rule", "inet", "netlmm", "in", "accept"},
			{"add", "chain", "inet", "netlmm", "more"},
		} {
			run(t, append([]string{"ip", "netns", "exec", a, "nft"}, damage...)...)
			if err := f.Verify(); err == nil || !strings.Contains(err.Error(), "inet netlmm") {
				t.Errorf("%s: Verify after nft %v: %v", mode, damage, err)
			}
			if err := f.Apply(); err != nil {
				t.Fatal(err)
			}
			if err := f.Verify(); err != nil {
				t.Errorf("%s: Apply did not repair nft %v: %v", mode, damage, err)
			}
		}
	}
}

// Changing the mode replaces the rules; another table is left alone; Remove takes ours away only.
func TestReplaceAndRemove(t *testing.T) {
	a, _, f := namespaces(t, XFRM)
	run(t, "ip", "netns", "exec", a, "nft", "add", "table", "inet", "operator")
	if err := f.Apply(); err != nil {
		t.Fatal(err)
	}
	g, err := New(Config{Mode: Libipsec, Device: "ipsec7", Table: "netlmm", NetNS: f.cfg.NetNS})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Apply(); err != nil {
		t.Fatal(err)
	}
	if rules := run(t, "ip", "netns", "exec", a, "nft", "list", "ruleset"); !strings.Contains(rules, `iifname != "ipsec7"`) || strings.Contains(rules, "ipsec missing") {
		t.Errorf("rules:\n%s", rules)
	}
	for range 2 {
		if err := g.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	if rules := run(t, "ip", "netns", "exec", a, "nft", "list", "ruleset"); strings.Contains(rules, "netlmm") || !strings.Contains(rules, "operator") {
		t.Errorf("rules:\n%s", rules)
	}
}

// Clean takes one table away, and says whether it was there.
func TestClean(t *testing.T) {
	a, _, f := namespaces(t, XFRM)
	run(t, "ip", "netns", "exec", a, "nft", "add", "table", "inet", "netlmm_other")
	if err := f.Apply(); err != nil {
		t.Fatal(err)
	}
	for _, there := range []bool{true, false} {
		netnstest.In(t, a, func() error {
			if removed, err := Clean(f.cfg.Table); removed != there || err != nil {
				t.Errorf("removed %v, want %v: %v", removed, there, err)
			}
			return nil
		})
		if tables := run(t, "ip", "netns", "exec", a, "nft", "list", "tables"); tables != "table inet netlmm_other\n" {
			t.Errorf("tables:\n%s", tables)
		}
	}
}

func TestNewChecksConfiguration(t *testing.T) {
	for _, cfg := range []Config{{Table: "t"}, {Mode: "none", Table: "t"}, {Mode: XFRM}, {Mode: Libipsec, Table: "t", Device: "a-name-that-is-too-long"}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
}
