package testbed

import (
	"net"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"netlmm/mobility"
)

// Access points that only write syslog hand mobile nodes over as well; a line from any other host, or one that is no
// association, does nothing but count.
func TestSyslogHandsMobileNodesOver(t *testing.T) {
	t.Parallel()
	d, err := Up(Options{ID: "t" + processStart(os.Getpid()) + "y", BinDir: binaries, Trigger: TriggerSyslog, Progress: progress{t}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Down(); err != nil {
			t.Error(err)
		}
		leftovers(t, d)
	})
	if err := d.StartDaemons(); err != nil {
		t.Fatal(err)
	}
	a := enter(t, d)
	for range 2 {
		for _, traffic := range a.running {
			association, err := d.handover(traffic.mn)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.forget(&moved{mn: traffic.mn, from: other(association.MAG)}); err != nil {
				t.Fatal(err)
			}
			gateway, _ := coreAddress(association.MAG)
			eventually(t, d, traffic.mn.Node+" is served at "+gateway.String(), func() (bool, error) {
				return slices.ContainsFunc(d.bindings(t), func(b mobility.BindingCacheEntry) bool {
					return string(b.MobileNodeLinkLayerID) == string(traffic.mn.MAC) && b.ProxyCareOfAddress == gateway && b.State == "registered"
				}), nil
			})
		}
		a.trafficFlows("a handover by syslog")
	}
	mn := a.MobileNodes[0]
	now := time.Now()
	for _, forged := range []struct{ name, source, line, counter string }{
		{"from a host that is no access point", syslogListenOnMAG, ciscoAssociation(mn.MAC, now), "netlmm_adapter_total{ciscosyslog_refused_source}"},
		{"cut in the middle", syslogAPAddress, ciscoAssociation(mn.MAC, now)[:70], "netlmm_adapter_total{ciscosyslog_ignored_"},
		{"something else", syslogAPAddress, "<190>*Mar  1 00:00:00.000: %SYS-5-CONFIG_I: Configured from console by console", "netlmm_adapter_total{ciscosyslog_ignored_"},
		{"octets", syslogAPAddress, "\x00\xff%DOT11-6-ASSOC: \xfe\n\n%DOT11-6-ASSOC:", "netlmm_adapter_total{ciscosyslog_ignored_"},
	} {
		t.Run(forged.name, func(t *testing.T) {
			before, counted := gateways(d.bindings(t)), d.sum(t, NodeMAG2, forged.counter)
			if err := d.syslogFrom(NodeMAG2, forged.source, forged.line); err != nil {
				t.Fatal(err)
			}
			eventually(t, d, "magd of mag2 counts it", func() (bool, error) { return d.sum(t, NodeMAG2, forged.counter) > counted, nil })
			if after := gateways(d.bindings(t)); !reflect.DeepEqual(before, after) {
				t.Errorf("bindings were\n%v\nand are\n%v", before, after)
			}
		})
	}
	a.trafficFlows("forged lines")
	a.nothingInClear("with syslog")
}

// Where no access point says anything, mobile nodes are handed over by what they say themselves, and the gateway that one left finds out
// by asking.
func TestHostsHandThemselvesOver(t *testing.T) {
	t.Parallel()
	d := upWith(t, Options{ID: "n", Trigger: TriggerND})
	if err := d.StartDaemons(); err != nil {
		t.Fatal(err)
	}
	a := enter(t, d)
	for range 2 {
		for _, traffic := range a.running {
			association, err := d.handover(traffic.mn)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.forget(&moved{mn: traffic.mn, from: other(association.MAG)}); err != nil { // hostapd, which nobody asks here
				t.Fatal(err)
			}
			t.Logf("%s is at %s", traffic.mn.Node, association.MAG)
			gateway, _ := coreAddress(association.MAG)
			eventually(t, d, traffic.mn.Node+" is served at "+gateway.String(), func() (bool, error) {
				return slices.ContainsFunc(d.bindings(t), func(b mobility.BindingCacheEntry) bool {
					return string(b.MobileNodeLinkLayerID) == string(traffic.mn.MAC) && b.ProxyCareOfAddress == gateway && b.State == "registered"
				}), nil
			})
		}
		a.trafficFlows("a handover by neighbour discovery")
		for _, traffic := range a.running {
			eventually(t, d, "the gateway that "+traffic.mn.Node+" left knows, and the other one has it", func() (bool, error) {
				there, err := d.hasLink(traffic.mn.At(), traffic.mn.MAC)
				if err != nil {
					return false, err
				}
				left, err := d.hasLink(other(traffic.mn.At()), traffic.mn.MAC)
				return there && !left, err
			})
		}
	}
	a.nothingInClear("with neighbour discovery")
}

// hasLink says whether a gateway has a station.
func (d *Domain) hasLink(mag string, station net.HardwareAddr) (bool, error) {
	var links []struct {
		Station string `json:"station"`
		State   string `json:"state"`
	}
	if err := d.Ask(mag, &links, "links"); err != nil {
		return false, err
	}
	for _, l := range links {
		if l.Station == station.String() && l.State != "down" {
			return true, nil
		}
	}
	return false, nil
}

// syslogFrom sends a line to a MAG's syslog port from any address of its namespace.
func (d *Domain) syslogFrom(mag, source, line string) error {
	return d.in(mag, func() error {
		from := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(source), 0))
		conn, err := net.DialUDP("udp4", from, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(syslogListenOnMAG), 514)))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte(line))
		return err
	})
}
