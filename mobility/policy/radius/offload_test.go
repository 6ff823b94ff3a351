package radius

import (
	"testing"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// Of Filter-Ids only those that begin as ours do count. Where they say no policy, or two, an Access-Accept has a name that no configuration
// can have, by which nothing leaves and the mobile node is served; a CoA-Request is refused.
func TestOffloadPoliciesInFilterIDs(t *testing.T) {
	for _, c := range []struct {
		said   []string
		want   string
		refuse bool
	}{
		{nil, "", false},
		{[]string{"staff", "Offload:web", "web"}, "", false},
		{[]string{"staff", "offload:web", "offload:web"}, "web", false},
		{[]string{"offload:none", "offload:none"}, "none", false},
		{[]string{"offload:web", "offload:all", "offload:web"}, "web and all", true},
		{[]string{"offload:nothing", "offload:none"}, "nothing and none", true},
		{[]string{"offload:"}, "offload:", true},
		{[]string{"offload:web", "offload:\xff"}, "offload:\xff", true},
	} {
		p := &codec.Packet{}
		for _, text := range c.said {
			p.Add(rfc2865.FilterID_Type, codec.Attribute(text))
		}
		if g, err := readGrant(p); err != nil || g.OffloadPolicy != c.want {
			t.Errorf("%q: %q (%v), want %q", c.said, g.OffloadPolicy, err, c.want)
		}
		if _, err := offloadPolicy(p); (err != nil) != c.refuse {
			t.Errorf("%q: %v, want one: %v", c.said, err, c.refuse)
		}
	}
}
