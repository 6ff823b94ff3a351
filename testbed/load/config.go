package load

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlmm/mobility/mh"
)

// Config says what is asked of an anchor.
type Config struct {
	LMA         netip.Addr
	MAGs        []netip.Addr // addresses of this host, one for each gateway to play; a handover needs two
	MobileNodes int
	Realm       string // of the mobile nodes' NAIs, so that two generators do not share mobile nodes

	Operations []Operation   // one round, in this order; each is asked for once for every mobile node
	Count      int           // rounds; the least where Duration is set
	Duration   time.Duration // rounds begin until so much time has passed; zero: Count rounds
	Pause      time.Duration // between rounds, for instance until the anchor has deleted what was de-registered

	Rate     float64       // requests a second whatever the anchor does; zero: the closed loop
	Clients  int           // closed loop: requests outstanding at a time, each of another mobile node
	Lifetime time.Duration // asked for

	Compat   Compat
	Progress io.Writer // nil: none
}

// Compat is what kind of implementation both ends are (wire/pmipv6.md section 6): what this end sends, and what it puts up with.
type Compat string

// Kinds of implementations.
const (
	Strict Compat = "strict" // RFC 5213
	OAI    Compat = "oai"    // Header Len rounded down; no P flag; handoff indicator and access technology not echoed; no /64
	OPMIP  Compat = "opmip"  // the all-zero prefix comes back as it was sent
)

// Operation is one kind of request.
type Operation string

// Operations, in the order of a full round.
const (
	Register   Operation = "register"   // a mobile node's first Proxy Binding Update
	Refresh    Operation = "refresh"    // the same gateway extends the binding
	Handover   Operation = "handover"   // the next gateway takes the mobile node over
	Deregister Operation = "deregister" // lifetime zero
)

// Operations are all of them.
var Operations = []Operation{Register, Refresh, Handover, Deregister}

// maximumMobileNodes is what the four octets that number a mobile node in its link-layer identifier are used for.
const maximumMobileNodes = 1 << 24

// check names all problems of the configuration at once.
func (c *Config) check() error {
	var problems []error
	problem := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf("load: "+format, args...))
		}
	}
	problem(!c.LMA.Is6() || c.LMA.IsUnspecified(), "LMA address %v: want an IPv6 address", c.LMA)
	problem(len(c.MAGs) == 0, "no MAG addresses: want at least one address of this host")
	for i, mag := range c.MAGs {
		problem(slices.Contains(c.MAGs[:i], mag), "MAG address %v stands twice", mag)
	}
	problem(c.MobileNodes < 1 || c.MobileNodes > maximumMobileNodes, "%d mobile nodes: want 1 to %d", c.MobileNodes, maximumMobileNodes)
	problem(len(c.Operations) == 0, "no operations: want some of %v", Operations)
	for _, op := range c.Operations {
		problem(!slices.Contains(Operations, op), "operation %q: want one of %v", op, Operations)
	}
	problem(slices.Contains(c.Operations, Handover) && len(c.MAGs) < 2, "a handover needs a second address in --mags: add one, or say --operations register,refresh,deregister")
	problem(c.Count < 1, "count %d: want at least 1", c.Count)
	problem(c.Rate < 0, "rate %v: want requests a second", c.Rate)
	problem(c.Rate == 0 && c.Clients < 1, "%d clients: want at least 1 for the closed loop", c.Clients)
	problem(c.Lifetime < mh.LifetimeUnit || c.Lifetime > 0xffff*mh.LifetimeUnit, "lifetime %v: want 4s to 72h49m", c.Lifetime)
	problem(!slices.Contains([]Compat{Strict, OAI, OPMIP}, c.Compat), "compat %q: want %s, %s or %s", c.Compat, Strict, OAI, OPMIP)
	problem(c.Realm == "" || strings.ContainsAny(c.Realm, "@ "), "realm %q: want a domain name", c.Realm)
	return errors.Join(problems...)
}
