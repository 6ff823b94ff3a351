package main

import (
	"testing"

	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mobility"
)

func TestWhoAStationBelongsTo(t *testing.T) {
	station := mih.LinkAddress{2, 0, 0, 0, 0, 1}
	address := mobility.EUI48(station)
	for identity, want := range map[string]mobility.MobileNodeID{
		"mn1@example.net": mobility.NAI("mn1@example.net"), "Anna": mobility.NAI("Anna"), "annonymous@example.net": mobility.NAI("annonymous@example.net"),
		"": address, "@example.net": address, "anonymous": address, "Anonymous@Example.NET": address, "(null)": address, "null": address, "N/A": address,
	} {
		if got := (&gateway{cfg: &configs.Magd{}}).mobile(identity, station); got != want {
			t.Errorf("identity %q is %v, want %v", identity, got, want)
		}
		if got := (&gateway{cfg: &configs.Magd{IdentityFromMAC: true}}).mobile(identity, station); got != address {
			t.Errorf("identity %q is %v although addresses count", identity, got)
		}
	}
}
