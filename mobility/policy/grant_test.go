package policy

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility"
)

// What the MIP6-Feature-Vector authorizes (RFC 6572 section 4.1), over what everybody has.
func TestFeaturesOfAGrant(t *testing.T) {
	home, prefix := netip.MustParsePrefix("10.64.0.9/32"), []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")}
	lma4 := netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct {
		features Features // 0: not said
		lma      netip.Addr
		want     string
	}{
		{0, netip.Addr{}, "ipv6 true ipv4 true local unsaid prefixes 1 home true"},
		{PMIP6Supported, netip.Addr{}, "ipv6 true ipv4 false local false prefixes 1 home false"},
		{PMIP6Supported | IP4HoASupported | LocalMAGRoutingSupported, netip.Addr{}, "ipv6 true ipv4 true local true prefixes 1 home true"},
		{PMIP6Supported | IP4HoAOnlySupported, netip.Addr{}, "ipv6 false ipv4 true local false prefixes 0 home true"},
		{PMIP6Supported | IP4HoAOnlySupported | IP4HoASupported, netip.Addr{}, "refused"},
		{IP4HoASupported, netip.Addr{}, "refused"},
		{PMIP6Supported, lma4, "refused"},
		{PMIP6Supported | IP4TransportSupported, lma4, "ipv6 true ipv4 false local false prefixes 1 home false"},
	} {
		g := Grant{HomeNetworkPrefixes: prefix, IPv4HomeAddress: home, LMAIPv4Address: c.lma}
		if c.features != 0 {
			g.Features = &c.features
		}
		p, err := g.Profile(mobility.NAI("a@x"), mobility.Profile{})
		local := "unsaid"
		if p.MAGLocalRouting != nil {
			local = fmt.Sprint(*p.MAGLocalRouting)
		}
		got := fmt.Sprintf("ipv6 %v ipv4 %v local %s prefixes %d home %v", !p.IPv6Prohibited, p.IPv4Mobility, local, len(p.HomeNetworkPrefixes), p.IPv4HomeAddress.IsValid())
		if err != nil {
			got = "refused"
		}
		if got != c.want {
			t.Errorf("%#x: %s (%v), want %s", c.features, got, err, c.want)
		}
	}
}

// A change names what it changes, and leaves the rest.
func TestAGrantOverAnother(t *testing.T) {
	features := PMIP6Supported
	before := Grant{
		MobileNodeID: "a@x", ChargeableUserIdentity: "cui", LMAAddress: netip.MustParseAddr("2001:db8::1"), HomeNetworkPrefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")},
		IPv4HomeAddress: netip.MustParsePrefix("10.64.0.9/32"), Features: &features, SessionTimeout: time.Hour, OffloadPolicy: "web",
	}
	if got := (Grant{}).Over(before); fmt.Sprint(got) != fmt.Sprint(before) {
		t.Errorf("%+v", got)
	}
	if got := (Grant{LMAIPv4Address: netip.MustParseAddr("192.0.2.1")}).Over(before); got.LMAAddress.IsValid() || got.MobileNodeID != "a@x" {
		t.Errorf("%+v", got)
	}
	if got := (Grant{OffloadPolicy: NoOffloadPolicy}).Over(before); got.OffloadPolicy != NoOffloadPolicy || got.LMAAddress != before.LMAAddress {
		t.Errorf("%+v", got)
	}
	if (&Grant{OffloadPolicy: NoOffloadPolicy}).Empty() {
		t.Error("an offload policy is nothing")
	}
	if !(&Grant{}).Empty() || before.Empty() {
		t.Error("Empty")
	}
}

// A Session-Timeout of hours is asked about again when it is over; it makes no registration longer than those of everybody are.
func TestASessionTimeoutOnlyShortens(t *testing.T) {
	everybody := mobility.Profile{Lifetime: 5 * time.Minute}
	for timeout, want := range map[time.Duration]time.Duration{
		0: 5 * time.Minute, time.Second: leastLifetime, time.Minute: time.Minute, 8 * time.Hour: 5 * time.Minute, 100 * time.Hour: 5 * time.Minute,
	} {
		g := Grant{SessionTimeout: timeout}
		if p, err := g.Profile(mobility.NAI("a@x"), everybody); err != nil || p.Lifetime != want {
			t.Errorf("%v: %v (%v), want %v", timeout, p.Lifetime, err, want)
		}
	}
}
