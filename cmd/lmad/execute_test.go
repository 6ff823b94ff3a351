package main

import (
	"net/netip"
	"path/filepath"
	"testing"

	"netlmm/mobility"
	"netlmm/mobility/lma"
	"netlmm/mobility/mh"
	"netlmm/mobility/store"
)

// A session that a selective de-registration left without IPv6 (RFC 5844 section 3.1.2.5) stands once in the store, under its
// IPv4 home address; with two records of that address the anchor would not start again.
func TestTheStoreHasASessionOnceWhenItsPrefixesAreDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lmad.db")
	s, _, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	prefixes := []netip.Prefix{netip.MustParsePrefix("2001:db8:1:2::/64")}
	both := mobility.BindingCacheEntry{MobileNodeID: mobility.MobileNodeID{Value: "mn1@example.net"}, HomeNetworkPrefixes: prefixes, IPv4HomeAddress: netip.MustParsePrefix("10.64.0.9/16")}
	one := both
	one.HomeNetworkPrefixes = nil
	keep(s, lma.BindingChanged{Change: lma.Created, Entry: both})
	keep(s, lma.BindingChanged{Change: lma.Extended, Entry: one, Dropped: prefixes})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, entries, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(entries) != 1 || len(entries[0].HomeNetworkPrefixes) != 0 || entries[0].IPv4HomeAddress != one.IPv4HomeAddress {
		t.Errorf("stored: %+v", entries)
	}
}

func TestWhatAMessageIsCountedAs(t *testing.T) {
	for want, m := range map[string]lma.SendMessage{
		mobility.StatusAccepted.String():     {Type: mh.TypeBindingAcknowledgement},
		"binding_error":                      {Type: mh.TypeBindingError},
		"binding_revocation_indication":      {Type: mh.TypeBindingRevocation, Payload: []byte{59, 1, 16, 0, 0, 0, 1, 1}},
		"binding_revocation_acknowledgement": {Type: mh.TypeBindingRevocation, Payload: []byte{59, 1, 16, 0, 0, 0, 2, 0}},
	} {
		if got := kind(m); got != want {
			t.Errorf("%v is counted as %s, want %s", m, got, want)
		}
	}
}
