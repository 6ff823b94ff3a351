package lma

import (
	"fmt"
	"net/netip"
	"strings"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// The commands of the scenarios that speak of binding revocation (RFC 5846).

func (s *scenario) revoke() string {
	order := Revoke{Trigger: mh.RevocationTrigger(s.number(s.arg("trigger", "0")))}
	if s.d.HasArg("mn") {
		order.MobileNodeID = s.mobileNode()
	}
	if s.d.HasArg("mag") {
		order.ProxyCareOfAddress = s.peer()
	}
	return s.trace(s.lma.Handle(s.now, order))
}

func (s *scenario) peer() netip.Addr {
	return netip.MustParseAddr(s.arg("from", magAddress(s.number(s.arg("mag", "1"))).String()))
}

func (s *scenario) revocationAcknowledgement() MessageReceived {
	m := mh.BindingRevocationAcknowledgement{
		Status:   mh.RevocationStatus(s.number(s.arg("status", "0"))),
		Sequence: s.revoked + uint16(s.number(s.arg("seq", "0"))),
		Flags:    mh.RevocationProxy,
	}
	if s.d.HasArg("mn") {
		m.Options.Present.Add(mh.OptionMobileNodeID)
		m.Options.MobileNodeID = s.mobileNode()
	}
	return s.revocationMessage(m.AppendTo(nil))
}

func (s *scenario) indication() MessageReceived {
	flags := s.arg("flags", "p")
	m := mh.BindingRevocationIndication{Sequence: 7, Trigger: mh.RevocationTrigger(s.number(s.arg("trigger", "0")))}
	for letter, flag := range map[string]mh.RevocationFlags{"p": mh.RevocationProxy, "v": mh.RevocationIPv4Only, "g": mh.RevocationGlobal} {
		if strings.Contains(flags, letter) {
			m.Flags |= flag
		}
	}
	o := &m.Options
	if s.d.HasArg("mn") {
		o.Present.Add(mh.OptionMobileNodeID)
		o.MobileNodeID = s.mobileNode()
	}
	for _, text := range s.list("hnp", "") {
		o.Present.Add(mh.OptionHomeNetworkPrefix)
		o.HomeNetworkPrefixes = append(o.HomeNetworkPrefixes, netip.MustParsePrefix(text))
	}
	if s.d.HasArg("v4") {
		o.Present.Add(mh.OptionIPv4HomeAddressRequest)
		o.IPv4HomeAddressRequest = ipv4Request(s.arg("v4", ""))
	}
	if s.d.HasArg("alt") {
		o.Present.Add(mh.OptionAlternateCareOfAddress)
		o.AlternateCareOfAddress = magAddress(s.number(s.arg("alt", "")))
	}
	return s.revocationMessage(m.AppendTo(nil))
}

func (s *scenario) revocationMessage(payload []byte, err error) MessageReceived {
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
	return MessageReceived{
		Source: s.peer(), Destination: netip.MustParseAddr(s.arg("to", lmaAddress.String())),
		PeerIdentity: s.arg("as", fmt.Sprintf("mag%s", s.arg("mag", "1"))), Payload: payload,
	}
}

// revocation prints either message of a Binding Revocation.
func (s *scenario) revocation(payload []byte) string {
	if mh.RevocationTypeOf(payload) == mh.RevocationIndication {
		var m mh.BindingRevocationIndication
		if err := m.Decode(payload); err != nil {
			s.t.Fatal(err)
		}
		s.revoked = m.Sequence
		return fmt.Sprintf("BRI %s flags=%s%s", m.Trigger, revocationFlags(m.Flags), s.options(&m.Options))
	}
	var m mh.BindingRevocationAcknowledgement
	if err := m.Decode(payload); err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("BRA %d %s seq=%d flags=%s%s", m.Status, m.Status, m.Sequence, revocationFlags(m.Flags), s.options(&m.Options))
}

func revocationFlags(f mh.RevocationFlags) string {
	text := ""
	for i, flag := range []mh.RevocationFlags{mh.RevocationProxy, mh.RevocationIPv4Only, mh.RevocationGlobal} {
		if f&flag != 0 {
			text += "pvg"[i : i+1]
		}
	}
	return text
}

func (s *scenario) revocationEnded(a RevocationEnded) string {
	who := "all"
	if a.MobileNodeID != (mobility.MobileNodeID{}) {
		who = a.MobileNodeID.String()
	}
	answer := "not answered"
	if a.Answered {
		answer = fmt.Sprintf("answered %s", a.Status)
	}
	return fmt.Sprintf("revocation of %s at %s ended, %s: %d bindings\n", who, a.ProxyCareOfAddress, answer, a.Bindings)
}
