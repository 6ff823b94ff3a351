package testbed

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"netlmm/mobility/forwarding/kernel"
)

// RFC 5844 section 4: LMA and MAGs have nothing but IPv4 between them. The signalling goes in UDP port 5436 under IPsec, the mobile
// nodes' packets of both versions in tunnels over IPv4, and everything survives handovers, a kill of the anchor and its charon, and a
// revocation. Where the kernel has no such tunnels, the daemons refuse to start and say what is missing.
func TestIPv4Transport(t *testing.T) {
	t.Parallel()
	d := upWith(t, Options{ID: "u4", IPv4Transport: true})
	capabilities, err := kernel.Probe()
	if err != nil {
		t.Fatal(err)
	}
	err = d.StartDaemons()
	if !capabilities.Sit {
		if err == nil || !strings.Contains(err.Error(), "modprobe sit") {
			t.Errorf("a kernel without the driver: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	a := enter(t, d)
	a.protectedOverIPv4()
	a.tunnelledOverIPv4("at first")
	a.handOverAll("coming in")
	a.tunnelledOverIPv4("after a handover")
	a.killAndRestart(NodeLMA, ProgramLMAD, ProgramCharon)
	a.trafficFlows("the LMA is back")
	a.handOverAll("the LMA is back")
	for _, traffic := range a.running {
		for name, conversation := range map[string]*Conversation{"IPv6": traffic.conversation, "IPv4": traffic.conversation4} {
			if err := conversation.Alive(patience); err != nil {
				t.Errorf("TCP connection of %s over %s: %v", traffic.mn.Node, name, err)
			}
		}
	}
	mn := a.MobileNodes[0]
	if err := d.Ask(NodeLMA, &struct{}{}, "revoke", "--mobile-node", mn.ID); err != nil {
		t.Errorf("revocation over IPv4: %v", err)
	}
	a.nothingInClear("in the end")
}

// protectedOverIPv4: every daemon has what carries packets over IPv4 alone, and the associations stand and are used.
func (a *arrived) protectedOverIPv4() {
	a.t.Helper()
	for node, least := range map[string]int{NodeLMA: 2, NodeMAG1: 1, NodeMAG2: 1} { // that of two gateways comes when they need it
		eventually(a.t, a.Domain, node+" has its associations", func() (bool, error) {
			return a.status(a.t, node).Security.PeersUp >= least, nil
		})
		if backend := a.status(a.t, node).Forwarding.Backend; backend != kernel.Sit {
			a.t.Errorf("%s forwards by %s", node, backend)
		}
	}
	if counts := a.capture.Counts(); counts.ESP == 0 || counts.MHInClear != 0 {
		a.t.Errorf("on the core link: %+v", counts)
	}
	for _, b := range a.bindings(a.t) {
		if !coreNetworkIPv4.Contains(b.ProxyCareOfAddress) {
			a.t.Errorf("%s is registered at %s", b.MobileNodeID, b.ProxyCareOfAddress)
		}
	}
}

// tunnelledOverIPv4 looks for the mobile nodes' packets on the core link, both versions in both directions.
func (a *arrived) tunnelledOverIPv4(when string) {
	a.t.Helper()
	ends := [][]byte{}
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		ends = append(ends, a.ikePeerOf(node).Address.AsSlice())
	}
	for _, traffic := range a.running {
		for _, c := range []struct {
			protocol byte
			end      []byte
			family   string
			to       fmt.Stringer
		}{{unix.IPPROTO_IPV6, traffic.address.AsSlice(), "-6", CorrespondentOnLink}, {unix.IPPROTO_IPIP, traffic.address4.AsSlice(), "-4", CorrespondentOnLink4}} {
			isEnd := func(address []byte) bool {
				return slices.ContainsFunc(ends, func(end []byte) bool { return bytes.Equal(end, address) })
			}
			carried := a.watchType(NodeCore, coreBridge, unix.ETH_P_IP, func(frame []byte) bool {
				packet := frame[ethernetHeader:]
				return len(packet) > ipv4Header && packet[9] == c.protocol && isEnd(packet[12:16]) && isEnd(packet[16:20]) && bytes.Contains(packet[ipv4Header:], c.end)
			})
			eventually(a.t, a.Domain, fmt.Sprintf("%s reaches the correspondent %v through a tunnel over IPv4 %s", traffic.mn.Node, c.to, when), func() (bool, error) {
				_, err := a.execute(traffic.mn.Node, nil, "ping", c.family, "-c", "1", "-W", "2", c.to.String())
				return err == nil && len(carried()) >= 2, nil
			})
		}
	}
	// Nothing of the domain speaks IPv6 there: no address of that version is left to do so.
	out, err := a.execute(NodeLMA, nil, "ip", "-6", "addr", "show", "dev", coreInterface, "scope", "global")
	if err != nil || strings.TrimSpace(out) != "" {
		a.t.Errorf("IPv6 addresses on the core link: %v\n%s", err, out)
	}
}
