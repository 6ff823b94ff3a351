package testbed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"netlmm/mobility"
)

// A network that both gateways have beside the core link, with one host on it. The correspondent beyond the anchor has the same address, so that
// who answers tells which way a packet went, and the source that it saw, as what.
const (
	nodeNearby      = "nearby"
	nearbyInterface = "near0"
	offloadedPort   = 7001
	tunnelledPort   = 7002
)

var (
	nearbyNetwork = netip.MustParsePrefix("198.18.0.0/24")
	nearbyServer  = netip.MustParseAddr("198.18.0.9")
	nearbyGateway = map[string]netip.Addr{NodeMAG1: netip.MustParseAddr("198.18.0.1"), NodeMAG2: netip.MustParseAddr("198.18.0.2")}
)

// Texts of configurations: the switch of RFC 6909 section 4, and the policies. The anchor has one for the first mobile node, and the gateways
// propose one for the second: they are two ways to say the same of packets to these ports.
const (
	offloadOn     = "  enable_ipv4_traffic_offload_support: true\n"
	anchorsPolicy = `policy:
  mobile_nodes: [{nai: mn1@example.net, offload_policy: one}]
  offload_policies:
    - name: one
      selectors:
        - {correspondents: 198.18.0.0/24, correspondent_ports: 7001, protocol: tcp}
        - {correspondents: 198.18.0.9, correspondent_ports: 7000-7001, protocol: udp}
`
	gatewaysPolicy = `policy:
  ipv4: true
  mobile_nodes: [{nai: mn2@example.net, offload_policy: rest}]
  offload_policies:
    - name: rest
      offload: others
      selectors: [{correspondent_ports: 7002}, {protocol: icmp}]
`
)

// nearby builds the network and runs a server at both ends.
func (d *Domain) nearby(t *testing.T) {
	t.Helper()
	if err := d.addNode(nodeNearby); err != nil {
		t.Fatal(err)
	}
	err := d.bridge(nodeNearby, coreBridge, false)
	for mag, address := range nearbyGateway {
		err = errors.Join(err, d.cable(end{node: mag, name: nearbyInterface}, end{node: nodeNearby, name: mag, bridge: coreBridge, quiet: true}),
			d.address(mag, nearbyInterface, netip.PrefixFrom(address, nearbyNetwork.Bits()).String()))
	}
	err = errors.Join(err, d.address(nodeNearby, coreBridge, netip.PrefixFrom(nearbyServer, nearbyNetwork.Bits()).String()),
		d.address(NodeCorrespondent, "lo", netip.PrefixFrom(nearbyServer, 32).String()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.execute(NodeLMA, nil, "ip", "route", "add", nearbyNetwork.String(), "via", CorrespondentOnLink4.String(), "dev", cnInterface); err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{nodeNearby, NodeCorrespondent} {
		for _, port := range []uint16{offloadedPort, tunnelledPort} {
			d.answers(t, node, netip.AddrPortFrom(nearbyServer, port))
		}
	}
}

// answers runs a server of both protocols that says where it is and whom it sees.
func (d *Domain) answers(t *testing.T, node string, at netip.AddrPort) {
	t.Helper()
	var udp *net.UDPConn
	var tcp *net.TCPListener
	err := d.in(node, func() (err error) {
		if udp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at)); err == nil {
			tcp, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close(); tcp.Close() })
	go func() {
		for buffer := make([]byte, 100); ; {
			_, from, err := udp.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			_, _ = udp.WriteToUDPAddrPort(fmt.Appendf(nil, "%s sees %v", node, from.Addr().Unmap()), from)
		}
	}()
	go func() {
		for {
			conn, err := tcp.AcceptTCP()
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(conn, "%s sees %v", node, conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap())
			conn.Close()
		}
	}()
}

// hears is what the server says to a mobile node, once.
func (a *arrived) hears(of *traffic, network string, port uint16) (answer string, err error) {
	var conn net.Conn
	err = a.in(of.mn.Node, func() (err error) {
		dialer := net.Dialer{Timeout: 2 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(of.address4, 0))}
		if network == "udp" {
			dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(of.address4, 0))
		}
		conn, err = dialer.Dial(network, netip.AddrPortFrom(nearbyServer, port).String())
		return err
	})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return "", err
	}
	if network == "udp" {
		if _, err := conn.Write([]byte("who?")); err != nil {
			return "", err
		}
	}
	if stream, ok := conn.(*net.TCPConn); ok { // nothing is left to be sent again when this one is closed: the mobile node may be elsewhere by then
		if err := stream.SetLinger(2); err != nil {
			return "", err
		}
		text, err := io.ReadAll(stream)
		return string(text), err
	}
	buffer := make([]byte, 100)
	n, err := conn.Read(buffer)
	return string(buffer[:n]), err
}

// goes wants a mobile node's packets to both ports answered: those to offloadedPort from the gateway's network, which sees them come from this
// address, or is not to see them, and all others from beyond the anchor, which sees the mobile node's own.
func (a *arrived) goes(of *traffic, from netip.Addr, when string) {
	a.t.Helper()
	tunnelled := fmt.Sprintf("%s sees %v", NodeCorrespondent, of.address4)
	want := map[uint16]string{offloadedPort: tunnelled, tunnelledPort: tunnelled}
	if from.IsValid() {
		want[offloadedPort] = fmt.Sprintf("%s sees %v", nodeNearby, from)
	}
	for port, want := range want {
		for _, network := range []string{"udp", "tcp"} {
			var got string
			var last error
			err := poll(patience, fmt.Sprintf("%s: %s to port %d of %s is answered", when, network, port, of.mn.Node), func() (bool, error) {
				got, last = a.hears(of, network, port)
				return got == want, nil
			})
			if err != nil {
				a.t.Errorf("%v with %q: got %q (%v)\n%s", err, want, got, last, a.logs())
			}
		}
	}
}

// translated is the address of a mobile node's gateway where packets leave that are offloaded.
func (a *arrived) translated(of *traffic) netip.Addr { return nearbyGateway[of.mn.At()] }

// agreed waits until a daemon has this offload policy for a mobile node.
func (a *arrived) agreed(node, mobileNode, want string) {
	a.t.Helper()
	var bindings []struct {
		MobileNodeID  string                 `json:"mobile_node_id"`
		OffloadPolicy mobility.OffloadPolicy `json:"offload_policy"`
	}
	got := "no binding"
	err := poll(patience, daemonOf(node)+" of "+node+" has the offload policy of "+mobileNode, func() (bool, error) {
		bindings = nil
		if err := a.Ask(node, &bindings, "bindings"); err != nil {
			return false, nil // it may be starting
		}
		for _, b := range bindings {
			if b.MobileNodeID == mobileNode {
				got = b.OffloadPolicy.String()
			}
		}
		return got == want, nil
	})
	if err != nil {
		a.t.Fatalf("%v: it has %q, want %q\n%s", err, got, want, a.logs())
	}
}

const (
	policyOne  = "matching: source 198.18.0.0-198.18.0.255 source_port 7001 protocol 6; source 198.18.0.9 source_port 7000-7001 protocol 17"
	shownOne   = "matching: correspondents 198.18.0.0/24 correspondent_ports 7001 protocol tcp, and 1 more" // by netlmmctl
	policyRest = "others: source_port 7002; protocol 1"
)

// What offload policies have of a mobile node's IPv4 packets leaves at its gateway and is translated there, everything else goes through
// the tunnel; the next gateway has the policy, and so have an anchor and a gateway that were killed (RFC 6909).
func TestIPv4TrafficOffload(t *testing.T) {
	t.Parallel()
	d := up(t, "of")
	d.nearby(t)
	d.startWith(t, NodeLMA, "lma:\n", "lma:\n"+offloadOn, "forwarding:\n", anchorsPolicy+"forwarding:\n")
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		d.startWith(t, mag, "mag:\n", "mag:\n"+offloadOn, "policy:\n  ipv4: true\n", gatewaysPolicy)
	}
	a := enter(t, d)
	first, second := a.running[0], a.running[1]
	misplaced := a.misplaced()
	a.agreed(NodeLMA, first.mn.ID, policyOne)
	a.agreed(NodeMAG1, first.mn.ID, policyOne)
	a.agreed(NodeMAG1, second.mn.ID, policyRest)
	before := a.status(t, NodeMAG1).Forwarding.Offload
	a.goes(first, a.translated(first), "at the first gateway")
	a.goes(second, a.translated(second), "at the first gateway, by a policy of the gateway")
	if after := a.status(t, NodeMAG1).Forwarding.Offload; after.Packets < before.Packets+4 || after.Octets <= before.Octets {
		t.Errorf("mag1 counts %+v packets that it offloaded, and before that %+v", after, before)
	}
	a.showsOffload(NodeMAG1, shownOne)
	a.wellPlaced(misplaced, nil, "at the first gateway")

	a.move(first.mn)
	a.agreed(NodeMAG2, first.mn.ID, policyOne)
	a.goes(first, a.translated(first), "at the next gateway")
	a.wellPlaced(misplaced, first, "between the gateways")
	a.goes(first, a.translated(first), "at the next gateway, for good")
	a.goes(second, a.translated(second), "at the first gateway, alone")

	// While a mobile node stays, nothing changes its policy (section 3.3), not even a restart with another one.
	a.killed(NodeLMA, "name: one\n      selectors:\n", "name: one\n      selectors:\n        - {correspondent_ports: 7002, protocol: sctp}\n")
	a.agreed(NodeLMA, first.mn.ID, policyOne)
	a.agreed(NodeLMA, second.mn.ID, policyRest)
	a.goes(first, a.translated(first), "after the anchor was killed")
	a.goes(second, a.translated(second), "after the anchor was killed")
	a.killed(NodeMAG1, "[{correspondent_ports: 7002}", "[{correspondent_ports: 7001-7002}")
	a.agreed(NodeMAG1, second.mn.ID, policyRest)
	a.goes(second, a.translated(second), "after its gateway was killed")
	a.wellPlaced(misplaced, nil, "at the next gateway, and over what was killed")
	a.move(first.mn)
	a.agreed(NodeMAG1, first.mn.ID, strings.Replace(policyOne, ": ", ": source_port 7002 protocol 132; ", 1))
	a.goes(first, a.translated(first), "back at the first gateway")
	a.wellPlaced(misplaced, first, "on the way back")
	a.goes(first, a.translated(first), "back at the first gateway, for good")
	a.wellPlaced(misplaced, nil, "back at the first gateway")
	for _, traffic := range a.running { // to where the gateways have no route of their own, whatever the policy
		if err := traffic.conversation4.Alive(patience); err != nil {
			t.Errorf("TCP connection of %s: %v", traffic.mn.Node, err)
		}
	}
	a.untranslated(first)
	a.noneWithoutTheSwitch()
	tunnelled := misplaced()
	for _, traffic := range a.running {
		if what := throughTheTunnel(traffic); len(tunnelled[what]) == 0 {
			t.Errorf("no packets %s were seen: none would have been before", what)
		}
	}
}

func throughTheTunnel(of *traffic) string { return "of " + of.mn.Node + " through the tunnel" }

// wellPlaced wants no packets where none should be, since it was asked last. Those of who moved may go through the tunnel until its new gateway has
// answered by its own network: until then the policy need not be in the kernel there.
func (a *arrived) wellPlaced(misplaced func() map[string][][]byte, moved *traffic, when string) {
	a.t.Helper()
	for what, frames := range misplaced() {
		if len(frames) > 0 && (moved == nil || what != throughTheTunnel(moved)) {
			a.t.Errorf("%s: %d packets %s, such as %x", when, len(frames), what, frames[0])
		}
	}
}

// killed is killed without a warning and started again with another configuration.
func (a *arrived) killed(node string, replacements ...string) {
	a.t.Helper()
	time.Sleep(time.Second) // lmad writes bindings a little behind
	if err := a.Kill9(node, daemonOf(node)); err != nil {
		a.t.Fatal(err)
	}
	a.edit(a.t, node, replacements...)
	if err := a.Restart(node, daemonOf(node)); err != nil {
		a.t.Fatal(err)
	}
}

// misplaced watches real links for packets that should not be there: towards the nearby network as the mobile node's own, and through the
// tunnel to the port that is offloaded. Each call tells those since the one before.
func (a *arrived) misplaced() func() map[string][][]byte {
	a.t.Helper()
	seen := map[string]func() [][]byte{}
	for _, traffic := range a.running {
		home := traffic.address4.AsSlice()
		ends := append(bytes.Clone(home), nearbyServer.AsSlice()...)
		seen[throughTheTunnel(traffic)] = a.watch(NodeCore, coreBridge, func(frame []byte) bool {
			at := bytes.Index(frame, ends)
			return at > 0 && len(frame) >= at+12 && binary.BigEndian.Uint16(frame[at+10:]) == offloadedPort
		})
		for mag := range nearbyGateway {
			seen["of "+traffic.mn.Node+" untranslated at "+mag] = a.watchType(mag, nearbyInterface, unix.ETH_P_IP, func(frame []byte) bool { return bytes.Contains(frame, home) })
		}
	}
	return func() map[string][][]byte {
		time.Sleep(100 * time.Millisecond) // what was captured last is read
		list := map[string][][]byte{}
		for what, frames := range seen {
			list[what] = frames()
		}
		return list
	}
}

// showsOffload looks at what an operator sees.
func (a *arrived) showsOffload(mag, policy string) {
	a.t.Helper()
	binary, err := a.binary("netlmmctl")
	if err != nil {
		a.t.Fatal(err)
	}
	for command, want := range map[string]string{"bindings": policy, "status": "offloaded", "config": "EnableIPv4TrafficOffloadSupport"} {
		out, err := a.execute(mag, nil, binary, "--socket", a.AdminSocket(mag), command)
		if err != nil || !strings.Contains(out, want) {
			a.t.Errorf("netlmmctl %s of %s (%v) has no %q:\n%s", command, mag, err, want, out)
		}
		if command != "config" {
			a.t.Logf("netlmmctl %s\n%s", command, out)
		}
	}
}

// untranslated: where the services beside a gateway have a route back by it, packets may keep the mobile node's address (section 1).
func (a *arrived) untranslated(of *traffic) {
	a.t.Helper()
	if _, err := a.execute(nodeNearby, nil, "ip", "route", "add", IPv4Pool.String(), "via", nearbyGateway[NodeMAG2].String(), "dev", coreBridge); err != nil {
		a.t.Fatal(err)
	}
	a.restarted(a.t, NodeMAG2, "forwarding:\n", "forwarding:\n  offload_nat: none\n")
	a.move(of.mn)
	a.waitGateway(of.mn, MAG2Address)
	a.goes(of, of.address4, "at a gateway that does not translate")
	a.move(of.mn)
	a.waitGateway(of.mn, MAG1Address)
}

// noneWithoutTheSwitch turns it off at one end after the other: nothing is offloaded then, whatever policies there are (section 4).
func (a *arrived) noneWithoutTheSwitch() {
	a.t.Helper()
	a.restarted(a.t, NodeMAG2, offloadOn, "")
	for _, traffic := range a.running {
		a.move(traffic.mn)
		a.waitGateway(traffic.mn, MAG2Address)
		a.agreed(NodeLMA, traffic.mn.ID, "none")
		a.agreed(NodeMAG2, traffic.mn.ID, "none")
		a.goes(traffic, netip.Addr{}, "at a gateway without the switch")
	}
	a.restarted(a.t, NodeLMA, offloadOn, "")
	for _, traffic := range a.running {
		a.move(traffic.mn)
		a.waitGateway(traffic.mn, MAG1Address)
		a.agreed(NodeMAG1, traffic.mn.ID, "none")
		a.goes(traffic, netip.Addr{}, "with an anchor without the switch")
	}
}
