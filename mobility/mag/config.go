package mag

import (
	"errors"
	"fmt"
	"math"
	"time"

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
	burstSize, burstInterval  = 64, 10 * time.Millisecond
	maximumLifetime           = math.MaxUint16 * mh.LifetimeUnit
	maximumRouterLifetime     = math.MaxUint16 * time.Second
	defaultLifetime           = 5 * time.Minute
	defaultMaximumMobileNodes = 10000
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
	if c.MaximumMobileNodes == 0 {
		c.MaximumMobileNodes = defaultMaximumMobileNodes
	}

	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(c.ProxyCareOfAddress.Is6() && c.ProxyCareOfAddress.IsGlobalUnicast(),
		"proxy care-of address %v: want a global IPv6 address of this gateway", c.ProxyCareOfAddress)
	check(c.Lifetime >= mh.LifetimeUnit && c.Lifetime <= maximumLifetime,
		"lifetime %v: want %v to %v", c.Lifetime, mh.LifetimeUnit, time.Duration(maximumLifetime))
	check(c.ReRegistrationMargin > 0 && c.ReRegistrationMargin < c.Lifetime,
		"re-registration margin %v: want less than the lifetime, %v", c.ReRegistrationMargin, c.Lifetime)
	check(c.InitialBindackTimeout > 0, "initial bindack timeout %v: want a positive duration", c.InitialBindackTimeout)
	check(c.MaxBindackTimeout >= c.InitialBindackTimeout,
		"max bindack timeout %v: want at least the initial one, %v", c.MaxBindackTimeout, c.InitialBindackTimeout)
	check(c.DeregistrationTimeout > 0, "deregistration timeout %v: want a positive duration", c.DeregistrationTimeout)
	check(c.PresenceTimeout > 0, "presence timeout %v: want a positive duration", c.PresenceTimeout)
	check(c.RouterLifetime >= time.Second && c.RouterLifetime <= maximumRouterLifetime,
		"router lifetime %v: want 1s to %v", c.RouterLifetime, time.Duration(maximumRouterLifetime))
	check(c.MaximumMobileNodes > 0 && c.MaximumMobileNodes <= maximumSessions,
		"maximum mobile nodes %d: want 1 to %d", c.MaximumMobileNodes, maximumSessions)
	return c, errors.Join(problems...)
}
