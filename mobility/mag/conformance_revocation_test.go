package mag

import (
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// indicate sends an indication to the MAG and returns its answers.
func (c *conforming) indicate(bri mh.BindingRevocationIndication) (answers []mh.BindingRevocationAcknowledgement) {
	c.t.Helper()
	payload, err := bri.AppendTo(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, action := range c.mag.Handle(c.now, MessageReceived{Source: defaultLMA, Destination: proxyCoA, Payload: payload}) {
		a, ok := action.(SendMessage)
		if !ok {
			c.did = append(c.did, action)
			continue
		}
		var bra mh.BindingRevocationAcknowledgement
		if err := bra.Decode(a.Payload); err != nil {
			c.t.Fatal(err)
		}
		if a.Kind != RevocationAcknowledgement || a.Source != proxyCoA || a.Destination != defaultLMA {
			c.t.Errorf("%s from %v to %v", a.Kind, a.Source, a.Destination)
		}
		answers = append(answers, bra)
	}
	return answers
}

func revokeNode(flags mh.RevocationFlags, trigger mh.RevocationTrigger) mh.BindingRevocationIndication {
	bri := mh.BindingRevocationIndication{Trigger: trigger, Sequence: 0xabcd, Flags: flags, Options: mh.Options{MobileNodeID: nodeID}}
	bri.Options.Present.Add(mh.OptionMobileNodeID)
	return bri
}

// TestConformanceRevocationAnswer: every combination of flags and every trigger gets one acknowledgement with the number and the
// flags of the indication, whatever its status (RFC 5846 section 6.1.2), and what it may not do is not done (6.2.1, 9.1).
func TestConformanceRevocationAnswer(t *testing.T) {
	for flags := range 8 {
		for trigger := range 256 {
			c := newConforming(t, true)
			c.attach(nil)
			c.answer(nil)
			bri := revokeNode(mh.RevocationFlags(flags)<<13, mh.RevocationTrigger(trigger))
			answers := c.indicate(bri)
			if len(answers) == 0 && 2 <= trigger && trigger <= 4 && bri.Flags == mh.RevocationProxy {
				for _, a := range c.mag.Handle(c.now, PresenceConfirmed{"wlan0", nodeMAC}) {
					var bra mh.BindingRevocationAcknowledgement
					if err := bra.Decode(a.(SendMessage).Payload); err != nil {
						t.Fatal(err)
					}
					answers = append(answers, bra)
				}
			}
			if len(answers) != 1 || answers[0].Sequence != bri.Sequence || answers[0].Flags != bri.Flags {
				t.Fatalf("flags %x, trigger %d: answers %+v", bri.Flags, trigger, answers)
			}
			if answers[0].Status.Accepted() == (c.mag.Len() > 0) {
				t.Errorf("flags %x, trigger %d: %v, and %d mobile nodes", bri.Flags, trigger, answers[0].Status, c.mag.Len())
			}
			known := trigger <= 7 || trigger == 128 || trigger == 129
			if !known && answers[0].Status != mh.RevocationTriggerNotSupported {
				t.Errorf("trigger %d: %v", trigger, answers[0].Status)
			}
			global := bri.Flags&mh.RevocationGlobal != 0
			if known && global != (trigger >= 128) && answers[0].Status != mh.RevocationFunctionNotSupported {
				t.Errorf("flags %x, trigger %d: %v", bri.Flags, trigger, answers[0].Status)
			}
		}
	}
}

// TestConformanceRevoked: forwarding is gone before the acknowledgement, the access link is told, no de-registration is sent, and
// nothing but a new attachment brings the mobile node back (RFC 5846 section 9.1).
func TestConformanceRevoked(t *testing.T) {
	c := newConforming(t, true)
	c.attach(func(ev *LinkAttached) { ev.IPv4Mobility = true })
	c.answerIPv4(nil)
	c.did = nil
	sent := len(c.sent)
	if answers := c.indicate(revokeNode(mh.RevocationProxy, mh.TriggerAdministrativeReason)); len(answers) != 1 || answers[0].Status != mh.RevocationSuccess {
		t.Fatalf("answers %+v", answers)
	}
	var withdrawn, offerGone, applied bool
	var ended EndReason
	for _, action := range c.did {
		switch a := action.(type) {
		case AdvertiseRouter:
			withdrawn = a.RouterLifetime == 0 && len(a.DeprecatedPrefixes) == len(given)
		case OfferAddresses:
			offerGone = len(a.HomeNetworkPrefixes) == 0 && !a.IPv4HomeAddress.IsValid()
		case BindingEnded:
			ended = a.Reason
		case ApplyForwarding:
			applied = true
		}
	}
	if !withdrawn || !offerGone || !applied || ended != EndRevoked || c.mag.Forwarding().Len() != 0 || c.mag.Len() != 0 {
		t.Errorf("withdrawn %v, offer gone %v, applied %v, ended %q, %d entries", withdrawn, offerGone, applied, ended, c.mag.Forwarding().Len())
	}
	c.handle(PresenceConfirmed{"wlan0", nodeMAC})
	c.handle(RouterSolicited{"wlan0", nodeMAC})
	c.handle(PeerRestarted{defaultLMA})
	c.attach(func(ev *LinkAttached) { ev.Unconfirmed = true })
	c.pass(time.Hour)
	if len(c.sent) != sent {
		t.Errorf("%d PBUs after the revocation", len(c.sent)-sent)
	}
	c.attach(nil)
	if len(c.sent) != sent+1 {
		t.Error("no PBU after a new attachment")
	}
}

// TestConformanceRevokedIPv4Only: the prefixes stay bound, advertised and forwarded (RFC 5846 section 9.1).
func TestConformanceRevokedIPv4Only(t *testing.T) {
	c := newConforming(t, true)
	c.attach(func(ev *LinkAttached) { ev.IPv4Mobility = true })
	c.answerIPv4(nil)
	bri := revokeNode(mh.RevocationProxy|mh.RevocationIPv4Only, mh.TriggerUserInitiatedTermination)
	bri.Options.Present.Add(mh.OptionIPv4HomeAddressRequest)
	bri.Options.IPv4HomeAddressRequest = netip.MustParsePrefix("10.64.0.8/16")
	if answers := c.indicate(bri); len(answers) != 1 || answers[0].Status != mh.RevocationBindingDoesNotExist || c.mag.Forwarding().Len() != len(given)+1 {
		t.Errorf("another address: %+v", answers)
	}
	bri.Options.IPv4HomeAddressRequest = homeAddressGiven
	if answers := c.indicate(bri); len(answers) != 1 || answers[0].Status != mh.RevocationSuccess {
		t.Errorf("answers %+v", answers)
	}
	e := c.mag.Snapshot()[0]
	if c.mag.Forwarding().Len() != len(given) || e.State != "registered" || len(e.HomeNetworkPrefixes) != len(given) || e.IPv4HomeAddress.IsValid() {
		t.Errorf("%d forwarding entries, %+v", c.mag.Forwarding().Len(), e)
	}
}

// TestConformanceRevocationOptions: options that this MAG does not know, and reserved bits, change nothing (RFC 5846 section 5.1).
func TestConformanceRevocationOptions(t *testing.T) {
	c := newConforming(t, true)
	c.attach(nil)
	c.answer(nil)
	bri := revokeNode(mh.RevocationProxy, mh.TriggerUnspecified)
	bri.Options.Unknown = []mh.RawOption{{Type: 200, Data: "x"}}
	payload, err := bri.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	payload[11] = 0xff // the lower half of flags and Reserved
	c.mag.Handle(c.now, MessageReceived{Source: defaultLMA, Destination: proxyCoA, Payload: payload})
	if c.mag.Len() != 0 {
		t.Error("not revoked")
	}
}

// FuzzMessageReceived: whatever arrives, a MAG with a bound mobile node neither panics nor loses count, and from somebody who is not its
// LMA nothing takes the binding away.
func FuzzMessageReceived(f *testing.F) {
	bri := revokeNode(mh.RevocationProxy|mh.RevocationGlobal, mh.TriggerPerPeerPolicy)
	for _, options := range []mh.Options{{}, bri.Options} {
		bri.Options = options
		payload, err := bri.AppendTo(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	ack := mh.BindingAcknowledgement{Flags: mh.AcknowledgementProxy, Sequence: 2, Lifetime: 100, Options: mh.Options{MobileNodeID: nodeID, HomeNetworkPrefixes: given}}
	ack.Options.Present.Add(mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix)
	payload, err := ack.AppendTo(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, compat := range []mobility.Compat{mobility.CompatStrict, mobility.CompatOAI, mobility.CompatOPMIP} {
			c := newConforming(t, true)
			c.mag.config.Compat = func(netip.Addr) mobility.Compat { return compat }
			c.attach(func(ev *LinkAttached) { ev.IPv4Mobility, ev.HomeNetworkPrefixes = true, given })
			c.answerIPv4(nil)
			bound := c.mag.Forwarding().Len()
			c.mag.Handle(c.now, MessageReceived{Source: netip.MustParseAddr("2001:db8:f::9"), Destination: proxyCoA, Payload: payload})
			if c.mag.Forwarding().Len() != bound || bound == 0 {
				t.Fatal("a stranger's message took forwarding away")
			}
			c.mag.Handle(c.now, MessageReceived{Source: defaultLMA, Destination: proxyCoA, Payload: payload})
			c.mag.Expire(c.now.Add(10 * time.Minute))
			if c.mag.Len() > 1 || c.mag.Forwarding().Len() > bound+maximumPrefixes {
				t.Fatal("one message made more of one mobile node")
			}
		}
	})
}
