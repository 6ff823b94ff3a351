package lma

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// conforming is an anchor for the conformance tests: mag1 may register mn1 at its address, with the given changes to the
// configuration.
func conforming(t *testing.T, change func(*Config)) *LMA {
	t.Helper()
	cfg := Config{
		LMAAddresses: []netip.Addr{netip.MustParseAddr("2001:db8:a::2"), lmaAddress},
		Pools:        []netip.Prefix{netip.MustParsePrefix("2001:db8:100::/56")},
		Authorized:   func(_ netip.Addr, identity string) bool { return identity == "mag1" },
		Random:       func(b []byte) { b[0] = 7 },
		Profile: func(id mobility.MobileNodeID) (mobility.Profile, bool) {
			return mobility.Profile{MobileNodeID: id, ProxyRegistration: true}, id.Value == "mn1"
		},
	}
	if change != nil {
		change(&cfg)
	}
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// echoed are the options that an answer has for the sake of the request, in the order of the bits of a case.
var echoed = []mh.OptionType{
	mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix, mh.OptionHandoffIndicator, mh.OptionAccessTechnologyType,
	mh.OptionTimestamp, mh.OptionMobileNodeLinkLayerID, mh.OptionLinkLocalAddress,
}

var mandatory = echoed[:4]

// requestWith is a PBU that has the options whose bits are set.
func requestWith(options int, now time.Time) mh.BindingUpdate {
	u := mh.BindingUpdate{Sequence: 4711, Flags: mh.UpdateAcknowledge | mh.UpdateProxy, Lifetime: 15}
	for i, option := range echoed {
		if options&(1<<i) != 0 {
			u.Options.Present.Add(option)
		}
	}
	o := &u.Options
	o.MobileNodeID = mobility.NAI("mn1")
	if o.Present.Has(mh.OptionHomeNetworkPrefix) {
		o.HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:100:7::/64"), netip.MustParsePrefix("::/0")}
	}
	o.HandoffIndicator, o.AccessTechnologyType = mobility.AttachmentOverNewInterface, mobility.AccessEthernet
	o.Timestamp = mh.TimestampOf(now)
	o.MobileNodeLinkLayerID = mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, 9})
	o.LinkLocalAddress = netip.MustParseAddr("fe80::9")
	return u
}

// answerTo is the one message with which the anchor answers.
func answerTo(t *testing.T, l *LMA, now time.Time, u mh.BindingUpdate, identity string) (SendMessage, mh.BindingAcknowledgement) {
	t.Helper()
	payload, err := u.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	var answers []SendMessage
	for _, a := range l.Handle(now, MessageReceived{Source: magAddress(1), Destination: lmaAddress, PeerIdentity: identity, Payload: payload}) {
		if m, ok := a.(SendMessage); ok {
			answers = append(answers, m)
		}
	}
	if len(answers) != 1 {
		t.Fatalf("%d answers, want one", len(answers))
	}
	var ack mh.BindingAcknowledgement
	if err := ack.Decode(answers[0].Payload); err != nil {
		t.Fatal(err)
	}
	return answers[0], ack
}

// TestConformanceAcknowledgement holds the answer to every combination of the options of RFC 5213 section 8.1, accepted and
// rejected, against section 5.3.6, and its status against the order of section 5.3.1.
func TestConformanceAcknowledgement(t *testing.T) {
	for options := range 1 << len(echoed) {
		for _, identity := range []string{"mag1", "mag9"} {
			u := requestWith(options, epoch)
			message, ack := answerTo(t, conforming(t, nil), epoch, u, identity)
			if message.Source != lmaAddress || message.Destination != magAddress(1) {
				t.Errorf("%#b: from %v to %v, want the request's addresses swapped", options, message.Source, message.Destination)
			}
			if ack.Flags != mh.AcknowledgementProxy || ack.Sequence != u.Sequence {
				t.Errorf("%#b: flags %#x, sequence %d", options, ack.Flags, ack.Sequence)
			}
			if want := expectedStatus(&u.Options, identity); ack.Status != want {
				t.Errorf("%#b from %s: status %v, want %v", options, identity, ack.Status, want)
			}
			checkEcho(t, &u.Options, &ack)
		}
	}
}

// expectedStatus is the first check of section 5.3.1 that such a request fails.
func expectedStatus(o *mh.Options, identity string) mobility.Status {
	switch {
	case !o.Present.Has(mh.OptionMobileNodeID):
		return mobility.StatusMissingMNIdentifierOption
	case identity != "mag1":
		return mobility.StatusMAGNotAuthorizedForProxyReg
	case !o.Present.Has(mh.OptionHomeNetworkPrefix):
		return mobility.StatusMissingHomeNetworkPrefixOption
	case !o.Present.Has(mh.OptionHandoffIndicator):
		return mobility.StatusMissingHandoffIndicatorOption
	case !o.Present.Has(mh.OptionAccessTechnologyType):
		return mobility.StatusMissingAccessTechTypeOption
	}
	return mobility.StatusAccepted
}

// checkEcho: the mandatory options are always there, with a zero value where the request had none; the others only if the
// request had them.
func checkEcho(t *testing.T, asked *mh.Options, ack *mh.BindingAcknowledgement) {
	t.Helper()
	o := &ack.Options
	for _, option := range echoed {
		want := asked.Present.Has(option) || slices.Contains(mandatory, option)
		if o.Present.Has(option) != want {
			t.Errorf("request with %b: %v present is %v", asked.Present, option, !want)
		}
	}
	zero := mh.Options{MobileNodeID: mobility.MobileNodeID{Subtype: mobility.SubtypeNAI}}
	want := *asked
	if !asked.Present.Has(mh.OptionMobileNodeID) {
		want.MobileNodeID = zero.MobileNodeID
	}
	if !asked.Present.Has(mh.OptionHandoffIndicator) {
		want.HandoffIndicator = 0
	}
	if !asked.Present.Has(mh.OptionAccessTechnologyType) {
		want.AccessTechnologyType = 0
	}
	if o.MobileNodeID != want.MobileNodeID || o.HandoffIndicator != want.HandoffIndicator || o.AccessTechnologyType != want.AccessTechnologyType {
		t.Errorf("request with %b: answer has %v, HI %d, ATT %d", asked.Present, o.MobileNodeID, o.HandoffIndicator, o.AccessTechnologyType)
	}
	if o.Present.Has(mh.OptionTimestamp) && o.Timestamp != asked.Timestamp ||
		o.Present.Has(mh.OptionMobileNodeLinkLayerID) && o.MobileNodeLinkLayerID != asked.MobileNodeLinkLayerID ||
		o.Present.Has(mh.OptionLinkLocalAddress) && o.LinkLocalAddress != asked.LinkLocalAddress {
		t.Errorf("request with %b: answer changed an option: %+v", asked.Present, o)
	}
	checkPrefixes(t, asked, ack)
}

// checkPrefixes: a rejection repeats the request's prefixes, or has one all-zero prefix; an acceptance names the assigned ones.
func checkPrefixes(t *testing.T, asked *mh.Options, ack *mh.BindingAcknowledgement) {
	t.Helper()
	got := ack.Options.HomeNetworkPrefixes
	switch {
	case ack.Status.Accepted():
		if len(got) != 2 || got[0] != asked.HomeNetworkPrefixes[0] || slices.ContainsFunc(got, mh.IsZeroPrefix) {
			t.Errorf("accepted with prefixes %v", got)
		}
	case len(asked.HomeNetworkPrefixes) == 0:
		if len(got) != 1 || !mh.IsZeroPrefix(got[0]) {
			t.Errorf("rejected without prefixes in the request: %v, want one all-zero prefix", got)
		}
	default:
		if !slices.Equal(got, asked.HomeNetworkPrefixes) {
			t.Errorf("rejected with prefixes %v, the request had %v", got, asked.HomeNetworkPrefixes)
		}
	}
}
