package lma

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mh"
)

// trace prints actions, one a line.
func (s *scenario) trace(actions []Action) string {
	var b strings.Builder
	for _, a := range actions {
		switch a := a.(type) {
		case ApplyForwarding:
			fmt.Fprintf(&b, "apply forwarding: %s\n", s.changedForwarding())
		case BindingChanged:
			fmt.Fprintf(&b, "%s: %s", a.Change, s.binding(a.Entry))
			if a.From.IsValid() {
				fmt.Fprintf(&b, " from=%s", a.From)
			}
			if len(a.Dropped) > 0 {
				fmt.Fprintf(&b, " dropped=%s", a.Dropped)
			}
			b.WriteByte('\n')
		case SendMessage:
			fmt.Fprintf(&b, "send %s -> %s: %s\n", a.Source, a.Destination, s.message(a))
		case RevocationEnded:
			b.WriteString(s.revocationEnded(a))
		case Ignored:
			fmt.Fprintf(&b, "ignored: %s", a.Reason)
			if a.Err != nil {
				fmt.Fprintf(&b, " (%v)", a.Err)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func (s *scenario) changedForwarding() string {
	var lines []string
	for _, prefix := range s.lma.Forwarding().TakeChanged() {
		lines = append(lines, forwardingLine(s.lma.Forwarding(), prefix))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

func forwardingLine(state *forwarding.State, prefix netip.Prefix) string {
	e, ok := state.Get(prefix)
	switch {
	case !ok:
		return fmt.Sprintf("%s gone", prefix)
	case e.Role == forwarding.Discard:
		return fmt.Sprintf("%s discarded", prefix)
	}
	return fmt.Sprintf("%s %s->%s", prefix, e.Local, e.Peer)
}

func (s *scenario) binding(e mobility.BindingCacheEntry) string {
	text := fmt.Sprintf("%s %v", e.MobileNodeID, e.HomeNetworkPrefixes)
	if e.IPv4HomeAddress.IsValid() {
		text += fmt.Sprintf(" %s via %s", e.IPv4HomeAddress, e.IPv4DefaultRouter)
	}
	text += fmt.Sprintf(" %s at %s", e.State, e.ProxyCareOfAddress)
	if e.MobileNodeLinkLayerID != "" {
		text += fmt.Sprintf(" llid=%s", e.MobileNodeLinkLayerID)
	}
	if e.LinkLocalAddress.IsValid() {
		text += fmt.Sprintf(" lla=%s", e.LinkLocalAddress)
	}
	return text + fmt.Sprintf(" until %s", s.since(e.Expires)) + s.offload(e)
}

func (s *scenario) since(t time.Time) string { return fmt.Sprintf("+%s", t.Sub(epoch)) }

func (s *scenario) message(a SendMessage) string {
	if a.Type == mh.TypeBindingRevocation {
		return s.revocation(a.Payload)
	}
	if a.Type == mh.TypeBindingError {
		var m mh.BindingError
		if err := m.Decode(a.Payload); err != nil {
			s.t.Fatal(err)
		}
		return fmt.Sprintf("BE status=%d home=%s", m.Status, m.HomeAddress)
	}
	var m mh.BindingAcknowledgement
	if err := m.Decode(a.Payload); err != nil {
		s.t.Fatal(err)
	}
	if m.Status != a.Status {
		s.t.Errorf("action says status %v, its message %v", a.Status, m.Status)
	}
	text := fmt.Sprintf("BA %d %s flags=%#x seq=%d lifetime=%s", m.Status, m.Status, m.Flags, m.Sequence, time.Duration(m.Lifetime)*mh.LifetimeUnit)
	return text + s.options(&m.Options)
}

func (s *scenario) options(o *mh.Options) string {
	var b strings.Builder
	add := func(option mh.OptionType, format string, args ...any) {
		if o.Present.Has(option) {
			fmt.Fprintf(&b, " "+format, args...)
		}
	}
	add(mh.OptionMobileNodeID, "mn=%q", o.MobileNodeID.Value)
	add(mh.OptionHomeNetworkPrefix, "hnp=%v", o.HomeNetworkPrefixes)
	add(mh.OptionIPv4HomeAddressReply, "v4=%d %s %s", o.IPv4HomeAddressReply.Status, o.IPv4HomeAddressReply.Status, o.IPv4HomeAddressReply.Address)
	add(mh.OptionIPv4DefaultRouter, "router=%s", o.IPv4DefaultRouter)
	add(mh.OptionIPv4DHCPSupportMode, "dhcp=%s", o.IPv4DHCPSupportMode)
	add(mh.OptionAlternateCareOfAddress, "alt=%s", o.AlternateCareOfAddress)
	add(mh.OptionHandoffIndicator, "hi=%d", uint8(o.HandoffIndicator))
	add(mh.OptionAccessTechnologyType, "att=%d", uint8(o.AccessTechnologyType))
	add(mh.OptionTimestamp, "ts=+%s", o.Timestamp.Time().Sub(epoch).Round(time.Millisecond))
	add(mh.OptionMobileNodeLinkLayerID, "llid=%s", o.MobileNodeLinkLayerID)
	add(mh.OptionLinkLocalAddress, "lla=%s", o.LinkLocalAddress)
	return b.String() + s.offloadOption(o)
}

// show prints the binding cache, what is remembered and the next deadline.
func (s *scenario) show() string {
	var b strings.Builder
	for _, e := range s.lma.Snapshot() {
		fmt.Fprintln(&b, s.binding(e))
		for _, prefix := range e.HomeNetworkPrefixes {
			fmt.Fprintf(&b, "  forwarding %s\n", forwardingLine(s.lma.Forwarding(), prefix))
		}
		if e.IPv4HomeAddress.IsValid() {
			fmt.Fprintf(&b, "  forwarding %s\n", forwardingLine(s.lma.Forwarding(), hostOf(e.IPv4HomeAddress)))
		}
	}
	c := s.lma.Counters()
	fmt.Fprintf(&b, "now %s, %d bindings, %d waiting, %d departed, %d forwarding entries", s.since(s.now), c.Bindings, c.Waiting, c.Departed, s.lma.Forwarding().Len())
	if at, ok := s.lma.NextDeadline(); ok {
		fmt.Fprintf(&b, ", next deadline %s", s.since(at))
	}
	return b.String() + "\n"
}
