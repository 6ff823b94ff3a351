package accesslink

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlmm/mobility/accesslink/dhcp6"
)

// A host with DHCPv6 gets an address of its home network prefix, and the same one behind every gateway (RFC 5213 section
// 6.11).
func TestDHCPv6Client(t *testing.T) {
	t.Parallel()
	before, after, where := here(t), newSpace(t), t.TempDir()
	accessBefore, accessAfter := before.newAccess(), after.newAccess()
	l := openWith(t, before, Config{Interface: accessBefore, DHCPv6: DHCPv6Server})
	run(t, l)
	s := newStation(t, before)
	s.plug(before, accessBefore)
	o := s.offer()
	o.IPv4HomeAddress, o.IPv4DefaultRouter = netip.Prefix{}, netip.Addr{}
	o.Expires = time.Now().Add(16 * time.Second) // it renews halfway
	mustOffer(t, l, o)
	wait(t, "the host's own address", func() bool { return strings.Contains(s.ip("-6 addr show dev eth0 -tentative"), " fe80:") })
	c := s.dhclient("-6", where)
	line := c.wait("BOUND6", 0)
	want(t, line, "dns=2001:db8:53::53", "server=0:3:0:1:0:0:5e:0:52:13")
	got := addressIn(t, line, s.prefix)
	wait(t, "the host's address", func() bool { return strings.Contains(s.ip("-6 addr show dev eth0"), got.String()+"/128") })

	next := openWith(t, after, Config{Interface: accessAfter, DHCPv6: DHCPv6Server})
	run(t, next)
	before.move(s.port, after)
	s.plug(after, accessAfter)
	o.Expires = time.Now().Add(time.Hour)
	mustOffer(t, next, o)
	if again := addressIn(t, c.wait("RENEW6", 0), s.prefix); again != got { // the server is the same to it
		t.Errorf("%s after the handover, was %s", again, got)
	}
	c.stopWithLease(where, got.String())
	c = s.dhclient("-6", where) // it has a lease and asks whether that fits here: Confirm
	if again := addressIn(t, c.wait("BOUND6", 0), s.prefix); again != got {
		t.Errorf("%s after a restart, was %s", again, got)
	}
	if served := next.Counters().Served; served[Service(dhcp6.Reply)] == 0 || served[Service(dhcp6.Advertise)] != 0 {
		t.Errorf("served %v", served)
	}
	c.stopWithLease(where, got.String())
	foreign := o
	foreign.HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:ffff::/64")}
	mustOffer(t, next, foreign)
	line = s.dhclient("-6", where).wait("BOUND6", 0) // the old address is NotOnLink: it starts anew
	addressIn(t, line, foreign.HomeNetworkPrefixes[0])
}

func addressIn(t testing.TB, line string, prefix netip.Prefix) netip.Addr {
	t.Helper()
	_, rest, _ := strings.Cut(line, "address=")
	text, _, _ := strings.Cut(rest, " ")
	address, err := netip.ParseAddr(text)
	if err != nil || !prefix.Contains(address) {
		t.Fatalf("want an address of %s in: %s", prefix, line)
	}
	return address
}

// The Router Advertisement says that there is DHCPv6, where there is (RFC 4861 section 4.2).
func TestAdvertisementSaysDHCPv6(t *testing.T) {
	for mode, want := range map[DHCPv6Mode]bool{DHCPv6Off: false, DHCPv6Server: true, DHCPv6Relay: true} {
		l := &Link{config: Config{DHCPv6: mode}}
		if ra := l.routerAdvertisement(&port{}, Advertisement{}); ra.ManagedConfiguration != want || ra.OtherConfiguration != want {
			t.Errorf("%s: %+v", mode, ra)
		}
	}
}

// What comes over the link is checked before it is served.
func TestDHCPv6Frames(t *testing.T) {
	solicit := []byte{1, 1, 2, 3}
	p := &port{linkLayer: [6]byte{0, 0, 0x5e, 0, 0x52, 0x13}}
	now := time.Now()
	good := func() []byte { return dhcpv6Frame(t, nodeMAC, node, solicit) }
	for _, test := range []struct {
		name  string
		frame []byte
		want  DropReason
	}{
		{"no client identifier", good(), DropReason(dhcp6.Malformed)},
		{"from a global address", dhcpv6Frame(t, nodeMAC, netip.MustParseAddr("2001:db8::9"), solicit), WrongSource},
		{"from nowhere", dhcpv6Frame(t, nodeMAC, netip.IPv6Unspecified(), solicit), WrongSource},
		{"unicast", fixChecksum(change(good(), ethernetHeader+24, 0xfe)), NotForUs},
		{"checksum", change(good(), headers+6, 0x77), WrongChecksum},
		{"no checksum", change(change(good(), headers+6, 0), headers+7, 0), WrongChecksum},
		{"short", good()[:headers+7], Truncated},
		{"UDP length", change(good(), headers+5, 200), Truncated},
		{"our own address", change(good(), 6, 0), ""},
	} {
		l := &Link{config: Config{DHCPv6: DHCPv6Server}, nodes: newNodes()}
		mustOffer(t, l, Offer{LinkLayer: nodeMAC, HomeNetworkPrefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")}, Expires: now.Add(time.Hour)})
		l.takeDHCPv6(test.frame, p, now)
		if test.want != "" && l.Counters().Dropped[test.want] != 1 {
			t.Errorf("%s: dropped %v", test.name, l.Counters().Dropped)
		}
	}
}

// fixChecksum makes the checksum of UDP over IPv6 right again.
func fixChecksum(frame []byte) []byte {
	body := frame[headers:]
	body[6], body[7] = 0, 0
	check := ^uint16(sum(sum(uint32(len(body))+17, frame[ethernetHeader+8:headers]), body))
	body[6], body[7] = byte(check>>8), byte(check)
	return frame
}

func FuzzDHCPv6Frame(f *testing.F) {
	f.Add(dhcpv6Frame(f, nodeMAC, node, []byte{1, 1, 2, 3, 0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1, 0, 3, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}))
	f.Fuzz(func(t *testing.T, frame []byte) {
		d, reason := parseUDPv6(frame)
		if reason == "" && (d.linkLayer[0]&1 != 0 || !bytes.Contains(frame, d.payload)) {
			t.Errorf("accepted %+v", d)
		}
	})
}

func FuzzDHCPv4Frame(f *testing.F) {
	f.Add(dhcpv4Frame(f, nodeMAC, discover(f, nodeMAC)))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) >= ethernetHeader+ipv4Header && frame[ethernetHeader] == 0x45 { // get beyond the checksum
			header := frame[ethernetHeader : ethernetHeader+ipv4Header]
			header[10], header[11] = 0, 0
			check := ^uint16(sum(0, header))
			header[10], header[11] = byte(check>>8), byte(check)
		}
		d, reason := parseUDPv4(frame)
		if reason == "" && (d.linkLayer[0]&1 != 0 || !d.source.Is4() || !bytes.Contains(frame, d.payload)) {
			t.Errorf("accepted %+v", d)
		}
	})
}
