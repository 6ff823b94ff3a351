package lma

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// TestCloneOutlivesTheUpdate: what waits is as it was when the next message has been read into the same memory.
func TestCloneOutlivesTheUpdate(t *testing.T) {
	message := func(name string, prefix netip.Prefix, mode mobility.OffloadMode, port uint32) []byte {
		o := mh.Options{
			MobileNodeID: mobility.NAI(name), HomeNetworkPrefixes: []netip.Prefix{prefix}, MobileNodeLinkLayerID: mobility.MobileNodeLinkLayerID(name),
			ServiceSelection: name,
			IPv4TrafficOffloadSelectors: []mh.IPv4TrafficOffloadSelector{
				{Mode: mode, Format: mh.TrafficSelectorIPv4, Selector: mobility.TrafficSelector{SourcePort: mobility.Numbers(port, port)}},
				{Mode: mode, Format: 2, Data: name},
			},
		}
		o.Present.Add(mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix, mh.OptionMobileNodeLinkLayerID, mh.OptionServiceSelection, mh.OptionIPv4TrafficOffloadSelector)
		b, err := (&mh.BindingUpdate{Sequence: 1, Flags: mh.UpdateProxy, Options: o}).AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := message("first", netip.MustParsePrefix("2001:db8:1::/64"), mobility.OffloadMatching, 80)
	var update, want mh.BindingUpdate
	if err := want.Decode(first); err != nil {
		t.Fatal(err)
	}
	if err := update.Decode(first); err != nil {
		t.Fatal(err)
	}
	r := requestOf(epoch, MessageReceived{}, &update)
	kept := r.clone()
	if err := update.Decode(message("later", netip.MustParsePrefix("2001:db8:2::/64"), mobility.OffloadOthers, 443)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want.Options, *kept.options, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{}, mobility.AddressRange{})); d != "" {
		t.Errorf("(-as it came +kept):\n%s", d)
	}
}
