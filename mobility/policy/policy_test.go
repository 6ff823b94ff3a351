package policy

import (
	"testing"

	"netlmm/mobility"
)

func TestLookup(t *testing.T) {
	known, stranger := mobility.NAI("mn1@example.net"), mobility.NAI("stranger@example.org")
	own := mobility.Profile{MobileNodeID: known, ProxyRegistration: false}
	closed := NewTable([]mobility.Profile{own}, nil)
	if p, ok := closed.Lookup(known); !ok || p.ProxyRegistration {
		t.Errorf("own profile: %+v, %v", p, ok)
	}
	if _, ok := closed.Lookup(stranger); ok {
		t.Error("a mobile node without a profile is known although there is no fallback")
	}
	open := NewTable([]mobility.Profile{own}, &mobility.Profile{ProxyRegistration: true})
	if p, ok := open.Lookup(stranger); !ok || !p.ProxyRegistration || p.MobileNodeID != stranger {
		t.Errorf("fallback: %+v, %v", p, ok)
	}
}

// RFC 5213 section 6.6: a temporary identifier leads to the stable one, which is what counts then.
func TestTemporaryIdentifierLeadsToTheStableOne(t *testing.T) {
	stable, temporary := mobility.NAI("mn1@example.net"), mobility.NAI("x7f3@example.net")
	own := mobility.Profile{MobileNodeID: stable, AlsoKnownAs: []mobility.MobileNodeID{temporary}, ProxyRegistration: true}
	table := NewTable([]mobility.Profile{own}, nil)
	if p, ok := table.Lookup(temporary); !ok || p.MobileNodeID != stable {
		t.Errorf("by the temporary identifier: %+v, %v", p, ok)
	}
}
