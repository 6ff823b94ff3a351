package load

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// AnchorConfig says what anchor to play to one gateway.
type AnchorConfig struct {
	LMA, MAG netip.Addr   // LMA is an address of this host
	Pool     netip.Prefix // home network prefixes, each a /64 of it

	Duration time.Duration // of the play; zero: until it is ended
	Lifetime time.Duration // granted at most

	Delay       time.Duration   // before each answer
	DropRate    float64         // share of the updates that are not answered
	Status      mobility.Status // of the refusals
	StatusShare float64         // share of the updates that are refused with Status

	RestartCounter uint32        // of the heartbeats (RFC 5847 section 3.2)
	RestartAfter   time.Duration // then every binding is forgotten and the counter is one more; zero: never
	RevokeAfter    time.Duration // then every binding is revoked (RFC 5846); zero: never

	Compat   Compat // of the gateway
	Seed     uint64 // of what is left to chance, so that a run can be repeated
	Progress io.Writer
}

// DefaultPool is for networks that exist nowhere else (RFC 3849).
var DefaultPool = netip.MustParsePrefix("2001:db8:5000::/36")

// prefixBits is the length of a home network prefix.
const prefixBits = 64

// check names all problems of the configuration at once.
func (c *AnchorConfig) check() error {
	var problems []error
	problem := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf("load: "+format, args...))
		}
	}
	for name, a := range map[string]netip.Addr{"LMA": c.LMA, "MAG": c.MAG} {
		problem(!a.IsValid() || a.IsUnspecified() || a.Is4In6(), "%s address %v: want an address", name, a)
	}
	problem(c.LMA.Is4() != c.MAG.Is4(), "LMA address %v and MAG address %v: want both of one family", c.LMA, c.MAG)
	problem(!c.Pool.Addr().Is6() || c.Pool.Bits() < 8 || c.Pool.Bits() > prefixBits || c.Pool != c.Pool.Masked(), "pool %v: want an IPv6 network of /8 to /64", c.Pool)
	problem(c.Lifetime < mh.LifetimeUnit || c.Lifetime > 0xffff*mh.LifetimeUnit, "lifetime %v: want 4s to 72h49m", c.Lifetime)
	for name, share := range map[string]float64{"drop rate": c.DropRate, "status share": c.StatusShare} {
		problem(!(share >= 0 && share <= 1), "%s %v: want 0 to 1", name, share)
	}
	problem(c.StatusShare > 0 && c.Status.Accepted(), "status %d is no refusal: want 128 to 255", uint8(c.Status))
	for name, d := range map[string]time.Duration{"duration": c.Duration, "delay": c.Delay, "restart-after": c.RestartAfter, "revoke-after": c.RevokeAfter} {
		problem(d < 0, "%s %v: want no negative time", name, d)
	}
	problem(!slices.Contains([]Compat{Strict, OAI, OPMIP}, c.Compat), "compat %q: want %s, %s or %s", c.Compat, Strict, OAI, OPMIP)
	problem(c.Compat != Strict && (c.RestartAfter > 0 || c.RevokeAfter > 0), "a gateway of kind %s knows neither heartbeats nor revocations", c.Compat)
	return errors.Join(problems...)
}
