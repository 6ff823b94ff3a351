package accesslink

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"netlmm/mobility/accesslink/dhcp4"
)

// servers is a namespace with a DHCP server behind the MAG, and the relay agent's side of it.
func servers(t *testing.T, mag space, configuration ...string) *Relay {
	server := newSpace(t)
	mag.ip("link add up0 type veth peer name srv0")
	t.Cleanup(func() { _ = mag.try("ip", "link", "del", "up0") })
	mag.move("srv0", server)
	for _, side := range []struct {
		space
		link, v4, v6 string
	}{{mag, "up0", "192.0.2.1/24", "2001:db8:f::1/64"}, {server, "srv0", "192.0.2.2/24", "2001:db8:f::2/64"}} {
		side.ip("link set " + side.link + " up")
		side.ip("addr add " + side.v4 + " dev " + side.link)
		side.ip("addr add " + side.v6 + " dev " + side.link + " nodad")
	}
	server.background("dnsmasq", append([]string{
		"--no-daemon", "--conf-file=/dev/null", "--pid-file=", "--port=0", "--user=root", "--interface=srv0", "--leasefile-ro", "--dhcp-authoritative", "--log-dhcp",
	}, configuration...)...)
	relay, err := OpenRelay(netip.MustParseAddr("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- relay.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		relay.Close()
	})
	return relay
}

// The domain's server knows the mobile node's link by its home network prefix, whatever access link it is on (RFC 5213
// section 6.11); RFC 8415 section 19.
func TestDHCPv6Relay(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	s := newStation(t, mag)
	first := s.prefix.Addr().String()
	relay := servers(t, mag, "--dhcp-range="+first+"1000,"+first+"1fff,64,1h", "--dhcp-option=option6:dns-server,[2001:db8:53::99]")
	l := openWith(t, mag, Config{Interface: access, DHCPv6: DHCPv6Relay, DHCPv6Servers: []netip.Addr{netip.MustParseAddr("2001:db8:f::2")}, Relay: relay})
	run(t, l)
	s.plug(mag, access)
	mustOffer(t, l, s.offer())
	wait(t, "the host's own address", func() bool { return strings.Contains(s.ip("-6 addr show dev eth0 -tentative"), " fe80:") })
	line := s.dhclient("-6", t.TempDir()).wait("BOUND6", 0)
	want(t, line, "dns=2001:db8:53::99")
	addressIn(t, line, s.prefix)
	served := l.Counters().Served
	if served[RelayedDHCPv6] < 2 || served[ReturnedDHCPv6] < 2 {
		t.Errorf("served %v", served)
	}
	// answers that nobody asked for
	before := relay.Dropped()
	forged := append([]byte{13, 0}, make([]byte, 32)...)
	forged = append(forged, 0, 9, 0, 4, 7, 0, 0, 0)
	relay.returnDHCPv6(forged, netip.MustParseAddrPort("[2001:db8:f::2]:547"))
	relay.returnDHCPv6([]byte{13}, netip.MustParseAddrPort("[2001:db8:f::2]:547"))
	if n := relay.Dropped(); n != before+2 {
		t.Errorf("dropped %d", n-before)
	}
}

// The anchor says that this gateway relays: the server elsewhere gives the address that the anchor assigned, and renewals
// come through here (RFC 5844 section 3.4.2).
func TestDHCPv4Relay(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	s := newStation(t, mag)
	relay := servers(t, mag, "--dhcp-range=10.64.0.0,static,255.255.0.0,1h", "--dhcp-host="+net.HardwareAddr(s.mac[:]).String()+",10.64.0.9", "--dhcp-option=option:router,10.64.99.99", "--dhcp-option=option:dns-server,192.0.2.99")
	l := openWith(t, mag, Config{Interface: access, DHCPv4: true, DHCPv4Servers: []netip.Addr{netip.MustParseAddr("192.0.2.2")}, Relay: relay})
	run(t, l)
	s.plug(mag, access)
	o := s.offer()
	o.Relay = true
	mustOffer(t, l, o)
	c := s.udhcpc()
	want(t, c.wait("bound", 0), "address=10.64.0.9/16", "router=10.64.0.1", "mtu=1400", "dns=192.0.2.99", "server=10.64.0.1")
	c.signal(syscall.SIGUSR1)
	want(t, c.wait("renew", 0), "address=10.64.0.9/16", "server=10.64.0.1")
	served := l.Counters().Served
	if served[RelayedDHCPv4] < 3 || served[ReturnedDHCPv4] < 3 || served[Service(dhcp4.Acknowledgement)] < 2 {
		t.Errorf("served %v", served)
	}
	// the anchor gave the node another address than the server does: nothing gets through
	o.IPv4HomeAddress = netip.MustParsePrefix("10.64.0.10/16")
	mustOffer(t, l, o)
	c.signal(syscall.SIGUSR1)
	wait(t, "the request to be dropped", func() bool { return l.Counters().Dropped[DropReason(dhcp4.WrongAddress)] != 0 })
}

// A mobile node cannot pose as a server: what comes from an access link to the relay's port reaches nobody, also where any
// member of the servers' group may answer.
func TestRelayHearsNoServersOnAccessLinks(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	s, victim := newStation(t, mag), newStation(t, mag)
	relay := servers(t, mag)
	l := openWith(t, mag, Config{Interface: access, DHCPv6: DHCPv6Relay, DHCPv6Servers: []netip.Addr{netip.MustParseAddr("ff05::1:3")}, Relay: relay})
	run(t, l)
	s.plug(mag, access)
	victim.plug(mag, access)
	mustOffer(t, l, victim.offer())
	wait(t, "the host's own address", func() bool { return strings.Contains(s.ip("-6 addr show dev eth0 -tentative"), " fe80:") })
	circuit := l.circuit(victim.mac)
	forged := append([]byte{13, 0}, make([]byte, 32)...)
	forged[18], forged[19], forged[33] = 0xfe, 0x80, 1
	forged = append(append(forged, 0, 18, 0, byte(len(circuit))), circuit...)
	forged = append(forged, 0, 9, 0, 4, 7, 0, 0, 0)
	wait(t, "the forged answer", func() bool {
		s.do(func() error {
			conn, err := net.ListenPacket("udp6", "[::]:547")
			if err != nil {
				return err
			}
			defer conn.Close()
			eth0, err := net.InterfaceByName("eth0")
			if err != nil {
				return err
			}
			zone := strconv.Itoa(eth0.Index)                                                                          // by its name the library would find, for a minute, the one of another namespace
			_, _ = conn.WriteTo(forged, &net.UDPAddr{IP: l.config.LinkLocalAddress.AsSlice(), Port: 547, Zone: zone}) // again until it is seen
			return nil
		})
		return relay.Dropped() != 0 || l.Counters().Served[ReturnedDHCPv6] != 0
	})
	if n := l.Counters().Served[ReturnedDHCPv6]; n != 0 {
		t.Errorf("%d answers of a mobile node reached another", n)
	}
}

func TestRelayRefuses(t *testing.T) {
	server6, server4 := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.2")
	for _, test := range []struct {
		name   string
		config Config
	}{
		{"no relay", Config{DHCPv6: DHCPv6Relay, DHCPv6Servers: []netip.Addr{server6}}},
		{"no server", Config{DHCPv6: DHCPv6Relay, Relay: &Relay{}}},
		{"IPv4 server for DHCPv6", Config{DHCPv6: DHCPv6Relay, Relay: &Relay{}, DHCPv6Servers: []netip.Addr{server4}}},
		{"link-local server", Config{DHCPv6: DHCPv6Relay, Relay: &Relay{}, DHCPv6Servers: []netip.Addr{netip.MustParseAddr("fe80::1")}}},
		{"relay without IPv4", Config{DHCPv4: true, Relay: &Relay{}, DHCPv4Servers: []netip.Addr{server4}}},
		{"IPv6 server for DHCPv4", Config{DHCPv4: true, Relay: &Relay{v4: &net.UDPConn{}}, DHCPv4Servers: []netip.Addr{server6}}},
		{"no such mode", Config{DHCPv6: "proxy"}},
	} {
		test.config.Interface = "eth0"
		if _, err := test.config.complete(); err == nil {
			t.Errorf("%s: taken", test.name)
		}
	}
	if _, err := OpenRelay(server6); err == nil {
		t.Error("an IPv6 address for DHCPv4: taken")
	}
}
