package mag

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// Bounds that are no matter of configuration.
const (
	maximumPrefixes           = 16                     // of one mobility session
	maximumSessions           = math.MaxUint16         // so that a sequence number is free for each
	maximumIdentifier         = 250                    // octets of an identifier option
	maximumUpdateRate         = 3                      // PBUs a second and mobility session: RFC 6275 section 12, MAX_UPDATE_RATE
	suspectAfter              = 3                      // unanswered PBUs until the SA itself is in doubt
	presenceProbes            = 3                      // as RFC 4861 section 10, MAX_UNICAST_SOLICIT
	solicitedInterval         = 500 * time.Millisecond // between two answers to Router Solicitations of one mobile node
	bindingErrorInterval      = 100 * time.Millisecond // between two Binding Errors, whoever they go to: RFC 6275 section 9.3.3
	burstSize                 = 64                     // PBUs to an LMA at once, when many are due
	burstInterval             = 10 * time.Millisecond  // to the next burst
	maximumLifetime           = math.MaxUint16 * mh.LifetimeUnit
	maximumRouterLifetime     = math.MaxUint16 * time.Second
	defaultLifetime           = 5 * time.Minute
	defaultMaximumMobileNodes = 10000

	defaultHandoverInitiateRetries = 3 // RFC 5568 section 9, HI_RETRIES
	maximumHandoverInitiateRetries = 10
	defaultMaximumPendingHandovers = 256
)

// withDefaults fills in what is zero and reports everything that cannot work.
func (c Config) withDefaults() (Config, error) {
	defaultTo := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	defaultTo(&c.Lifetime, defaultLifetime)
	defaultTo(&c.ReRegistrationMargin, c.Lifetime/4)
	defaultTo(&c.InitialBindackTimeout, time.Second)
	defaultTo(&c.MaxBindackTimeout, 32*time.Second)
	defaultTo(&c.DeregistrationTimeout, time.Second)
	defaultTo(&c.PresenceTimeout, time.Second)
	defaultTo(&c.RouterLifetime, 30*time.Minute)
	defaultTo(&c.RefusalMemory, 24*time.Hour)
	defaultTo(&c.HandoverInitiateTimeout, 100*time.Millisecond)
	defaultTo(&c.HandoverLifetime, 10*time.Second)
	defaultTo(&c.ForwardingLifetime, 2*time.Second)
	if c.HandoverInitiateRetries == 0 {
		c.HandoverInitiateRetries = defaultHandoverInitiateRetries
	}
	if c.MaximumPendingHandovers == 0 {
		c.MaximumPendingHandovers = defaultMaximumPendingHandovers
	}
	if c.MaximumMobileNodes == 0 {
		c.MaximumMobileNodes = defaultMaximumMobileNodes
	}

	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(c.ProxyCareOfAddress.IsValid() || c.IPv4ProxyCareOfAddress.IsValid(), "neither an IPv6 nor an IPv4 proxy care-of address")
	check(!c.ProxyCareOfAddress.IsValid() || isTransportAddress(c.ProxyCareOfAddress) && c.ProxyCareOfAddress.Is6(),
		"proxy care-of address %v: want a global IPv6 address of this gateway", c.ProxyCareOfAddress)
	check(!c.IPv4ProxyCareOfAddress.IsValid() || isTransportAddress(c.IPv4ProxyCareOfAddress) && c.IPv4ProxyCareOfAddress.Is4(),
		"IPv4 proxy care-of address %v: want an IPv4 unicast address of this gateway", c.IPv4ProxyCareOfAddress)
	check(c.Lifetime >= mh.LifetimeUnit && c.Lifetime <= maximumLifetime,
		"lifetime %v: want %v to %v", c.Lifetime, mh.LifetimeUnit, time.Duration(maximumLifetime))
	check(c.ReRegistrationMargin > 0 && c.ReRegistrationMargin < c.Lifetime,
		"re-registration margin %v: want less than the lifetime, %v", c.ReRegistrationMargin, c.Lifetime)
	check(c.InitialBindackTimeout > 0, "initial bindack timeout %v: want a positive duration", c.InitialBindackTimeout)
	check(c.MaxBindackTimeout >= c.InitialBindackTimeout,
		"max bindack timeout %v: want at least the initial one, %v", c.MaxBindackTimeout, c.InitialBindackTimeout)
	check(c.DeregistrationTimeout > 0, "deregistration timeout %v: want a positive duration", c.DeregistrationTimeout)
	check(c.PresenceTimeout > 0, "presence timeout %v: want a positive duration", c.PresenceTimeout)
	check(c.RefusalMemory > 0, "refusal memory %v: want a positive duration", c.RefusalMemory)
	check(c.RouterLifetime >= time.Second && c.RouterLifetime <= maximumRouterLifetime,
		"router lifetime %v: want 1s to %v", c.RouterLifetime, time.Duration(maximumRouterLifetime))
	check(c.HandoverInitiateTimeout > 0, "handover initiate timeout %v: want a positive duration", c.HandoverInitiateTimeout)
	check(c.HandoverInitiateRetries > 0 && c.HandoverInitiateRetries <= maximumHandoverInitiateRetries,
		"handover initiate retries %d: want 1 to %d", c.HandoverInitiateRetries, maximumHandoverInitiateRetries)
	check(c.HandoverLifetime > 0, "handover lifetime %v: want a positive duration", c.HandoverLifetime)
	check(c.ForwardingLifetime > 0, "forwarding lifetime %v: want a positive duration", c.ForwardingLifetime)
	check(c.HoldLifetime >= 0, "hold lifetime %v: want a positive duration, or zero to keep nothing", c.HoldLifetime)
	check(c.MaximumPendingHandovers > 0, "maximum pending handovers %d: want a positive number", c.MaximumPendingHandovers)
	check(c.MaximumMobileNodes > 0 && c.MaximumMobileNodes <= maximumSessions,
		"maximum mobile nodes %d: want 1 to %d", c.MaximumMobileNodes, maximumSessions)
	return c, errors.Join(problems...)
}

// handoverPreparationTime is how long a Handover Initiate is repeated until it is given up.
func (c Config) handoverPreparationTime() time.Duration {
	return c.HandoverInitiateTimeout * (1<<(c.HandoverInitiateRetries+1) - 1)
}

// isTransportAddress: a Proxy-CoA or an LMA address. One family of the transport network is as good as the other (RFC 5844
// section 4); an IPv4 address in IPv6 clothes is neither.
func isTransportAddress(a netip.Addr) bool { return a.IsGlobalUnicast() && !a.Is4In6() }

// proxyCareOfAddress is this MAG's end towards an LMA: of the same family.
func (m *MAG) proxyCareOfAddress(lma netip.Addr) netip.Addr {
	if lma.Is4() {
		return m.config.IPv4ProxyCareOfAddress
	}
	return m.config.ProxyCareOfAddress
}

// jitter is a random part of d, a tenth of it at most.
func (m *MAG) jitter(d time.Duration) time.Duration {
	if m.config.Random == nil || d <= 0 {
		return 0
	}
	return time.Duration(min(max(m.config.Random(), 0), 1) * float64(d/10))
}

// compat is the profile of a peer.
func (m *MAG) compat(lma netip.Addr) mobility.Compat {
	if m.config.Compat == nil {
		return mobility.CompatStrict
	}
	return m.config.Compat(lma)
}
