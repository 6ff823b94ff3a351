package lma

import (
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// TestConformanceBindingCacheEntry: the fields that RFC 5213 section 5.1 adds hold what the accepted PBU said.
func TestConformanceBindingCacheEntry(t *testing.T) {
	const all, withoutOptional = 0b1111111, 0b0001111
	for _, options := range []int{all, withoutOptional} {
		l, u := conforming(t, nil), requestWith(options, epoch)
		answerTo(t, l, epoch, u, "mag1")
		entries := l.Snapshot()
		if len(entries) != 1 {
			t.Fatalf("%d entries", len(entries))
		}
		e := entries[0]
		if e.MobileNodeID != u.Options.MobileNodeID || e.AccessTechnologyType != u.Options.AccessTechnologyType ||
			e.ProxyCareOfAddress != magAddress(1) || len(e.HomeNetworkPrefixes) != 2 || e.HomeNetworkPrefixes[0].Bits() != 64 {
			t.Errorf("entry %+v", e)
		}
		if options == all {
			if e.MobileNodeLinkLayerID != u.Options.MobileNodeLinkLayerID || e.LinkLocalAddress != u.Options.LinkLocalAddress || e.Timestamp != uint64(u.Options.Timestamp) {
				t.Errorf("entry %+v of a PBU with every option", e)
			}
		} else if !e.MobileNodeLinkLayerID.IsZero() || e.Timestamp != 0 {
			t.Errorf("without the options: link-layer identifier %v, timestamp %d, want zero", e.MobileNodeLinkLayerID, e.Timestamp)
		}
	}
}

// TestConformanceVariables: the anchor goes by the configured values of RFC 5213 section 9.1, not by their defaults.
func TestConformanceVariables(t *testing.T) {
	const deletion, wait, window = 3 * time.Second, 20 * time.Second, 7 * time.Second
	l := conforming(t, func(c *Config) {
		c.MinDelayBeforeBCEDelete, c.MaxDelayBeforeNewBCEAssign, c.TimestampValidityWindow = deletion, wait, window
	})
	register := func(now time.Time, change func(*mh.BindingUpdate)) mobility.Status {
		t.Helper()
		u := requestWith(0b0111111, now)
		u.Lifetime = 1000
		u.Options.HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix("::/0")}
		change(&u)
		_, ack := answerTo(t, l, now, u, "mag1")
		return ack.Status
	}
	nothing := func(*mh.BindingUpdate) {}
	early := func(by time.Duration) func(*mh.BindingUpdate) {
		return func(u *mh.BindingUpdate) { u.Options.Timestamp = mh.TimestampOf(epoch.Add(-by)) }
	}
	if status := register(epoch, early(window+time.Second)); status != mobility.StatusTimestampMismatch {
		t.Errorf("beyond the window: %v", status)
	}
	if status := register(epoch, early(window-time.Second)); status != mobility.StatusAccepted {
		t.Errorf("within the window: %v", status)
	}
	now := epoch.Add(time.Second)
	register(now, func(u *mh.BindingUpdate) { u.Lifetime = 0 })
	if at, _ := l.NextDeadline(); !at.Equal(now.Add(deletion)) {
		t.Errorf("the entry is deleted at %v, want %v after the de-registration", at, deletion)
	}
	register(now.Add(time.Millisecond), nothing)

	u := requestWith(0b0111111, now.Add(time.Second))
	u.Options.HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix("::/0")}
	u.Options.HandoffIndicator = mobility.HandoffStateUnknown
	u.Options.MobileNodeLinkLayerID = mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, 10})
	payload, err := u.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Handle(now.Add(time.Second), MessageReceived{Source: magAddress(1), Destination: lmaAddress, PeerIdentity: "mag1", Payload: payload})
	if at, _ := l.NextDeadline(); !at.Equal(now.Add(time.Second + wait)) {
		t.Errorf("the wait for a de-registration ends at %v, want after %v", at, wait)
	}
}
