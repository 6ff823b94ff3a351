package mag

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// attachment reads the arguments of an attach command.
func attachment(t *testing.T, d *datadriven.TestData) LinkAttached {
	ev := LinkAttached{
		CorrelationID: 1, Interface: text(d, "link", "wlan0"), MobileNodeID: nodeNamed(d), MobileNodeLinkLayerID: llid(t, d),
		AccessTechnologyType: mobility.AccessTechnologyType(number(t, d, "att", int(mobility.AccessWLAN))),
		HandoffIndicator:     mobility.HandoffIndicator(number(t, d, "hi", 0)),
		LMAAddress:           address(d, "lma", defaultLMA), HomeNetworkPrefixes: prefixes(d, "hnp"),
		Lifetime: duration(t, d, "lifetime", 0), Unconfirmed: d.HasArg("unconfirmed"),
		IPv6Prohibited: d.HasArg("no-ipv6"), IPv4Mobility: d.HasArg("ipv4"),
		LocalRouting: d.HasArg("local-routing"), AnchorLinkLocal: d.HasArg("anchor-link-local"),
		PreviousMAG: address(d, "previous", netip.Addr{}), OffloadPolicy: proposed(t, d),
	}
	if p := text(d, "ipv4", ""); p != "" {
		ev.IPv4HomeAddress = netip.MustParsePrefix(p)
	}
	return ev
}

// grantIPv4 turns a request into the options of an answer: what ipv4=, router=, dhcp= and ipv4-status= say.
func grantIPv4(t *testing.T, d *datadriven.TestData, o *mh.Options) {
	o.Present &^= 1 << mh.OptionIPv4HomeAddressRequest
	o.IPv4HomeAddressReply.Address = o.IPv4HomeAddressRequest
	if p := text(d, "ipv4", ""); p != "" {
		o.IPv4HomeAddressReply.Address = netip.MustParsePrefix(p)
	}
	if d.HasArg("ipv4") || d.HasArg("ipv4-status") {
		o.IPv4HomeAddressReply.Status = mh.IPv4HomeAddressStatus(number(t, d, "ipv4-status", 0))
		o.Present.Add(mh.OptionIPv4HomeAddressReply)
	}
	if d.HasArg("router") {
		o.IPv4DefaultRouter = address(d, "router", netip.Addr{})
		o.Present.Add(mh.OptionIPv4DefaultRouter)
	}
	if mode := text(d, "dhcp", ""); mode != "" {
		o.IPv4DHCPSupportMode = mh.DHCPRelay
		if mode == "server" {
			o.IPv4DHCPSupportMode = mh.DHCPServer
		}
		o.Present.Add(mh.OptionIPv4DHCPSupportMode)
	}
}

// indicate is a Binding Revocation Indication, or with ack an acknowledgement, which no LMA has a reason to send.
func (r *rig) indicate(t *testing.T, d *datadriven.TestData) MessageReceived {
	bri := mh.BindingRevocationIndication{
		Trigger: mh.RevocationTrigger(number(t, d, "trigger", 1)), Sequence: uint16(number(t, d, "seq", 1)), Flags: mh.RevocationProxy,
	}
	for flag, bit := range map[string]mh.RevocationFlags{"global": mh.RevocationGlobal, "v": mh.RevocationIPv4Only} {
		if d.HasArg(flag) {
			bri.Flags |= bit
		}
	}
	if d.HasArg("no-p") {
		bri.Flags &^= mh.RevocationProxy
	}
	o := &bri.Options
	if d.HasArg("mn") {
		o.MobileNodeID = nodeNamed(d)
		o.Present.Add(mh.OptionMobileNodeID)
	}
	if o.HomeNetworkPrefixes = prefixes(d, "hnp"); o.HomeNetworkPrefixes != nil {
		o.Present.Add(mh.OptionHomeNetworkPrefix)
	}
	if d.HasArg("ipv4") {
		o.IPv4HomeAddressRequest = netip.MustParsePrefix(text(d, "ipv4", ""))
		o.Present.Add(mh.OptionIPv4HomeAddressRequest)
	}
	if d.HasArg("alternate") {
		o.AlternateCareOfAddress = address(d, "alternate", netip.Addr{})
		o.Present.Add(mh.OptionAlternateCareOfAddress)
	}
	payload, err := bri.AppendTo(nil)
	if d.HasArg("ack") {
		payload, err = (&mh.BindingRevocationAcknowledgement{Sequence: bri.Sequence, Flags: bri.Flags}).AppendTo(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return MessageReceived{
		Source: address(d, "from", defaultLMA), Destination: address(d, "to", proxyCoA), Payload: payload, PeerIdentity: text(d, "identity", ""),
	}
}

func describeRevocation(a SendMessage) string {
	var bra mh.BindingRevocationAcknowledgement
	if err := bra.Decode(a.Payload); err != nil {
		return err.Error()
	}
	line := fmt.Sprintf("send %s from %v to %v: seq=%d flags=%04x %v", a.Kind, a.Source, a.Destination, bra.Sequence, uint16(bra.Flags), bra.Status)
	if bra.Options.Present != 0 {
		line += fmt.Sprintf(" mn=%v hnp=%v", bra.Options.MobileNodeID, bra.Options.HomeNetworkPrefixes)
	}
	return line
}

func describeOffer(a OfferAddresses) string {
	if len(a.HomeNetworkPrefixes) == 0 && !a.IPv4HomeAddress.IsValid() {
		return fmt.Sprintf("offer on %s to %v nothing", a.Interface, a.MobileNodeLinkLayerID)
	}
	line := fmt.Sprintf("offer on %s to %v hnp=%v", a.Interface, a.MobileNodeLinkLayerID, a.HomeNetworkPrefixes)
	if a.IPv4HomeAddress.IsValid() {
		line += fmt.Sprintf(" ipv4=%v router=%v relay=%t", a.IPv4HomeAddress, a.IPv4DefaultRouter, a.DHCPRelay)
	}
	return line + fmt.Sprintf(" for %v", a.Lifetime)
}

// sourceOf is worth a word only where it is not the usual one.
func (r *rig) sourceOf(a SendMessage) string {
	if a.Source == proxyCoA {
		return ""
	}
	return also("from", a.Source)
}

func also(name string, a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return fmt.Sprintf(" %s=%v", name, a)
}

func profile(t *testing.T, d *datadriven.TestData) mobility.Compat {
	compat, err := mobility.ParseCompat(text(d, "compat", ""))
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	return compat
}

// randomness gives these hundredths in turn, over and over.
func randomness(t *testing.T, d *datadriven.TestData) func() float64 {
	var values []float64
	for _, a := range d.CmdArgs {
		for _, v := range a.Vals {
			if a.Key == "random" {
				n, err := strconv.Atoi(v)
				if err != nil {
					d.Fatalf(t, "%v", err)
				}
				values = append(values, float64(n)/100)
			}
		}
	}
	if values == nil {
		return nil
	}
	n := 0
	return func() float64 {
		n++
		return values[(n-1)%len(values)]
	}
}

// nodeNamed is the mobile node of a command: mn=..., mn1 without, none for "*".
func nodeNamed(d *datadriven.TestData) mobility.MobileNodeID {
	name := text(d, "mn", "mn1")
	if name == "*" {
		return mobility.MobileNodeID{}
	}
	return mobility.NAI(name)
}

func address(d *datadriven.TestData, key string, otherwise netip.Addr) netip.Addr {
	switch a := text(d, key, ""); a {
	case "":
		return otherwise
	case "none":
		return netip.Addr{}
	default:
		return netip.MustParseAddr(a)
	}
}

func text(d *datadriven.TestData, key, otherwise string) string {
	for _, a := range d.CmdArgs {
		if a.Key == key && len(a.Vals) > 0 {
			return a.Vals[0]
		}
	}
	return otherwise
}

func number(t *testing.T, d *datadriven.TestData, key string, otherwise int) int {
	n, err := strconv.Atoi(text(d, key, strconv.Itoa(otherwise)))
	if err != nil {
		d.Fatalf(t, "%s: %v", key, err)
	}
	return n
}

func duration(t *testing.T, d *datadriven.TestData, key string, otherwise time.Duration) time.Duration {
	v, err := time.ParseDuration(text(d, key, otherwise.String()))
	if err != nil {
		d.Fatalf(t, "%s: %v", key, err)
	}
	return v
}

func llid(t *testing.T, d *datadriven.TestData) mobility.MobileNodeLinkLayerID {
	mac, err := net.ParseMAC(text(d, "mac", "02:00:00:00:00:01"))
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	return mobility.MobileNodeLinkLayerID(mac)
}

func prefixes(d *datadriven.TestData, key string) []netip.Prefix {
	var result []netip.Prefix
	for _, a := range d.CmdArgs {
		if a.Key == key {
			for _, v := range a.Vals {
				result = append(result, netip.MustParsePrefix(v))
			}
		}
	}
	return result
}

// administrativeAction checks that Awaiting had said how many mobility sessions begin again: who is asked whether it is there.
func (r *rig) administrativeAction(t *testing.T, ev AdministrativeAction) {
	t.Helper()
	awaiting := r.mag.Awaiting(ev)
	actions := r.mag.Handle(r.now, ev)
	for _, a := range actions {
		if _, begun := a.(ProbePresence); begun {
			awaiting--
		}
	}
	if awaiting != 0 {
		t.Errorf("%+v: %d more awaited it than began", ev, awaiting)
	}
	r.write(actions)
}
