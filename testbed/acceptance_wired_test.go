package testbed

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"

	"netlmm/mobility"
)

// wiredBridge is the access link of a MAG with wired ports: one to a switch behind it, and the sockets that hosts are plugged into.
const wiredBridge = "wired0"

// A wired host that is carried from one gateway's switch to the other's keeps its addresses and its connections: the gateways see it in
// their bridges' forwarding databases, and a socket without carrier has lost it. So does one behind a switch of its own, which keeps
// the carrier of the gateway's port: it has left once its entry is too old.
func TestWiredHostsAreHandedOver(t *testing.T) {
	t.Parallel()
	d := upWith(t, Options{ID: "w", MobileNodes: 1})
	if err := d.StartDaemon(NodeLMA); err != nil {
		t.Fatal(err)
	}
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		d.startWired(t, mag)
	}
	mn := d.MobileNodes[0]
	mn.speaksUp(t)
	d.plugInto(t, mn, NodeAir, NodeMAG1, wiredBridge)
	a := d.comeInWired(t, mn)
	node := NodeMAG1
	for _, step := range []struct {
		what, node, bridge, mag string
	}{
		{"from socket to socket", NodeMAG2, wiredBridge, NodeMAG2},
		{"back", NodeMAG1, wiredBridge, NodeMAG1},
		{"behind a switch", NodeAir, cellOf(NodeMAG2), NodeMAG2},
		{"from switch to switch", NodeAir, cellOf(NodeMAG1), NodeMAG1},
		{"back behind the first switch", NodeAir, cellOf(NodeMAG2), NodeMAG2},
	} {
		d.plugInto(t, mn, node, step.node, step.bridge)
		node, mn.at = step.node, step.mag
		gateway, _ := d.coreAddress(step.mag)
		eventually(t, d, mn.Node+", carried "+step.what+", is served at "+gateway.String(), func() (bool, error) {
			return slices.ContainsFunc(d.bindings(t), func(b mobility.BindingCacheEntry) bool {
				return string(b.MobileNodeLinkLayerID) == string(mn.MAC) && b.ProxyCareOfAddress == gateway && b.State == "registered"
			}), nil
		})
		eventually(t, d, "the gateway that "+mn.Node+" is at has it", func() (bool, error) { return d.hasLink(step.mag, mn.MAC) })
		eventually(t, d, "the gateway that "+mn.Node+" left knows", func() (bool, error) {
			there, err := d.hasLink(other(step.mag), mn.MAC)
			return !there, err
		})
		a.trafficFlows("it was carried " + step.what)
		if now, err := mn.WaitAddress(patience); err != nil || now != a.running[0].address {
			t.Errorf("%s: the address was %v and is %v, %v", step.what, a.running[0].address, now, err)
		}
		if err := a.running[0].conversation.Alive(patience); err != nil {
			t.Errorf("carried %s: its TCP connection: %v", step.what, err)
		}
	}
	a.nothingInClear("with wired hosts")
}

// startWired runs a magd whose access link is a bridge of wired ports. What hostapd of the domain has is a port to a switch.
func (d *Domain) startWired(t *testing.T, mag string) {
	t.Helper()
	if err := d.bridge(mag, wiredBridge, false); err != nil {
		t.Fatal(err)
	}
	if err := d.plug(end{node: mag, name: accessInterface, bridge: wiredBridge, quiet: true}); err != nil {
		t.Fatal(err)
	}
	// A switch forgets after five minutes; this one sooner, but not while the machine stands still for a moment.
	if _, err := d.execute(mag, nil, "ip", "link", "set", wiredBridge, "type", "bridge", "ageing_time", "2000"); err != nil {
		t.Fatal(err)
	}
	if err := d.writeDaemonConfiguration(mag); err != nil {
		t.Fatal(err)
	}
	d.edit(t, mag, "  - interface: "+accessInterface+"\n", "  - interface: "+wiredBridge+"\n",
		fmt.Sprintf("  hostapd:\n    - control_socket: %s\n      interface: %s\n", d.HostapdSocket(mag), accessInterface), "  ethernet:\n    - bridge: "+wiredBridge+"\n")
	binary, err := d.binary("magd")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.start(mag, "magd", nil, binary, "--config", d.Path(mag, "magd.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := d.waitDaemon(mag); err != nil {
		t.Fatal(err)
	}
}

// plugInto takes the far end of a mobile node's cable out of where it is, in one node, and puts it into a bridge of the same or another one.
// The mobile node has no carrier meanwhile.
func (d *Domain) plugInto(t *testing.T, mn *MobileNode, from, to, bridge string) {
	t.Helper()
	err := d.withHandle(from, func(h *netlink.Handle) error {
		port, err := h.LinkByName(mn.Node)
		if err != nil {
			return err
		}
		if err := h.LinkSetDown(port); err != nil {
			return err
		}
		if err := h.LinkSetNoMaster(port); err != nil || to == from {
			return err
		}
		space, err := os.Open(namespaceRunPath + "/" + d.Namespace(to))
		if err != nil {
			return err
		}
		defer space.Close()
		return h.LinkSetNsFd(port, int(space.Fd()))
	})
	if err == nil {
		err = d.plug(end{node: to, name: mn.Node, bridge: bridge, quiet: true})
	}
	if err == nil {
		err = poll(patience, mn.Node+" has its carrier again", func() (up bool, err error) {
			up = true
			for _, e := range []end{{node: mn.Node, name: stationInterface}, {node: to, name: mn.Node}} {
				err := d.withHandle(e.node, func(h *netlink.Handle) error {
					link, err := h.LinkByName(e.name)
					up = up && err == nil && link.Attrs().OperState == netlink.OperUp
					return err
				})
				if err != nil {
					return false, err
				}
			}
			return up, nil
		})
	}
	if err != nil {
		t.Fatalf("carry %s from %s to %s: %v", mn.Node, from, to, err)
	}
}

// speaksUp has a mobile node say something each second, as its applications would: a bridge forgets a host that says nothing.
func (mn *MobileNode) speaksUp(t *testing.T) {
	t.Helper()
	binary, err := program("ping", "iputils-ping")
	if err != nil {
		t.Fatal(err)
	}
	const often = `while sleep 1; do "$0" -6 -q -c 1 -W 1 -I ` + stationInterface + ` ff02::2; done`
	if _, err := mn.domain.start(mn.Node, "ping", nil, "sh", "-c", often, binary); err != nil {
		t.Fatal(err)
	}
}

// comeInWired waits until a mobile node has its addresses, without anybody having authenticated it, and starts the traffic.
func (d *Domain) comeInWired(t *testing.T, mn *MobileNode) *arrived {
	t.Helper()
	capture, err := d.StartCapture("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { capture.close() })
	if _, err := mn.waitAddress(context.Background(), patience); err != nil {
		t.Fatalf("%v\n%s", err, d.logs())
	}
	if err := mn.startDHCPClient(); err != nil {
		t.Fatal(err)
	}
	if _, err := mn.WaitIPv4Address(patience); err != nil {
		t.Fatalf("%v\n%s", err, d.logs())
	}
	running, err := d.startTraffic(100)
	t.Cleanup(func() { stopTraffic(running) })
	if err != nil {
		t.Fatal(err)
	}
	return &arrived{Domain: d, t: t, capture: capture, running: running}
}
