package mag

import (
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// conforming is a MAG with one mobile node for the conformance tests. It writes down what it sends and confirms presence.
type conforming struct {
	t    *testing.T
	mag  *MAG
	now  time.Time
	sent []sentUpdate
	did  []Action
}

type sentUpdate struct {
	SendMessage
	mh.BindingUpdate
}

var (
	nodeID  = mobility.NAI("mn1")
	nodeMAC = mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, 1})
	given   = []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64"), netip.MustParsePrefix("2001:db8:2::/64")}
)

func newConforming(t *testing.T, timestamps bool) *conforming {
	t.Helper()
	m, err := New(Config{ProxyCareOfAddress: proxyCoA, TimestampBasedApproachInUse: timestamps, Lifetime: 400 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return &conforming{t: t, mag: m, now: start}
}

func (c *conforming) handle(ev Event) { c.note(c.mag.Handle(c.now, ev)) }

func (c *conforming) note(actions []Action) {
	c.did = append(c.did, actions...)
	for _, a := range actions {
		switch a := a.(type) {
		case SendMessage:
			s := sentUpdate{SendMessage: a}
			if err := s.Decode(a.Payload); err != nil {
				c.t.Fatal(err)
			}
			c.sent = append(c.sent, s)
		case ProbePresence:
			c.handle(PresenceConfirmed{a.Interface, a.MobileNodeLinkLayerID})
		}
	}
}

// pass lets time pass from deadline to deadline.
func (c *conforming) pass(d time.Duration) {
	for end := c.now.Add(d); ; {
		next, ok := c.mag.NextDeadline()
		if !ok || next.After(end) {
			c.now = end
			return
		}
		c.now = next
		c.note(c.mag.Expire(c.now))
	}
}

func (c *conforming) attach(change func(*LinkAttached)) {
	ev := LinkAttached{
		Interface: "wlan0", MobileNodeID: nodeID, MobileNodeLinkLayerID: nodeMAC, AccessTechnologyType: mobility.AccessWLAN, LMAAddress: defaultLMA,
	}
	if change != nil {
		change(&ev)
	}
	c.handle(ev)
}

func (c *conforming) last() sentUpdate {
	c.t.Helper()
	if len(c.sent) == 0 {
		c.t.Fatal("no PBU was sent")
	}
	return c.sent[len(c.sent)-1]
}

// answer is a conforming acknowledgement of the last PBU, with changes.
func (c *conforming) answer(change func(*mh.BindingAcknowledgement)) {
	c.t.Helper()
	u := c.last()
	ack := mh.BindingAcknowledgement{Flags: mh.AcknowledgementProxy, Sequence: u.Sequence, Lifetime: u.Lifetime, Options: u.Options}
	if u.Lifetime > 0 {
		ack.Options.HomeNetworkPrefixes = given
	}
	if change != nil {
		change(&ack)
	}
	payload, err := ack.AppendTo(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.handle(MessageReceived{Source: defaultLMA, Destination: proxyCoA, Payload: payload})
}

// TestConformanceUpdate holds the three PBUs of a mobile node's stay against RFC 5213 sections 6.9.1.1, 6.9.1.3, 6.9.1.4 and
// 6.9.1.5: addresses, flags, lifetime and exactly the options that are due.
func TestConformanceUpdate(t *testing.T) {
	const mandatory = mh.OptionSet(1<<mh.OptionMobileNodeID | 1<<mh.OptionHomeNetworkPrefix | 1<<mh.OptionHandoffIndicator | 1<<mh.OptionAccessTechnologyType)
	for _, test := range []struct {
		name       string
		timestamps bool
		mac        mobility.MobileNodeLinkLayerID
		want       mh.OptionSet
	}{
		{"timestamps", true, nodeMAC, mandatory | 1<<mh.OptionTimestamp | 1<<mh.OptionMobileNodeLinkLayerID},
		{"sequence numbers", false, nodeMAC, mandatory | 1<<mh.OptionMobileNodeLinkLayerID},
		{"no link-layer identifier", true, "", mandatory | 1<<mh.OptionTimestamp},
		{"all-zero link-layer identifier", true, mobility.LinkLayerID([6]byte{}), mandatory | 1<<mh.OptionTimestamp},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newConforming(t, test.timestamps)
			c.attach(func(ev *LinkAttached) { ev.MobileNodeLinkLayerID = test.mac })
			c.check(Registration, test.want, mobility.HandoffStateUnknown, allZeroPrefix, 100)
			c.answer(nil)
			c.pass(350 * time.Second)
			c.check(ReRegistration, test.want, mobility.HandoffStateNotChanged, given, 100)
			c.answer(nil)
			mac := test.mac
			if mac.IsZero() {
				mac = ""
			}
			c.handle(LinkDetached{"wlan0", mac})
			c.check(DeRegistration, test.want, mobility.HandoffStateUnknown, given, 0)
		})
	}
}

func (c *conforming) check(kind MessageKind, options mh.OptionSet, hi mobility.HandoffIndicator, prefixes []netip.Prefix, lifetime uint16) {
	c.t.Helper()
	u := c.last()
	if u.Kind != kind || u.Source != proxyCoA || u.Destination != defaultLMA {
		c.t.Errorf("%s from %v to %v, want %s from the Proxy-CoA to the LMA address", u.Kind, u.Source, u.Destination, kind)
	}
	if u.Flags != mh.UpdateAcknowledge|mh.UpdateProxy || u.BindingUpdate.Lifetime != lifetime {
		c.t.Errorf("%s: flags %#x, lifetime %d", kind, uint16(u.Flags), u.BindingUpdate.Lifetime)
	}
	o := &u.Options
	if o.Present != options || len(o.Unknown) > 0 {
		c.t.Errorf("%s: options %b and %v, want %b", kind, o.Present, o.Unknown, options)
	}
	if o.MobileNodeID != nodeID || o.HandoffIndicator != hi || o.AccessTechnologyType != mobility.AccessWLAN {
		c.t.Errorf("%s: %v, HI %d, ATT %d, want HI %d", kind, o.MobileNodeID, o.HandoffIndicator, o.AccessTechnologyType, hi)
	}
	if len(o.HomeNetworkPrefixes) != len(prefixes) || o.HomeNetworkPrefixes[0] != prefixes[0] {
		c.t.Errorf("%s: prefixes %v, want %v", kind, o.HomeNetworkPrefixes, prefixes)
	}
}

// TestConformanceHandoffIndicator: what is known of the attachment is what the PBU says, and 4 where nothing is known (RFC
// 5213 section 6.9.1.1, 4 and 5). The access technology is that of the link (8).
func TestConformanceHandoffIndicator(t *testing.T) {
	for told, want := range map[mobility.HandoffIndicator]mobility.HandoffIndicator{
		0:                                        mobility.HandoffStateUnknown,
		mobility.AttachmentOverNewInterface:      mobility.AttachmentOverNewInterface,
		mobility.HandoffBetweenInterfaces:        mobility.HandoffBetweenInterfaces,
		mobility.HandoffBetweenMAGsSameInterface: mobility.HandoffBetweenMAGsSameInterface,
		mobility.HandoffStateUnknown:             mobility.HandoffStateUnknown,
	} {
		for _, technology := range []mobility.AccessTechnologyType{mobility.AccessEthernet, mobility.AccessWLAN} {
			c := newConforming(t, true)
			c.attach(func(ev *LinkAttached) { ev.HandoffIndicator, ev.AccessTechnologyType = told, technology })
			if o := c.last().Options; o.HandoffIndicator != want || o.AccessTechnologyType != technology {
				t.Errorf("told %d on %v: HI %d, ATT %d", told, technology, o.HandoffIndicator, o.AccessTechnologyType)
			}
		}
	}
}

// TestConformanceSequenceNumbers: without timestamps each transmission has a greater number of the session (RFC 5213 section
// 6.9.4, 4); with timestamps the number counts all PBUs of the MAG (section 6.9.1.1, 6) and each timestamp is later.
func TestConformanceSequenceNumbers(t *testing.T) {
	for _, timestamps := range []bool{false, true} {
		c := newConforming(t, timestamps)
		c.attach(nil)
		c.pass(200 * time.Second)
		if len(c.sent) < 8 {
			t.Fatalf("%d transmissions", len(c.sent))
		}
		for i := 1; i < len(c.sent); i++ {
			before, now := c.sent[i-1], c.sent[i]
			if int16(now.Sequence-before.Sequence) <= 0 {
				t.Errorf("sequence number %d after %d", now.Sequence, before.Sequence)
			}
			if timestamps && now.Options.Timestamp <= before.Options.Timestamp {
				t.Errorf("timestamp %d after %d", now.Options.Timestamp, before.Options.Timestamp)
			}
		}
	}
}
