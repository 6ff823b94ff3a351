package testbed

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"
)

// A dual-stack mobile node keeps its IPv4 address over a handover: its client renews the lease, which another gateway gave it,
// with the next one (RFC 5844 section 3.4.3). Asked for another address than the anchor assigned, the gateway refuses, and the
// client comes to the assigned one. Two mobile nodes of one IPv4 network reach each other through the anchor.
func TestIPv4AddressOverHandovers(t *testing.T) {
	t.Parallel()
	a := arrive(t, "v4")
	ack := accessTotal("served_dhcpv4_ack")
	for _, traffic := range a.running {
		mn := traffic.mn
		a.move(mn)
		gateway, _ := a.coreAddress(mn.At())
		a.waitGateway(mn, gateway)
		renewed := a.counter(t, mn.At(), ack)
		if err := mn.RenewLease(); err != nil {
			t.Fatal(err)
		}
		eventually(t, a.Domain, "the next gateway renews the lease of "+mn.Node, func() (bool, error) { return a.counter(t, mn.At(), ack) > renewed, nil })
		if address, err := mn.WaitIPv4Address(patience); err != nil || address != traffic.address4 {
			t.Errorf("%s has %v (%v), and had %v", mn.Node, address, err, traffic.address4)
		}
		if err := traffic.conversation4.Alive(patience); err != nil {
			t.Errorf("TCP connection of %s over IPv4: %v", mn.Node, err)
		}
		a.isolate() // both are at one gateway the second time
		a.pingsIPv4(0, 1)
		a.pingsIPv4(1, 0)
	}

	nak := accessTotal("served_dhcpv4_nak")
	mn := a.MobileNodes[0]
	refused := a.counter(t, mn.At(), nak)
	if err := a.StopProgram(mn.Node, dhcpClient); err != nil {
		t.Fatal(err)
	}
	if err := mn.requestIPv4(netip.MustParseAddr("10.64.9.9")); err != nil {
		t.Fatal(err)
	}
	eventually(t, a.Domain, "the gateway refuses another address", func() (bool, error) { return a.counter(t, mn.At(), nak) > refused, nil })
	if err := mn.startDHCPClient(); err != nil {
		t.Fatal(err)
	}
	if address, err := mn.WaitIPv4Address(patience); err != nil || address != a.running[0].address4 {
		t.Errorf("%s has %v (%v), and had %v", mn.Node, address, err, a.running[0].address4)
	}
}

// With EnableMAGLocalRouting packets between two mobile nodes of one gateway stay there (RFC 5213 section 6.10.3); without, they
// go through the anchor. The profile of a mobile node takes precedence.
func TestLocalRoutingOnAndOff(t *testing.T) {
	t.Parallel()
	d := up(t, "lr")
	if err := d.StartDaemons(); err != nil {
		t.Fatal(err)
	}
	a := enter(t, d)
	a.isolate()
	a.throughTheAnchor(true)
	d.restarted(t, NodeMAG1, "mag:\n", "mag:\n  enable_mag_local_routing: true\n")
	a.trafficFlows("a restart with enable_mag_local_routing")
	a.throughTheAnchor(false)
	if out, err := a.execute(NodeMAG1, nil, "nstat", "-asz", "Icmp6OutRedirects", "IcmpOutRedirects"); err != nil || len(redirected.FindAllString(string(out), -1)) != 2 {
		t.Errorf("the gateway told mobile nodes that they are on one link: %v\n%s", err, out)
	}
	off := "  ipv4: true\n  mobile_nodes:\n"
	for _, id := range MobileNodeIDs {
		off += "    - nai: " + id + "\n      proxy_registration: true\n      enable_mag_local_routing: false\n"
	}
	d.restarted(t, NodeMAG1, "  ipv4: true\n", off)
	a.trafficFlows("a restart with enable_mag_local_routing: false in the profiles")
	a.throughTheAnchor(true)
}

// redirected matches what nstat says of redirects that were not sent.
var redirected = regexp.MustCompile(`OutRedirects +0 `)

// isolate keeps stations of a cell from hearing each other, as access points can: the access link of RFC 5213 is between the
// gateway and one mobile node, and two of one IPv4 network would otherwise find each other by ARP.
func (a *arrived) isolate() {
	a.t.Helper()
	for _, mn := range a.MobileNodes {
		if _, err := a.execute(NodeAir, nil, "bridge", "link", "set", "dev", mn.Node, "isolated", "on"); err != nil {
			a.t.Fatal(err)
		}
		if _, err := a.execute(mn.Node, nil, "ip", "-4", "neigh", "flush", "dev", stationInterface); err != nil {
			a.t.Fatal(err)
		}
	}
}

// throughTheAnchor sends packets between the mobile nodes and looks whether the core link carries them.
func (a *arrived) throughTheAnchor(want bool) {
	a.t.Helper()
	from, to := a.running[0], a.running[1]
	for _, c := range []struct {
		name, family string
		from, to     netip.Addr
	}{{"IPv6", "-6", from.address, to.address}, {"IPv4", "-4", from.address4, to.address4}} {
		const pings = 20
		ping := func(count int) error {
			_, err := a.execute(from.mn.Node, nil, "ping", c.family, "-c", fmt.Sprint(count), "-i", "0.05", "-W", "2", "-I", c.from.String(), c.to.String())
			return err
		}
		eventually(a.t, a.Domain, "an "+c.name+" packet between the mobile nodes arrives", func() (bool, error) { return ping(1) == nil, nil })
		carried := a.watch(NodeCore, coreBridge, func(frame []byte) bool {
			return bytes.Contains(frame, c.from.AsSlice()) && bytes.Contains(frame, c.to.AsSlice())
		})
		if err := ping(pings); err != nil {
			a.t.Errorf("%s between two mobile nodes at one gateway: %v", c.name, err)
		}
		n := 0
		if want {
			eventually(a.t, a.Domain, "all echoes are seen on the core link", func() (bool, error) { n += len(carried()); return n >= pings, nil })
		} else if time.Sleep(100 * time.Millisecond); len(carried()) > 0 { // time for what must not happen
			a.t.Errorf("%s: packets on the core link for echoes between the mobile nodes at one gateway", c.name)
		}
		a.t.Logf("%s: %d echoes, %d packets on the core link", c.name, pings, n)
	}
}

// accessTotal is the name of a counter of access links.
func accessTotal(what string) string { return "netlmm_access_link_total{" + what + "}" }

// pingsIPv4 sends a packet from one mobile node to another's IPv4 address, and wants its answer.
func (a *arrived) pingsIPv4(from, to int) {
	a.t.Helper()
	eventually(a.t, a.Domain, fmt.Sprintf("mn%d reaches mn%d over IPv4", from+1, to+1), func() (bool, error) {
		_, err := a.execute(a.running[from].mn.Node, nil, "ping", "-4", "-c", "1", "-W", "2", a.running[to].address4.String())
		return err == nil, nil
	})
}

// requestIPv4 asks for an address as a client does that had it before it started again (RFC 2131 section 4.3.2, INIT-REBOOT).
func (mn *MobileNode) requestIPv4(address netip.Addr) error {
	request, err := dhcpv4.New(dhcpv4.WithHwAddr(mn.MAC), dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), dhcpv4.WithBroadcast(true),
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(address.AsSlice())))
	if err != nil {
		return err
	}
	return mn.domain.in(mn.Node, func() error {
		socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(socket)
		err = errors.Join(unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_BROADCAST, 1), unix.BindToDevice(socket, stationInterface),
			unix.Bind(socket, &unix.SockaddrInet4{Port: dhcpv4.ClientPort}))
		if err != nil {
			return err
		}
		return unix.Sendto(socket, request.ToBytes(), 0, &unix.SockaddrInet4{Port: dhcpv4.ServerPort, Addr: [4]byte{255, 255, 255, 255}})
	})
}
