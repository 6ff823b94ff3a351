package mag

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"netlmm/mobility/mh"
)

// gateways are mag2 and mag3, with "gateways" in the command.
func gateways(d *datadriven.TestData) func(netip.Addr) (string, bool) {
	if !d.HasArg("gateways") {
		return nil
	}
	known := map[netip.Addr]string{
		secondMAG: "mag2", netip.MustParseAddr("2001:db8:a::3"): "mag3", netip.MustParseAddr("192.0.2.2"): "mag2",
	}
	return func(a netip.Addr) (string, bool) {
		identity, ok := known[a]
		return identity, ok
	}
}

// initiate is a Handover Initiate of another gateway. Numbers go up by themselves.
func (r *rig) initiate(t *testing.T, d *datadriven.TestData) MessageReceived {
	r.number++
	hi := mh.HandoverInitiate{
		Sequence: uint16(number(t, d, "seq", r.number)), Code: mh.HandoverInitiateCode(number(t, d, "code", 0)),
	}
	r.number = int(hi.Sequence)
	for flag, bit := range map[string]mh.HandoverInitiateFlags{"P": mh.InitiateProxy, "U": mh.InitiateBuffer, "F": mh.InitiateForwarding, "S": mh.InitiateAssignedAddress} {
		if strings.Contains(text(d, "flags", "PF"), flag) {
			hi.Flags |= bit
		}
	}
	handoverOptions(t, d, &hi.Options)
	for _, asked := range values(d, "ask") {
		n, err := strconv.Atoi(asked)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		hi.Options.ContextRequest = append(hi.Options.ContextRequest, mh.RequestedContext{Type: mh.OptionType(n)})
		hi.Options.Present.Add(mh.OptionContextRequest)
	}
	payload, err := hi.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return fromGateway(d, payload)
}

// answerInitiate answers a Handover Initiate as another gateway would, with what the arguments change.
func (r *rig) answerInitiate(t *testing.T, d *datadriven.TestData) MessageReceived {
	hi := r.asked[len(r.asked)-1-number(t, d, "back", 0)]
	hack := mh.HandoverAcknowledge{
		Sequence: uint16(number(t, d, "seq", int(hi.Sequence))), Flags: mh.HandoverProxy, Code: mh.HandoverAcknowledgeCode(number(t, d, "code", 5)),
	}
	if d.HasArg("no-p") {
		hack.Flags = 0
	}
	handoverOptions(t, d, &hack.Options)
	if !d.HasArg("mn") {
		hack.Options.MobileNodeID = hi.Options.MobileNodeID
		hack.Options.Present.Add(mh.OptionMobileNodeID)
	}
	payload, err := hack.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return fromGateway(d, payload)
}

func fromGateway(d *datadriven.TestData, payload []byte) MessageReceived {
	from := address(d, "from", secondMAG)
	identity := map[netip.Addr]string{secondMAG: "mag2", netip.MustParseAddr("2001:db8:a::3"): "mag3"}[from]
	return MessageReceived{Source: from, Destination: address(d, "to", proxyCoA), PeerIdentity: text(d, "identity", identity), Payload: payload}
}

// handoverOptions are what mn=, mac=, hnp=, ipv4=, router=, lma=, linklocal= and iid name.
func handoverOptions(t *testing.T, d *datadriven.TestData, o *mh.Options) {
	if !d.HasArg("no-mn") {
		o.MobileNodeID = nodeNamed(d)
		o.Present.Add(mh.OptionMobileNodeID)
	}
	if d.HasArg("mac") {
		o.MobileNodeLinkLayerID = llid(t, d)
		o.Present.Add(mh.OptionMobileNodeLinkLayerID)
	}
	if o.HomeNetworkPrefixes = prefixes(d, "hnp"); o.HomeNetworkPrefixes != nil {
		o.Present.Add(mh.OptionHomeNetworkPrefix)
	}
	if d.HasArg("ipv4") {
		o.IPv4HomeAddressRequest = netip.MustParsePrefix(text(d, "ipv4", ""))
		o.Present.Add(mh.OptionIPv4HomeAddressRequest)
	}
	if d.HasArg("router") {
		o.IPv4DefaultRouter = address(d, "router", netip.Addr{})
		o.Present.Add(mh.OptionIPv4DefaultRouter)
	}
	if d.HasArg("lma") {
		o.LMAAddress = address(d, "lma", defaultLMA)
		o.Present.Add(mh.OptionLMAAddress)
	}
	if d.HasArg("linklocal") {
		o.LinkLocalAddress = address(d, "linklocal", netip.Addr{})
		o.Present.Add(mh.OptionLinkLocalAddress)
	}
	if d.HasArg("iid") {
		o.LinkLocalInterfaceID = mh.InterfaceID{2, 0, 0, 0xff, 0xfe, 0, 0, 1}
		o.Present.Add(mh.OptionLinkLocalInterfaceID)
	}
}

func values(d *datadriven.TestData, key string) []string {
	for _, a := range d.CmdArgs {
		if a.Key == key {
			return a.Vals
		}
	}
	return nil
}

// describeHandover writes the numbers of Handover Initiates relative to the first, which the clock gave.
func (r *rig) describeHandover(a SendMessage) string {
	var line string
	var o *mh.Options
	if a.Kind == HandoverInitiate {
		var hi mh.HandoverInitiate
		if err := hi.Decode(a.Payload); err != nil {
			return err.Error()
		}
		r.asked, o = append(r.asked, hi), &hi.Options
		line = fmt.Sprintf("send %s attempt=%d to %v: seq=+%d flags=%02x code=%v", a.Kind, a.Attempt, a.Destination,
			hi.Sequence-r.asked[0].Sequence, uint8(hi.Flags), hi.Code)
	} else {
		var hack mh.HandoverAcknowledge
		if err := hack.Decode(a.Payload); err != nil {
			return err.Error()
		}
		o = &hack.Options
		line = fmt.Sprintf("send %s to %v: seq=%d flags=%02x code=%v", a.Kind, a.Destination, hack.Sequence, uint8(hack.Flags), hack.Code)
	}
	return line + describeContext(o) + r.sourceOf(a)
}

func describeContext(o *mh.Options) string {
	line := fmt.Sprintf(" mn=%v", o.MobileNodeID)
	add := func(t mh.OptionType, format string, args ...any) {
		if o.Present.Has(t) {
			line += fmt.Sprintf(format, args...)
		}
	}
	add(mh.OptionMobileNodeLinkLayerID, " llid=%v", o.MobileNodeLinkLayerID)
	add(mh.OptionHomeNetworkPrefix, " hnp=%v", o.HomeNetworkPrefixes)
	add(mh.OptionIPv4HomeAddressRequest, " ipv4=%v", o.IPv4HomeAddressRequest)
	add(mh.OptionIPv4DefaultRouter, " router=%v", o.IPv4DefaultRouter)
	add(mh.OptionIPv4DHCPSupportMode, " dhcp=%v", o.IPv4DHCPSupportMode)
	add(mh.OptionLinkLocalAddress, " linklocal=%v", o.LinkLocalAddress)
	add(mh.OptionLinkLocalInterfaceID, " iid=%v", o.LinkLocalInterfaceID)
	add(mh.OptionLMAAddress, " lma=%v", o.LMAAddress)
	for _, r := range o.ContextRequest {
		line += fmt.Sprintf(" ask=%d", r.Type)
	}
	return line
}

func describeProgress(a Action) string {
	of := func(word string, h Handover) string {
		line := fmt.Sprintf("handover %s: %s of %v %v, other gateway %v", word, h.Side, h.MobileNodeID, h.MobileNodeLinkLayerID, h.OtherGateway)
		if h.Interface != "" {
			line += " on " + h.Interface
		}
		if h.Reactive {
			line += " reactive"
		}
		return line
	}
	switch a := a.(type) {
	case HandoverPrepared:
		return of("prepared", a.Handover)
	case HandoverFailed:
		line := of("failed", a.Handover) + " " + string(a.Reason)
		if a.Reason == HandoverRefused {
			line += " " + a.Code.String()
		}
		return line
	case HandoverExpected:
		return of("expected", a.Handover) + fmt.Sprintf(" hnp=%v lma=%v", a.HomeNetworkPrefixes, a.LMAAddress) + also("linklocal", a.MobileNodeLinkLocal)
	case HandoverArrived:
		return of("arrived", a.Handover)
	case HandoverCompleted:
		return of("completed", a.Handover)
	case HandoverUndone:
		return of("undone", a.Handover) + " " + string(a.Reason)
	}
	return fmt.Sprintf("%T", a)
}
