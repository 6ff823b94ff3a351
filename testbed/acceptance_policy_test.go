package testbed

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"netlmm/mobility/mh"
)

// A mobile node that policy does not allow is left alone (RFC 5213 section 6.14): its anchor hears nothing of it, it is told of
// no router even when it asks for one, and gets no address of either kind. The one beside it is served.
func TestPolicyLeavesAMobileNodeAlone(t *testing.T) {
	t.Parallel()
	d := up(t, "po")
	served, denied := d.MobileNodes[0], d.MobileNodes[1]
	if err := d.StartDaemon(NodeLMA); err != nil {
		t.Fatal(err)
	}
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		d.startWith(t, mag, "  ipv4: true\n", "  ipv4: true\n  mobile_nodes:\n    - nai: "+denied.ID+"\n      proxy_registration: false\n")
	}
	a := &arrived{Domain: d, t: t}
	updates := a.record(NodeLMA)
	advertisements, others := a.watchRouter(denied), a.watchRouter(served)
	if err := d.Associate(); err != nil {
		t.Fatal(err)
	}
	const notAllowed = "netlmm_mih_link_events_total{not_allowed_by_policy}"
	eventually(t, d, "magd of mag1 sees the mobile node and leaves it alone", func() (bool, error) {
		return d.counter(t, NodeMAG1, notAllowed) > 0, nil
	})
	for _, mn := range []*MobileNode{served, denied} {
		if err := mn.startDHCPClient(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := served.WaitAddress(patience); err != nil {
		t.Fatal(err)
	}
	if _, err := served.WaitIPv4Address(patience); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := a.solicit(denied); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // time for what must not happen
	}
	if _, err := denied.Move(NodeMAG2); err != nil { // nor does the next gateway serve it
		t.Fatal(err)
	}
	eventually(t, d, "magd of mag2 sees the mobile node and leaves it alone", func() (bool, error) {
		return d.counter(t, NodeMAG2, notAllowed) > 0, nil
	})
	time.Sleep(time.Second)
	for _, header := range updates.Received(byte(mh.TypeBindingUpdate)) {
		var u mh.BindingUpdate
		if u.Decode(header.Payload) == nil && u.Options.MobileNodeID.String() == denied.ID {
			t.Errorf("%s was registered by %s", denied.ID, header.Source)
		}
	}
	if len(updates.Received(byte(mh.TypeBindingUpdate))) == 0 {
		t.Error("the record at the anchor is empty: it would not have shown the other mobile node either")
	}
	if seen := advertisements(); len(seen) > 0 {
		t.Errorf("%s got %d Router Advertisements: %x", denied.Node, len(seen), seen[0])
	}
	if len(others()) == 0 {
		t.Errorf("no Router Advertisement was seen at %s: none would have been at %s", served.Node, denied.Node)
	}
	if address, ok, err := denied.GlobalAddress(); ok || err != nil {
		t.Errorf("%s has address %v (%v)", denied.Node, address, err)
	}
	if address, ok, err := denied.IPv4Address(); ok || err != nil {
		t.Errorf("%s has address %v (%v)", denied.Node, address, err)
	}
	if homes := strings.Join(d.homes(t), "\n"); strings.Contains(homes, denied.ID) || !strings.Contains(homes, served.ID) {
		t.Errorf("the anchor has\n%s", homes)
	}
}

// A mobile node is told the MTU of the tunnel, so that none of its packets is too large there; where the access link takes
// less, that (RFC 5213 sections 6.9.2 and 6.9.5).
func TestMobileNodesAreToldTheMTU(t *testing.T) {
	t.Parallel()
	d := up(t, "mt")
	if err := d.StartDaemon(NodeLMA); err != nil {
		t.Fatal(err)
	}
	const lower = 1340
	for _, link := range [][2]string{{NodeMAG2, accessInterface}, {NodeAir, "ap-" + NodeMAG2}} {
		if _, err := d.execute(link[0], nil, "ip", "link", "set", link[1], "mtu", fmt.Sprint(lower)); err != nil {
			t.Fatal(err)
		}
	}
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		if err := d.StartDaemon(mag); err != nil {
			t.Fatal(err)
		}
	}
	a := enter(t, d)
	var status struct {
		Forwarding struct {
			TunnelMTU int `json:"tunnel_mtu"`
		} `json:"forwarding"`
	}
	d.ask(t, NodeMAG1, &status, "status")
	tunnel := status.Forwarding.TunnelMTU
	if tunnel <= lower || tunnel >= 1500 {
		t.Fatalf("the tunnel takes %d octets: this test wants more than %d, and less than the core link", tunnel, lower)
	}
	a.mtuIs(tunnel)
	// what fits leaves and comes back whole, also with the most that it says
	for _, traffic := range a.running {
		if _, err := d.execute(traffic.mn.Node, nil, "ping", "-6", "-c", "3", "-W", "5", "-M", "do", "-s", fmt.Sprint(tunnel-48), CorrespondentOnLink.String()); err != nil {
			t.Errorf("%s: a packet of %d octets: %v", traffic.mn.Node, tunnel, err)
		}
	}
	a.handOverAll("the start")
	a.mtuIs(lower)
	a.handOverAll("the first")
	a.mtuIs(tunnel)
	t.Logf("MTU: tunnel %d, access link of mag2 %d", tunnel, lower)
}

// mtuIs waits until every mobile node has an IPv6 MTU on its interface, which it takes from Router Advertisements.
func (a *arrived) mtuIs(want int) {
	a.t.Helper()
	for _, mn := range a.MobileNodes {
		eventually(a.t, a.Domain, fmt.Sprintf("%s at %s has an MTU of %d", mn.Node, mn.At(), want), func() (bool, error) {
			out, err := a.execute(mn.Node, nil, "cat", "/proc/sys/net/ipv6/conf/"+stationInterface+"/mtu")
			return strings.TrimSpace(out) == fmt.Sprint(want), err
		})
	}
}

// watchRouter keeps the Router Advertisements that reach a mobile node, and returns a function that has them.
func (a *arrived) watchRouter(mn *MobileNode) (seen func() [][]byte) {
	a.t.Helper()
	const nextHeader, icmp, routerAdvertisement = ethernetHeader + 6, ethernetHeader + ipv6Header, 134
	return a.watch(mn.Node, stationInterface, func(frame []byte) bool {
		return len(frame) > icmp && frame[nextHeader] == unix.IPPROTO_ICMPV6 && frame[icmp] == routerAdvertisement
	})
}

// watch keeps the IPv6 frames of an interface, or that a bridge forwards, which are worth it, until the end of the test. The
// function that it returns has those since its last call.
func (a *arrived) watch(node, name string, worth func(frame []byte) bool) (seen func() [][]byte) {
	a.t.Helper()
	return a.watchType(node, name, unix.ETH_P_IPV6, worth)
}

// watchType is watch for frames of another type.
func (a *arrived) watchType(node, name string, etherType int, worth func(frame []byte) bool) (seen func() [][]byte) {
	a.t.Helper()
	var conn *packet.Conn
	err := a.in(node, func() error {
		link, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		if conn, err = packet.Listen(link, packet.Raw, etherType, nil); err != nil {
			return err
		}
		return conn.SetPromiscuous(true)
	})
	if err != nil {
		a.t.Fatal(err)
	}
	frames, done := make(chan []byte, 1000), make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, snapLength)
		for {
			n, _, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if worth(buffer[:n]) {
				select {
				case frames <- append([]byte{}, buffer[:n]...):
				default:
				}
			}
		}
	}()
	a.t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return func() (list [][]byte) {
		for {
			select {
			case frame := <-frames:
				list = append(list, frame)
			default:
				return list
			}
		}
	}
}
