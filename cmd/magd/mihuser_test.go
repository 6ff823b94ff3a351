package main

import (
	"testing"
	"testing/synctest"

	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mobility"
	"netlmm/mobility/mag"
)

// TestTheIdentifierOfThePolicyCounts: a temporary identity stands for the stable one, and a user's identity for none: each
// of her devices is a mobile node of its own (RFC 5213 section 6.6).
func TestTheIdentifierOfThePolicyCounts(t *testing.T) {
	stable, shown := mobility.NAI("mn7@example.net"), mobility.NAI("mn1@example.net")
	for name, c := range map[string]struct {
		profile mobility.Profile
		want    mobility.MobileNodeID
	}{
		"temporary": {mobility.Profile{MobileNodeID: stable, AlsoKnownAs: []mobility.MobileNodeID{shown}, ProxyRegistration: true}, stable},
		"a user's":  {mobility.Profile{MobileNodeID: shown, SeveralDevices: true, ProxyRegistration: true}, mobility.EUI48(phone)},
	} {
		synctest.Test(t, func(t *testing.T) {
			g, events := newGatewayOf(t, &configs.Magd{Policy: configs.Policy{Profiles: []mobility.Profile{c.profile}}})
			g.mih.Emit(link(func(tuple mih.LinkTupleID) mih.LinkEvent { return mih.LinkUp{Link: tuple} }))
			e, ok := next(events).(mag.LinkAttached)
			if !ok || e.MobileNodeID != c.want {
				t.Errorf("%s: %+v, want the identifier %v", name, e, c.want)
			}
		})
	}
}

func TestWhoAStationBelongsTo(t *testing.T) {
	station := macAddress{2, 0, 0, 0, 0, 1}
	address := mobility.EUI48(station)
	for identity, want := range map[string]mobility.MobileNodeID{
		"mn1@example.net": mobility.NAI("mn1@example.net"), "Anna": mobility.NAI("Anna"), "annonymous@example.net": mobility.NAI("annonymous@example.net"),
		"": address, "@example.net": address, "anonymous": address, "Anonymous@Example.NET": address, "(null)": address, "null": address, "N/A": address,
	} {
		if got := (&gateway{cfg: &configs.Magd{}}).mobile(identity, station); got != want {
			t.Errorf("identity %q is %v, want %v", identity, got, want)
		}
		if got := (&gateway{cfg: &configs.Magd{Policy: configs.Policy{IdentityFromMAC: true}}}).mobile(identity, station); got != address {
			t.Errorf("identity %q is %v although addresses count", identity, got)
		}
	}
}
