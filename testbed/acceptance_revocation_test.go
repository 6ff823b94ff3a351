package testbed

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"netlmm/mobility/mh"
)

// An operator revokes the bindings of one mobile node, then all of a gateway (RFC 5846). The gateway is told through IPsec and
// answers, the bindings are gone at both ends, the mobile nodes lose their router and their leases, and nobody is served again
// before it attaches anew.
func TestOperatorRevokes(t *testing.T) {
	t.Parallel()
	a := arrive(t, "rv")
	indications, acknowledgements := a.record(NodeMAG1), a.record(NodeLMA)
	for i, c := range []struct {
		name  string
		order []string
		nodes []*MobileNode
	}{
		{"of one mobile node", []string{"--mobile-node", a.MobileNodes[0].ID}, a.MobileNodes[:1]},
		{"of a gateway", []string{"--gateway", NodeMAG1}, a.MobileNodes},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := a.with(t)
			for _, mn := range c.nodes {
				if !a.defaultRouteOf(mn) {
					t.Errorf("%s has no default route to begin with", mn.Node)
				}
			}
			for _, mn := range c.nodes { // a supplicant that authenticates again by itself would attach anew
				if err := a.Kill9(mn.Node, supplicantProgram); err != nil {
					t.Fatal(err)
				}
			}
			answer := a.revoke(c.order...)
			if !answer.Complete || answer.Bindings != len(c.nodes) || len(answer.Outcomes) != 1 || !answer.Outcomes[0].Answered || answer.Outcomes[0].Status != "success" {
				t.Errorf("netlmmctl revoke answers %+v; want one success, for %d bindings", answer, len(c.nodes))
			}
			for at, r := range map[string]*Recorder{NodeMAG1: indications, NodeLMA: acknowledgements} {
				eventually(t, a.Domain, "a revocation message reaches "+at, func() (bool, error) {
					return len(r.Received(byte(mh.TypeBindingRevocation))) == i+1, nil
				})
			}
			a.nothingInClear("after a revocation")
			a.areCutOff(c.nodes)
			for _, mn := range a.MobileNodes {
				if !slices.Contains(c.nodes, mn) {
					a.waitGateway(mn, MAG1Address)
				}
			}
			a.attachAnew(c.nodes) // and they are back in
			a.trafficFlows("a revocation " + c.name + " and new attachments")
		})
	}
	a.handOverAll("revocations")
}

// revocationAnswer is what netlmmctl revoke prints.
type revocationAnswer struct {
	Bindings int  `json:"bindings"`
	Complete bool `json:"complete"`
	Outcomes []struct {
		Gateway  string `json:"gateway"`
		Bindings int    `json:"bindings"`
		Answered bool   `json:"answered"`
		Status   string `json:"status"`
	} `json:"outcomes"`
}

func (a *arrived) revoke(order ...string) (answer revocationAnswer) {
	a.t.Helper()
	if err := a.Ask(NodeLMA, &answer, append([]string{"revoke"}, order...)...); err != nil {
		a.t.Fatal(err)
	}
	return answer
}

// defaultRouteOf says whether a mobile node has an IPv6 default route.
func (a *arrived) defaultRouteOf(mn *MobileNode) bool {
	a.t.Helper()
	out, err := a.execute(mn.Node, nil, "ip", "-6", "route", "show", "default")
	if err != nil {
		a.t.Fatal(err)
	}
	return strings.Contains(out, "default")
}

// areCutOff waits until nothing of the mobile nodes' bindings is left anywhere, and then watches that it stays so although each
// asks for a router and for its IPv4 address.
func (a *arrived) areCutOff(nodes []*MobileNode) {
	a.t.Helper()
	for _, mn := range nodes {
		eventually(a.t, a.Domain, mn.Node+" has lost its default router", func() (bool, error) { return !a.defaultRouteOf(mn), nil })
		eventually(a.t, a.Domain, "no binding of "+mn.ID+" is registered", func() (bool, error) { return !a.registered(mn), nil })
		if err := mn.RenewLease(); err != nil {
			a.t.Fatal(err)
		}
	}
	for _, mn := range nodes {
		eventually(a.t, a.Domain, "the lease of "+mn.Node+" is not renewed", func() (bool, error) {
			_, ok, err := mn.IPv4Address()
			return !ok, err
		})
		if err := a.solicit(mn); err != nil {
			a.t.Fatal(err)
		}
	}
	time.Sleep(2 * time.Second) // time for what must not happen
	for _, mn := range nodes {
		if a.registered(mn) || a.defaultRouteOf(mn) {
			a.t.Errorf("%s is served again although it did not attach anew:\n%s", mn.ID, a.gateways())
		}
	}
}

// registered says whether one of the ends has a binding of a mobile node.
func (a *arrived) registered(mn *MobileNode) bool {
	a.t.Helper()
	for line := range strings.Lines(a.gateways()) {
		if strings.HasPrefix(line, mn.ID+" ") && strings.HasSuffix(line, ", registered\n") {
			return true
		}
	}
	var list []struct {
		MobileNodeID string `json:"mobile_node_id"`
	}
	a.ask(a.t, mn.At(), &list, "bindings")
	for _, b := range list {
		if b.MobileNodeID == mn.ID {
			return true
		}
	}
	return false
}

// attachAnew has the access points forget mobile nodes whose supplicants were killed, and brings them back. Their DHCP clients are silent
// meanwhile: hostapd takes a DHCP message on a wire for a station that has come, and begins to authenticate it.
func (a *arrived) attachAnew(nodes []*MobileNode) {
	a.t.Helper()
	for _, mn := range nodes {
		if err := a.StopProgram(mn.Node, dhcpClient); err != nil {
			a.t.Fatal(err)
		}
		if err := a.AccessPoints[mn.At()].Forget(mn.MAC); err != nil {
			a.t.Fatal(err)
		}
	}
	for _, mn := range nodes {
		ap := a.AccessPoints[mn.At()]
		eventually(a.t, a.Domain, "hostapd disconnects "+mn.Node, func() (bool, error) { return !ap.holds(mn.MAC), nil })
		if err := ap.waitRemoved(mn.MAC); err != nil {
			a.t.Fatal(err)
		}
	}
	for _, mn := range nodes {
		mn.come(a.t)
		gateway, _ := coreAddress(mn.At())
		a.waitGateway(mn, gateway)
		if err := mn.startDHCPClient(); err != nil {
			a.t.Fatal(err)
		}
		if _, err := mn.WaitIPv4Address(patience); err != nil {
			a.t.Error(err)
		}
	}
}

// solicit sends a Router Solicitation (RFC 4861 section 4.1) from a mobile node.
func (a *arrived) solicit(mn *MobileNode) error {
	return a.in(mn.Node, func() error {
		link, err := net.InterfaceByName(stationInterface)
		if err != nil {
			return err
		}
		socket, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
		if err != nil {
			return err
		}
		defer unix.Close(socket)
		if err := unix.SetsockoptInt(socket, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255); err != nil {
			return err
		}
		solicitation := append([]byte{133, 0, 0, 0, 0, 0, 0, 0, 1, 1}, mn.MAC...) // with its source link-layer address
		allRouters := netip.MustParseAddr("ff02::2")
		return unix.Sendto(socket, solicitation, 0, &unix.SockaddrInet6{Addr: allRouters.As16(), ZoneId: uint32(link.Index)})
	})
}
