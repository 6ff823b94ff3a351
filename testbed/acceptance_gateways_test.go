package testbed

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlmm/internal/netnstest"
	"netlmm/mobility/mh"
)

// The gateways have a security association with each other, under the operator's connections as well as under those that the
// daemons load: what they say to each other, Mobility Headers and MIH, is protected both ways, or is not said.
func TestControlChannelBetweenGateways(t *testing.T) {
	for _, managedBy := range []string{"swanctl", "netlmm"} {
		t.Run("managed by "+managedBy, func(t *testing.T) { controlChannelBetweenGateways(t, managedBy) })
	}
}

func controlChannelBetweenGateways(t *testing.T, managedBy string) {
	t.Parallel()
	d := up(t, "g"+managedBy[:1])
	if err := d.AddRogueHost(); err != nil { // before the capture, which listens at the ports that exist
		t.Fatal(err)
	}
	if managedBy == "netlmm" {
		d.startWithOwnConnections(t)
	} else if err := d.StartDaemons(); err != nil {
		t.Fatal(err)
	}
	a := enter(t, d)
	for _, way := range [][2]string{{NodeMAG1, NodeMAG2}, {NodeMAG2, NodeMAG1}, {NodeMAG1, NodeLMA}, {NodeLMA, NodeMAG1}} {
		a.associated(way[0], way[1])
		a.protectedMIH(way[0], way[1])
	}
	for _, way := range [][2]string{{NodeMAG1, NodeMAG2}, {NodeMAG2, NodeMAG1}} {
		a.protectedHandoverMessages(way[0], way[1])
	}
	a.handOverAll("the gateways spoke with each other")
	a.nothingInClear("while the associations stand")

	t.Run("in clear from another host", func(t *testing.T) { a.with(t).refusesMIHInClear() })

	seen := a.capture.Counts().MIHInClear // the rogue host's
	if err := a.Kill9(NodeMAG2, ProgramCharon); err != nil {
		t.Fatal(err)
	}
	if d.ipsec.Plugin == "kernel-netlink" { // the kernel's associations outlive charon, and would go on protecting
		if _, err := d.execute(NodeMAG2, nil, "sh", "-ec", "ip xfrm policy flush; ip xfrm state flush"); err != nil {
			t.Fatal(err)
		}
	}
	for _, network := range []string{"udp", "tcp"} {
		if err := a.sayMIH(network, NodeMAG2, NodeMAG1, MAG2Address, 300*time.Millisecond); err == nil {
			t.Errorf("MIH over %s arrives without charon", network)
		}
	}
	if err := a.Restart(NodeMAG2, ProgramCharon); err != nil {
		t.Fatal(err)
	}
	a.associated(NodeMAG2, NodeMAG1)
	a.protectedMIH(NodeMAG2, NodeMAG1)
	a.trafficFlows("the charon of mag2 is back")
	if n := a.capture.Counts().MIHInClear; n != seen {
		t.Errorf("%d packets of MIH in clear while mag2 had no charon, or afterwards", n-seen)
	}
}

// associated waits until a node's daemon says that its association with another one stands, for all that they say.
func (a *arrived) associated(node, peer string) {
	a.t.Helper()
	eventually(a.t, a.Domain, node+" has an association with "+peer, func() (bool, error) {
		var peers []struct{ Name, Identity, State, Covers string }
		if err := a.Ask(node, &peers, "peers"); err != nil {
			return false, err
		}
		for _, p := range peers {
			if p.Name == peer {
				return p.State == "up" && p.Identity == IKEIdentity(peer) && p.Covers == "Mobility Headers and MIH", nil
			}
		}
		return false, fmt.Errorf("%s does not know %s: %+v", node, peer, peers)
	})
}

// protectedMIH says MIH over UDP and over TCP, which arrives, and which the core link sees as ESP.
func (a *arrived) protectedMIH(from, to string) {
	a.t.Helper()
	source, _ := coreAddress(from)
	for _, network := range []string{"udp", "tcp"} {
		before := a.capture.Counts().ESP
		eventually(a.t, a.Domain, fmt.Sprintf("MIH over %s from %s arrives at %s", network, from, to), func() (bool, error) {
			return a.sayMIH(network, from, to, source, time.Second) == nil, nil
		})
		eventually(a.t, a.Domain, "it is seen as ESP", func() (bool, error) { return a.capture.Counts().ESP > before, nil })
	}
}

// sayMIH sends a little to the MIH port of a node, from this address of another one, and waits for the answer.
func (d *Domain) sayMIH(network, from, to string, source netip.Addr, within time.Duration) error {
	destination, err := coreAddress(to)
	if err != nil {
		return err
	}
	at := netip.AddrPortFrom(destination, mihPort)
	stop, err := d.answerMIH(to, at)
	if err != nil {
		return err
	}
	defer stop()
	return d.in(from, func() error {
		// over UDP both ends have the port; who connects has any
		dialer := net.Dialer{Timeout: within, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))}
		if network == "udp" {
			dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, mihPort))
		}
		c, err := dialer.Dial(network, at.String())
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.Write([]byte("MIH")); err != nil {
			return err
		}
		_ = c.SetReadDeadline(time.Now().Add(within))
		_, err = c.Read(make([]byte, 3))
		return err
	})
}

// answerMIH sends back what comes to the MIH port of a node, until stopped.
func (d *Domain) answerMIH(node string, at netip.AddrPort) (stop func(), err error) {
	var packets net.PacketConn
	var listener net.Listener
	err = d.in(node, func() (err error) {
		if packets, err = net.ListenPacket("udp", at.String()); err != nil {
			return err
		}
		if listener, err = net.Listen("tcp", at.String()); err != nil {
			packets.Close()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	netnstest.Echo(packets, listener)
	return func() { packets.Close(); listener.Close() }, nil
}

// protectedHandoverMessages sends what gateways say to each other (RFC 5949), past the daemons.
func (a *arrived) protectedHandoverMessages(from, to string) {
	a.t.Helper()
	received := a.record(to)
	source, _ := coreAddress(from)
	destination, _ := coreAddress(to)
	const handoverInitiate, handoverAcknowledge = 14, 15 // RFC 5568 sections 6.2.1.1 and 6.2.1.2
	for _, messageType := range []byte{handoverInitiate, handoverAcknowledge, byte(mh.TypeHeartbeat)} {
		header := make([]byte, 24)
		header[0], header[1], header[2] = 59, byte(len(header)/8-1), messageType
		if err := a.SendMobilityHeader(from, source, destination, header); err != nil {
			a.t.Fatal(err)
		}
		eventually(a.t, a.Domain, fmt.Sprintf("a Mobility Header of type %d from %s arrives at %s", messageType, from, to), func() (bool, error) {
			return len(received.Received(messageType)) > 0, nil
		})
	}
}

// refusesMIHInClear: another host on the core link gets no answer, neither under its own address nor under a gateway's, and the
// gateway counts what it dropped.
func (a *arrived) refusesMIHInClear() {
	a.t.Helper()
	if err := a.address(NodeRogueHost, "lo", MAG2Address.String()+"/128"); err != nil {
		a.t.Fatal(err)
	}
	for _, source := range []netip.Addr{RogueHostAddress, MAG2Address} {
		for _, network := range []string{"udp", "tcp"} {
			dropped, seen := a.status(a.t, NodeMAG1).Security.DroppedClear, a.capture.Counts().MIHInClear
			if err := a.sayMIH(network, NodeRogueHost, NodeMAG1, source, 300*time.Millisecond); err == nil {
				a.t.Errorf("MIH over %s from %v is answered in clear", network, source)
			} else if !strings.Contains(err.Error(), "timeout") {
				a.t.Errorf("MIH over %s from %v: %v, want silence", network, source, err)
			}
			if a.status(a.t, NodeMAG1).Security.DroppedClear == dropped {
				a.t.Errorf("MIH over %s from %v: the filter of mag1 counts nothing", network, source)
			}
			if a.capture.Counts().MIHInClear == seen { // which also shows that the capture would have seen any other
				a.t.Errorf("MIH over %s from %v: the capture saw nothing in clear", network, source)
			}
		}
	}
}
