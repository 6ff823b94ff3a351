package mag

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mh"
)

var (
	start      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	proxyCoA   = netip.MustParseAddr("2001:db8:a::1")
	defaultLMA = netip.MustParseAddr("2001:db8:f::1")
	secondMAG  = netip.MustParseAddr("2001:db8:a::2")
)

// TestScenarios runs every file of testdata/scenarios against a MAG and compares the trace of its actions. Each case names the
// clause of RFC 5213 that it stands for.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		r := &rig{now: start}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			r.out.Reset()
			r.run(t, d)
			if r.out.Len() == 0 {
				return "ok\n"
			}
			return r.out.String()
		})
	})
}

// rig drives one MAG and writes down what it does.
type rig struct {
	mag     *MAG
	now     time.Time
	sent    []mh.BindingUpdate    // every PBU, the last one last
	present bool                  // answer probes at once
	asked   []mh.HandoverInitiate // every Handover Initiate, the last one last
	number  int                   // of the last Handover Initiate of another gateway
	brief   bool                  // write only how many actions of each kind there were
	out     strings.Builder
}

func (r *rig) run(t *testing.T, d *datadriven.TestData) {
	t.Helper()
	switch d.Cmd {
	case "mag":
		r.newMAG(t, d)
	case "brief":
		r.brief = d.HasArg("on")
	case "attach":
		r.handle(attachment(t, d))
	case "attach-many":
		var actions []Action
		for i := range number(t, d, "n", 0) {
			actions = append(actions, r.mag.Handle(r.now, LinkAttached{
				Interface: "wlan0", MobileNodeID: mobility.NAI(fmt.Sprintf("many%03d", i)), LMAAddress: defaultLMA,
				MobileNodeLinkLayerID: mobility.LinkLayerID([6]byte{2, 1, 0, 0, byte(i >> 8), byte(i)}), AccessTechnologyType: mobility.AccessWLAN,
			})...)
		}
		r.write(actions)
	case "clock":
		r.now = r.now.Add(duration(t, d, "step", 0))
	case "detach":
		r.handle(LinkDetached{text(d, "link", "wlan0"), llid(t, d)})
	case "present":
		r.handle(PresenceConfirmed{text(d, "link", "wlan0"), llid(t, d)})
	case "unreachable":
		r.handle(NeighborUnreachable{text(d, "link", "wlan0"), llid(t, d)})
	case "collision":
		r.handle(LinkLocalAddressTaken{text(d, "link", "wlan0"), llid(t, d), netip.MustParseAddr(text(d, "use", ""))})
	case "peer-restarted":
		r.handle(PeerRestarted{netip.MustParseAddr(text(d, "lma", defaultLMA.String()))})
	case "advertise-again":
		r.handle(AdvertiseAgain{})
	case "clock-synchronized":
		r.handle(ClockSynchronized{})
	case "administrative-action":
		r.administrativeAction(t, AdministrativeAction{nodeNamed(d)})
	case "bri":
		r.handle(r.indicate(t, d))
	case "solicit":
		r.handle(RouterSolicited{text(d, "link", "wlan0"), llid(t, d)})
	case "sa":
		r.handle(SecurityAssociationChanged{netip.MustParseAddr(text(d, "lma", defaultLMA.String())), text(d, "state", "up") == "up"})
	case "prepare":
		r.handle(PrepareHandover{mobility.CorrelationID(number(t, d, "id", 1)), text(d, "link", "wlan0"), llid(t, d), address(d, "to", secondMAG), address(d, "linklocal", netip.Addr{})})
	case "cancel":
		r.handle(CancelHandover{CorrelationID: mobility.CorrelationID(number(t, d, "id", 0)), Interface: text(d, "link", "wlan0"), MobileNodeLinkLayerID: llid(t, d)})
	case "request":
		r.handle(RequestContext{text(d, "link", "wlan0"), llid(t, d), address(d, "previous", secondMAG)})
	case "hi":
		r.handle(r.initiate(t, d))
	case "hack":
		r.handle(r.answerInitiate(t, d))
	case "stop":
		r.handle(Stop{Deregister: d.HasArg("deregister")})
	case "pba":
		r.handle(r.acknowledge(t, d))
	case "receive":
		var payload []byte
		if _, err := fmt.Sscanf(strings.ReplaceAll(d.Input, " ", ""), "%x", &payload); err != nil {
			t.Fatal(err)
		}
		r.handle(MessageReceived{
			Source: netip.MustParseAddr(text(d, "from", defaultLMA.String())), Destination: netip.MustParseAddr(text(d, "to", proxyCoA.String())), Payload: payload,
		})
	case "tick":
		r.tick(duration(t, d, "for", 0))
	case "presence":
		r.present = d.HasArg("answered")
	case "show":
		r.show()
	default:
		d.Fatalf(t, "unknown command %q", d.Cmd)
	}
}

func (r *rig) newMAG(t *testing.T, d *datadriven.TestData) {
	compat := profile(t, d)
	m, err := New(Config{
		ProxyCareOfAddress: address(d, "coa", proxyCoA), IPv4ProxyCareOfAddress: address(d, "coa4", netip.Addr{}), Lifetime: duration(t, d, "lifetime", 120*time.Second),
		ReRegistrationMargin: duration(t, d, "margin", 20*time.Second), MaximumMobileNodes: number(t, d, "max", 0),
		RequireSecurityAssociation: !d.HasArg("no-sa"), TimestampBasedApproachInUse: !d.HasArg("sequence-numbers"),
		RouterLifetime: duration(t, d, "router-lifetime", 0), PresenceTimeout: duration(t, d, "presence", 0),
		EnableIPv4TrafficOffloadSupport: d.HasArg("offload"),
		LapseOnUnknownPresence:          d.HasArg("lapse"), RefusalMemory: duration(t, d, "memory", 0),
		AcceptRevocation: func(_ netip.Addr, identity string, global bool) bool {
			return identity != "stranger" && (!global || identity != "modest")
		},
		Gateways: gateways(d), ExpectedInterface: text(d, "expected", ""), AcceptHandover: func(c HandoverContext) bool { return c.MobileNodeID != mobility.NAI("stranger") },
		HandoverLifetime: duration(t, d, "handover", 0), ForwardingLifetime: duration(t, d, "forwarding", 0),
		HoldLifetime: duration(t, d, "hold", 0), MaximumPendingHandovers: number(t, d, "pending", 0),
		Compat: func(netip.Addr) mobility.Compat { return compat },
		Random: randomness(t, d),
	})
	if err != nil {
		fmt.Fprintln(&r.out, err)
		return
	}
	*r = rig{mag: m, now: start}
}

// tick lets time pass from deadline to deadline.
func (r *rig) tick(d time.Duration) {
	end := r.now.Add(d)
	for {
		next, ok := r.mag.NextDeadline()
		if !ok || next.After(end) {
			break
		}
		r.now = next
		r.write(r.mag.Expire(r.now))
	}
	r.now = end
}

func (r *rig) handle(ev Event) { r.write(r.mag.Handle(r.now, ev)) }

func (r *rig) write(actions []Action) {
	kinds := map[string]int{}
	for _, a := range actions {
		line := r.describe(a)
		if kinds[fmt.Sprintf("%T", a)]++; !r.brief {
			fmt.Fprintf(&r.out, "%6.3fs %s\n", r.now.Sub(start).Seconds(), line)
		}
	}
	if r.brief && len(actions) > 0 {
		fmt.Fprintf(&r.out, "%6.3fs %v\n", r.now.Sub(start).Seconds(), kinds)
	}
	for _, a := range actions {
		if probe, ok := a.(ProbePresence); ok && r.present {
			r.handle(PresenceConfirmed{probe.Interface, probe.MobileNodeLinkLayerID})
		}
	}
}

func (r *rig) describe(a Action) string {
	switch a := a.(type) {
	case SendMessage:
		if a.Kind == RevocationAcknowledgement {
			return describeRevocation(a)
		}
		if a.Kind == HandoverInitiate || a.Kind == HandoverAcknowledge {
			return r.describeHandover(a)
		}
		if a.Kind == BindingError {
			return fmt.Sprintf("send %s from %v to %v: %x", a.Kind, a.Source, a.Destination, a.Payload)
		}
		var pbu mh.BindingUpdate
		if err := pbu.Decode(a.Payload); err != nil {
			return err.Error()
		}
		r.sent = append(r.sent, pbu)
		return fmt.Sprintf("send %s attempt=%d to %v: %s", a.Kind, a.Attempt, a.Destination, describeUpdate(&pbu)) + r.sourceOf(a)
	case RequireSecurityAssociation:
		return fmt.Sprintf("require SA to %v suspect=%t", a.LMAAddress, a.Suspect)
	case BindingAccepted:
		return "accepted " + describeEntry(a.Entry)
	case BindingEnded:
		if a.Reason == EndRefused {
			return fmt.Sprintf("ended %s status=%v %s", a.Reason, a.Status, describeEntry(a.Entry))
		}
		return fmt.Sprintf("ended %s %s", a.Reason, describeEntry(a.Entry))
	case AdvertiseRouter:
		return fmt.Sprintf("advertise on %s to %v hnp=%v withdraw=%v for %v router=%v",
			a.Interface, a.MobileNodeLinkLayerID, a.HomeNetworkPrefixes, a.DeprecatedPrefixes, a.PrefixLifetime, a.RouterLifetime) + also("from", a.LinkLocalAddress)
	case OfferAddresses:
		return describeOffer(a)
	case ProbePresence:
		return fmt.Sprintf("probe %v on %s hnp=%v", a.MobileNodeLinkLayerID, a.Interface, a.HomeNetworkPrefixes) + also("ipv4", a.IPv4HomeAddress)
	case ClockDoubted:
		return fmt.Sprintf("clock doubted by %v offset=%v", a.LMAAddress, a.Offset)
	case Ignored:
		if a.Err != nil {
			return fmt.Sprintf("ignored %s: %v", a.Reason, a.Err)
		}
		return fmt.Sprintf("ignored %s", a.Reason)
	case ApplyForwarding:
		return "apply forwarding"
	case HandoverPrepared, HandoverFailed, HandoverExpected, HandoverArrived, HandoverCompleted, HandoverUndone:
		return describeProgress(a)
	case Stopped:
		return "stopped"
	}
	return fmt.Sprintf("%T", a)
}

func describeUpdate(pbu *mh.BindingUpdate) string {
	o := &pbu.Options
	line := fmt.Sprintf("seq=%d flags=%04x life=%ds mn=%v hi=%d att=%d", pbu.Sequence, uint16(pbu.Flags), int(pbu.Lifetime)*4,
		o.MobileNodeID, o.HandoffIndicator, o.AccessTechnologyType)
	if o.Present.Has(mh.OptionHomeNetworkPrefix) {
		line += fmt.Sprintf(" hnp=%v", o.HomeNetworkPrefixes)
	}
	if o.Present.Has(mh.OptionIPv4HomeAddressRequest) {
		line += fmt.Sprintf(" ipv4=%v", o.IPv4HomeAddressRequest)
	}
	if o.Present.Has(mh.OptionLinkLocalAddress) {
		line += fmt.Sprintf(" linklocal=%v", o.LinkLocalAddress)
	}
	if o.Present.Has(mh.OptionMobileNodeLinkLayerID) {
		line += fmt.Sprintf(" llid=%v", o.MobileNodeLinkLayerID)
	}
	if o.Present.Has(mh.OptionTimestamp) {
		line += fmt.Sprintf(" ts=%.3fs+%d", (o.Timestamp &^ 0xf).Time().Sub(start).Seconds(), o.Timestamp&0xf)
	}
	return line + describeOffload(o)
}

func describeEntry(e mobility.BindingUpdateListEntry) string {
	expires := "never"
	if !e.Expires.IsZero() {
		expires = e.Expires.Sub(start).String()
	}
	line := fmt.Sprintf("%v %v on %s %s hnp=%v lma=%v expires=%s last=%v", e.MobileNodeID, e.MobileNodeLinkLayerID, e.Interface, e.State,
		e.HomeNetworkPrefixes, e.LMAAddress, expires, e.LastStatus)
	if e.IPv4HomeAddress.IsValid() {
		line += fmt.Sprintf(" ipv4=%v", e.IPv4HomeAddress)
	}
	return line + also("router", e.IPv4DefaultRouter) + also("linklocal", e.LinkLocalAddress) + offloads(e.OffloadPolicy)
}

func (r *rig) show() {
	for _, e := range r.mag.Snapshot() {
		fmt.Fprintln(&r.out, describeEntry(e))
		forwarded := e.HomeNetworkPrefixes
		if e.IPv4HomeAddress.IsValid() {
			forwarded = append(forwarded, netip.PrefixFrom(e.IPv4HomeAddress.Addr(), 32))
		}
		for _, p := range forwarded {
			if f, ok := r.mag.Forwarding().Get(p); ok {
				fmt.Fprintf(&r.out, "  %v from tunnel %v-%v to %v on %s", f.Prefix, f.Local, f.Peer, f.MobileNodeLinkLayerID, f.Interface)
				if f.LocalRouting {
					r.out.WriteString(" local routing")
				}
				if f.Transfer != forwarding.NoTransfer {
					fmt.Fprintf(&r.out, " %v %v", f.Transfer, f.OtherGateway)
				}
				r.out.WriteString(offloads(f.Offload))
				if f.Hold {
					r.out.WriteString(" held")
				}
				r.out.WriteString("\n")
			}
		}
	}
	fmt.Fprintf(&r.out, "%d mobile nodes, %d forwarding entries\n", r.mag.Len(), r.mag.Forwarding().Len())
}

// acknowledge answers a PBU as an LMA would, with what the arguments change.
func (r *rig) acknowledge(t *testing.T, d *datadriven.TestData) MessageReceived {
	pbu := r.sent[len(r.sent)-1-number(t, d, "back", 0)]
	pba := mh.BindingAcknowledgement{
		Status: mobility.Status(number(t, d, "status", 0)), Flags: mh.AcknowledgementProxy,
		Sequence: uint16(number(t, d, "seq", int(pbu.Sequence))), Lifetime: uint16(duration(t, d, "lifetime", time.Duration(pbu.Lifetime)*mh.LifetimeUnit) / mh.LifetimeUnit),
		Options: pbu.Options,
	}
	o := &pba.Options
	if hnp := prefixes(d, "hnp"); hnp != nil {
		o.HomeNetworkPrefixes = hnp
		o.Present.Add(mh.OptionHomeNetworkPrefix)
	}
	grantIPv4(t, d, o)
	answerOffload(t, o, text(d, "offload", ""))
	if d.HasArg("linklocal") {
		o.LinkLocalAddress = netip.MustParseAddr(text(d, "linklocal", ""))
		o.Present.Add(mh.OptionLinkLocalAddress)
	}
	o.HandoffIndicator = mobility.HandoffIndicator(number(t, d, "hi", int(o.HandoffIndicator)))
	o.AccessTechnologyType = mobility.AccessTechnologyType(number(t, d, "att", int(o.AccessTechnologyType)))
	if d.HasArg("mac") {
		o.MobileNodeLinkLayerID = llid(t, d)
	}
	if d.HasArg("mn") {
		o.MobileNodeID = mobility.NAI(text(d, "mn", ""))
	}
	if d.HasArg("no-mn") {
		o.Present &^= 1 << mh.OptionMobileNodeID
	}
	if d.HasArg("ts") {
		o.Timestamp = mh.TimestampOf(start.Add(duration(t, d, "ts", 0)))
	}
	if d.HasArg("no-llid") {
		o.Present &^= 1 << mh.OptionMobileNodeLinkLayerID
	}
	if d.HasArg("no-hnp") {
		o.Present &^= 1 << mh.OptionHomeNetworkPrefix
	}
	if d.HasArg("no-p") {
		pba.Flags = 0
	}
	payload, err := pba.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return MessageReceived{
		Source: netip.MustParseAddr(text(d, "from", defaultLMA.String())), Destination: netip.MustParseAddr(text(d, "to", proxyCoA.String())), Payload: payload,
	}
}
