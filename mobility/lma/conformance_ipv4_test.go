package lma

import (
	"net/netip"
	"testing"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// dualStack is an anchor for the conformance tests with IPv4.
func dualStack(t *testing.T) *LMA {
	return conforming(t, func(c *Config) {
		c.IPv4Pools = []IPv4Pool{{Network: netip.MustParsePrefix("10.64.0.0/16"), DefaultRouter: netip.MustParseAddr("10.64.0.254")}}
		c.DHCPSupportMode = mh.DHCPServer
		c.Profile = func(id mobility.MobileNodeID) (mobility.Profile, bool) {
			return mobility.Profile{MobileNodeID: id, ProxyRegistration: true, IPv4Mobility: true}, true
		}
	})
}

// TestConformanceIPv4Acknowledgement holds the answer to every combination of options, with each kind of IPv4 home address
// asked for, against RFC 5844 section 3.1.2.6.
func TestConformanceIPv4Acknowledgement(t *testing.T) {
	addresses := []string{"0.0.0.0/0", "10.64.3.3/16", "10.64.3.3/30", "10.64.0.254/16", "192.0.2.1/24", "255.255.255.255/0"}
	for options := range 1 << len(echoed) {
		for _, address := range addresses {
			u := requestWith(options, epoch)
			u.Options.Present.Add(mh.OptionIPv4HomeAddressRequest)
			u.Options.IPv4HomeAddressRequest = netip.MustParsePrefix(address)
			_, ack := answerTo(t, dualStack(t), epoch, u, "mag1")
			o := &ack.Options
			if o.Present.Has(mh.OptionHomeNetworkPrefix) != u.Options.Present.Has(mh.OptionHomeNetworkPrefix) {
				t.Errorf("%#b, %s: Home Network Prefix option present is %v", options, address, o.Present.Has(mh.OptionHomeNetworkPrefix))
			}
			if !o.Present.Has(mh.OptionIPv4HomeAddressReply) || o.Present.Has(mh.OptionIPv4DefaultRouter) != ack.Status.Accepted() ||
				o.Present.Has(mh.OptionIPv4DHCPSupportMode) != ack.Status.Accepted() {
				t.Errorf("%#b, %s: answer with status %v has options %b", options, address, ack.Status, o.Present)
			}
			checkIPv4Reply(t, &u.Options, &ack)
		}
	}
}

func checkIPv4Reply(t *testing.T, asked *mh.Options, ack *mh.BindingAcknowledgement) {
	t.Helper()
	reply, want := ack.Options.IPv4HomeAddressReply, asked.IPv4HomeAddressRequest
	if !ack.Status.Accepted() {
		if reply.Status.Accepted() || reply.Address != want {
			t.Errorf("asked for %v: status %v and %+v", want, ack.Status, reply)
		}
		return
	}
	if reply.Status != mh.IPv4HomeAddressSuccess || reply.Address.Bits() != 16 || ack.Options.IPv4DefaultRouter != netip.MustParseAddr("10.64.0.254") ||
		!want.Addr().IsUnspecified() && reply.Address.Addr() != want.Addr() {
		t.Errorf("asked for %v: %+v via %v", want, reply, ack.Options.IPv4DefaultRouter)
	}
}

// TestConformanceIPv4Order: the checks of RFC 5213 section 5.3.1 come first, and a Home Network Prefix option may be missing.
func TestConformanceIPv4Order(t *testing.T) {
	for options := range 1 << len(echoed) {
		u := requestWith(options, epoch)
		u.Options.Present.Add(mh.OptionIPv4HomeAddressRequest)
		u.Options.IPv4HomeAddressRequest = netip.MustParsePrefix("10.64.0.254/16") // nobody's
		want := expectedStatus(&u.Options, "mag1")
		if want == mobility.StatusAccepted || want == mobility.StatusMissingHomeNetworkPrefixOption {
			u.Options.Present.Add(mh.OptionHomeNetworkPrefix)
			if want = expectedStatus(&u.Options, "mag1"); want == mobility.StatusAccepted {
				want = mobility.StatusNotAuthorizedForIPv4HomeAddress
			}
			u.Options.Present &^= 1 << mh.OptionHomeNetworkPrefix
			u.Options.Present |= requestWith(options, epoch).Options.Present
		}
		if _, ack := answerTo(t, dualStack(t), epoch, u, "mag1"); ack.Status != want {
			t.Errorf("%#b: status %v, want %v", options, ack.Status, want)
		}
	}
}
