package mag

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"pgregory.net/rapid"

	"netlmm/mobility/mh"
)

var thirdMAG = netip.MustParseAddr("2001:db8:a::3")

func (h *hostile) otherGateway(t *rapid.T) netip.Addr {
	return rapid.SampledFrom([]netip.Addr{secondMAG, thirdMAG}).Draw(t, "gateway")
}

// initiate is a Handover Initiate with any flags, code and context.
func (h *hostile) initiate(t *rapid.T) {
	hi := mh.HandoverInitiate{
		Sequence: uint16(rapid.IntRange(0, 20).Draw(t, "sequence")), Flags: mh.HandoverInitiateFlags(rapid.IntRange(0, 15).Draw(t, "flags")<<4) | mh.InitiateProxy,
		Code: mh.HandoverInitiateCode(rapid.IntRange(0, 4).Draw(t, "code")),
	}
	h.context(t, &hi.Options)
	if rapid.Bool().Draw(t, "ask") {
		hi.Options.ContextRequest = []mh.RequestedContext{{Type: mh.OptionType(rapid.Byte().Draw(t, "what"))}}
		hi.Options.Present.Add(mh.OptionContextRequest)
	}
	payload, err := hi.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.initiated = hi
	h.receive(h.otherGateway(t), payload)
}

// checkInitiate: what every Handover Initiate of a MAG has to have (RFC 5949 sections 4.1, 6.1.1 and 6.2.1).
func (h *hostile) checkInitiate(a SendMessage) {
	var hi mh.HandoverInitiate
	if err := hi.Decode(a.Payload); err != nil {
		h.t.Fatal(err)
	}
	has := hi.Options.Present.Has
	s := h.mag.sessions[sessionKey{hi.Options.MobileNodeID, hi.Options.MobileNodeLinkLayerID}]
	asksLinkLayer := !has(mh.OptionContextRequest) || !has(mh.OptionMobileNodeLinkLayerID) ||
		slices.Contains(hi.Options.ContextRequest, mh.RequestedContext{Type: mh.OptionMobileNodeLinkLayerID})
	// A session with a link-layer identifier is not found by an announcement without it.
	whole := hi.Code != mh.InitiateAllContextTransferred || isContext(&hi.Options) && has(mh.OptionLMAAddress) && s != nil
	if hi.Flags&mh.InitiateProxy == 0 || hi.Flags&mh.InitiateAssignedAddress != 0 || !has(mh.OptionMobileNodeID) || !asksLinkLayer || !whole {
		h.t.Fatalf("sent %+v", hi)
	}
}

// checkAcknowledge: every answer is one to the Handover Initiate that came (section 6.1.2), and it tells one mobile node's context.
func (h *hostile) checkAcknowledge(a SendMessage) {
	var hack mh.HandoverAcknowledge
	if err := hack.Decode(a.Payload); err != nil {
		h.t.Fatal(err)
	}
	ours := hack.Sequence == h.initiated.Sequence && hack.Options.MobileNodeID == h.initiated.Options.MobileNodeID
	none := hack.Code == mh.HandoverContextNotAvailable && isContext(&hack.Options)
	lacks := hack.Code == mh.HandoverAllContextTransferred && !isContext(&hack.Options)
	if hack.Flags&mh.HandoverProxy == 0 || !ours || none || lacks || !hack.Code.Accepted() && hack.Flags != mh.HandoverProxy {
		h.t.Fatalf("answered %+v\nto %+v", hack, h.initiated)
	}
}

func (h *hostile) context(t *rapid.T, o *mh.Options) {
	o.MobileNodeID = h.node(t)
	o.Present.Add(mh.OptionMobileNodeID)
	if rapid.IntRange(0, 3).Draw(t, "link layer") > 0 {
		o.MobileNodeLinkLayerID = h.mac(t)
		o.Present.Add(mh.OptionMobileNodeLinkLayerID)
	}
	if o.HomeNetworkPrefixes = h.prefixes(t); len(o.HomeNetworkPrefixes) > 0 {
		o.Present.Add(mh.OptionHomeNetworkPrefix)
	}
	if o.IPv4HomeAddressRequest = h.homeAddress(t); o.IPv4HomeAddressRequest.IsValid() {
		o.IPv4DefaultRouter = netip.MustParseAddr("10.64.0.1")
		o.Present.Add(mh.OptionIPv4HomeAddressRequest, mh.OptionIPv4DefaultRouter)
	}
	if rapid.IntRange(0, 3).Draw(t, "anchor") > 0 {
		o.LMAAddress = h.lma(t)
		o.Present.Add(mh.OptionLMAAddress)
	}
}

// acknowledge answers one of the last Handover Initiates, more or less honestly.
func (h *hostile) acknowledge(t *rapid.T) {
	if len(h.asked) == 0 {
		t.Skip("no Handover Initiate yet")
	}
	message := h.asked[len(h.asked)-1-rapid.IntRange(0, min(3, len(h.asked)-1)).Draw(t, "which")]
	var hi mh.HandoverInitiate
	if err := hi.Decode(message.Payload); err != nil {
		t.Fatal(err)
	}
	hack := mh.HandoverAcknowledge{
		Sequence: hi.Sequence, Flags: mh.HandoverProxy,
		Code: mh.HandoverAcknowledgeCode(rapid.SampledFrom([]int{0, 5, 5, 6, 6, 4, 128, 130, 131, 132}).Draw(t, "code")),
	}
	h.context(t, &hack.Options)
	hack.Options.MobileNodeID = hi.Options.MobileNodeID
	if rapid.Bool().Draw(t, "honest") && hi.Options.Present.Has(mh.OptionMobileNodeLinkLayerID) {
		hack.Options.MobileNodeLinkLayerID = hi.Options.MobileNodeLinkLayerID
		hack.Options.Present.Add(mh.OptionMobileNodeLinkLayerID)
	}
	payload, err := hack.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.receive(message.Destination, payload)
}

// checkHandovers: what is expected and what awaits an answer is counted right and bounded, and nothing of it hangs on what is gone.
func (h *hostile) checkHandovers() error {
	m := h.mag
	expected, about := 0, 0
	for _, s := range m.sessions {
		if (s.state == Expected) != (s.arrival != nil && s.arrival.expected != nil) || s.state == Leaving && s.departure == nil || s.departure != nil && s.arrival != nil && s.state == Leaving {
			return fmt.Errorf("%v is %v with departure %+v and arrival %+v", s.sessionKey, s.state, s.departure, s.arrival)
		}
		if s.departure != nil && s.state != Leaving && (s.initiation == nil || s.initiation.purpose != preparation) {
			return fmt.Errorf("%v, %v, waits for no answer about its departure", s.sessionKey, s.state)
		}
		if s.arrival != nil && s.arrival.expected == nil && !s.arrival.step.IsSet() && !s.lapse.IsSet() {
			return fmt.Errorf("%v, %v, has an arrival without end", s.sessionKey, s.state)
		}
		if s.state == Expected {
			expected++
		}
		if s.initiation != nil {
			about++
		}
	}
	waiting := 0
	for sequence, in := range m.initiations {
		if in.sequence != sequence || !in.timer.IsSet() || in.session != nil && (m.sessions[in.session.sessionKey] != in.session || in.session.initiation != in) {
			return fmt.Errorf("an initiation %+v hangs on nothing", in)
		}
	}
	for _, a := range m.associations {
		waiting += a.initiations.Len()
	}
	switch {
	case m.expected.Len() != expected || expected > m.config.MaximumPendingHandovers:
		return fmt.Errorf("%d expected, %d listed", expected, m.expected.Len())
	case len(m.initiations) != about+m.completions || waiting != len(m.initiations) || m.completions > maximumCompletions:
		return fmt.Errorf("%d initiations for %d sessions and %d completions, %d at gateways", len(m.initiations), about, m.completions, waiting)
	case len(m.answers) != m.answered.Len() || len(m.answers) > m.config.MaximumPendingHandovers:
		return errors.New("too many answers are kept")
	}
	return nil
}
