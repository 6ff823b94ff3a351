package mag

import (
	"testing"

	"netlmm/mobility"
)

// TestRealm: only an NAI has one (RFC 5846 section 8.1), whatever octets another identifier is made of.
func TestRealm(t *testing.T) {
	for _, c := range []struct {
		id    mobility.MobileNodeID
		realm string
		ok    bool
	}{
		{mobility.NAI("a@example.net"), "example.net", true},
		{mobility.NAI("@example.net"), "example.net", true},
		{mobility.NAI("a@"), "", false},
		{mobility.NAI("example.net"), "", false},
		{mobility.MobileNodeID{Subtype: mobility.SubtypeEUI48, Value: "u@exam"}, "", false},
	} {
		realm, ok := realmIn(c.id)
		if ok != c.ok || ok && realm != c.realm {
			t.Errorf("%v: realm %q, %v", c.id, realm, ok)
		}
	}
}
