package testbed

import (
	"net"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"netlmm/mobility"
)

// Access points that only keep RADIUS accounting hand mobile nodes over as well, each by its authenticated identity. The access point
// that was left says so afterwards, and that takes nobody down. A gateway that died learns of its mobile nodes by the next
// interim update, one whose access point died by Accounting-On.
func TestRadiusAccountingHandsMobileNodesOver(t *testing.T) {
	t.Parallel()
	d := upWith(t, Options{ID: "ra", Trigger: TriggerRadius})
	if err := d.StartDaemons(); err != nil {
		t.Fatal(err)
	}
	a := enter(t, d)
	for range 2 {
		for _, traffic := range a.running {
			from := traffic.mn.At()
			association, err := d.handover(traffic.mn)
			if err != nil {
				t.Fatal(err)
			}
			a.servedAt(traffic.mn)
			stops := d.counter(t, from, "netlmm_adapter_total{radius_event_stop}")
			if err := d.forget(&moved{mn: traffic.mn, from: from, Association: association}); err != nil {
				t.Fatal(err)
			}
			eventually(t, d, "the access point of "+from+" says that "+traffic.mn.Node+" left", func() (bool, error) {
				return d.counter(t, from, "netlmm_adapter_total{radius_event_stop}") > stops, nil
			})
			a.servedAt(traffic.mn)
		}
		a.trafficFlows("a handover by RADIUS accounting")
	}
	a.forgedAccounting()

	mag := a.MobileNodes[0].At()
	if err := d.Kill9(mag, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	if err := d.Restart(mag, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	eventually(t, d, "an interim update tells magd of "+mag+" of its mobile nodes", func() (bool, error) {
		return d.status(t, mag).Bindings == 2, nil
	})
	a.trafficFlows("magd was killed")

	begun := time.Now()
	if err := d.Kill9(mag, ProgramHostapd); err != nil {
		t.Fatal(err)
	}
	if err := d.Restart(mag, ProgramHostapd); err != nil {
		t.Fatal(err)
	}
	eventually(t, d, "Accounting-On ends the bindings", func() (bool, error) {
		return !slices.ContainsFunc(d.bindings(t), func(b mobility.BindingCacheEntry) bool { return b.State == "registered" }), nil
	})
	for _, mn := range a.MobileNodes { // as a station does when its access point is back on the air
		if _, err := mn.Associate(begun); err != nil {
			t.Fatal(err)
		}
		a.servedAt(mn)
	}
	a.trafficFlows("hostapd was killed")
	a.nothingInClear("with RADIUS accounting")
}

// servedAt waits until a mobile node is registered by its identity at the gateway where it is.
func (a *arrived) servedAt(mn *MobileNode) {
	a.t.Helper()
	gateway, _ := coreAddress(mn.At())
	eventually(a.t, a.Domain, mn.Node+" is served at "+mn.At(), func() (bool, error) {
		return slices.ContainsFunc(a.bindings(a.t), func(b mobility.BindingCacheEntry) bool {
			return b.MobileNodeID == mobility.NAI(mn.ID) && b.ProxyCareOfAddress == gateway && b.State == "registered"
		}), nil
	})
}

// forgedAccounting sends what no access point sent: it counts, and does nothing.
func (a *arrived) forgedAccounting() {
	a.t.Helper()
	mn := a.MobileNodes[0]
	mag := other(mn.At())
	for _, forged := range []struct{ name, source, secret, counter string }{
		{"from a host that is no access point", syslogListenOnMAG, a.secret, "netlmm_adapter_total{radius_unknown_client}"},
		{"by who does not know the secret", syslogAPAddress, "guess", "netlmm_adapter_total{radius_bad_authenticator}"},
	} {
		before, counted := gateways(a.bindings(a.t)), a.counter(a.t, mag, forged.counter)
		if err := a.accountingFrom(mag, forged.source, forged.secret, mn.MAC); err != nil {
			a.t.Fatal(err)
		}
		eventually(a.t, a.Domain, "magd of "+mag+" counts a Start "+forged.name, func() (bool, error) { return a.counter(a.t, mag, forged.counter) > counted, nil })
		if after := gateways(a.bindings(a.t)); !reflect.DeepEqual(before, after) {
			a.t.Errorf("a Start %s: bindings were\n%v\nand are\n%v", forged.name, before, after)
		}
	}
	a.trafficFlows("forged accounting")
}

// accountingFrom sends a Start of a station to a MAG from any address of its namespace.
func (d *Domain) accountingFrom(mag, source, secret string, station net.HardwareAddr) error {
	p := radius.New(radius.CodeAccountingRequest, []byte(secret))
	p.Add(rfc2866.AcctStatusType_Type, radius.NewInteger(uint32(rfc2866.AcctStatusType_Value_Start)))
	p.Add(rfc2866.AcctSessionID_Type, radius.Attribute("forged"))
	p.Add(rfc2865.CallingStationID_Type, radius.Attribute(station.String()))
	packet, err := p.Encode()
	if err != nil {
		return err
	}
	return d.in(mag, func() error {
		from := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(source), 0))
		conn, err := net.DialUDP("udp4", from, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(syslogListenOnMAG), 1813)))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write(packet)
		return err
	})
}
