package heartbeat

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Bounds that are no matter of configuration.
const (
	leastInterval      = 30 * time.Second // RFC 5847 section 5
	mostInterval       = 3600 * time.Second
	laboratoryInterval = 100 * time.Millisecond
	defaultInterval    = 60 * time.Second
	defaultAllowed     = 3
	mostAllowed        = 1000

	// A peer asks twice a minute at most (leastInterval), a laboratory's ten times a second.
	answerInterval = 100 * time.Millisecond
	answerBurst    = 10

	restartInterval  = time.Second            // between two restarts of a peer that unsolicited responses tell of
	announceInterval = 200 * time.Microsecond // between two unsolicited responses, whoever they go to
)

// withDefaults fills in what is zero and reports everything that cannot work.
func (c Config) withDefaults() (Config, error) {
	if c.HeartbeatInterval == 0 {
		c.HeartbeatInterval = defaultInterval
	}
	if c.MissingHeartbeatsAllowed == 0 {
		c.MissingHeartbeatsAllowed = defaultAllowed
	}
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(!c.Local.IsValid() || c.Local.Is6() && usable(c.Local), "local address %v: want an IPv6 unicast address of this host", c.Local)
	check(!c.LocalIPv4.IsValid() || c.LocalIPv4.Is4() && usable(c.LocalIPv4), "local IPv4 address %v: want an IPv4 unicast address of this host", c.LocalIPv4)
	check(c.Local.IsValid() || c.LocalIPv4.IsValid(), "no local address: want that of this host to which peers send Mobility Headers")
	least := leastInterval
	if c.Laboratory {
		least = laboratoryInterval
	}
	check(c.HeartbeatInterval >= least && c.HeartbeatInterval <= mostInterval,
		"heartbeat interval %v: want %v to %v (RFC 5847 section 5)", c.HeartbeatInterval, least, time.Duration(mostInterval))
	check(c.MissingHeartbeatsAllowed > 0 && c.MissingHeartbeatsAllowed <= mostAllowed,
		"missing heartbeats allowed %d: want 1 to %d", c.MissingHeartbeatsAllowed, mostAllowed)
	seen := map[netip.Addr]bool{}
	for _, p := range c.Peers {
		if err := c.checkPeer(p); err != nil {
			problems = append(problems, err)
		}
		check(!seen[p.Address], "peer %v: stands twice", p.Address)
		seen[p.Address] = true
	}
	return c, errors.Join(problems...)
}

// checkPeer says what is wrong with one peer.
func (c *Config) checkPeer(p Peer) error {
	switch {
	case !usable(p.Address):
		return fmt.Errorf("peer %v: want a unicast address that is not link-local", p.Address)
	case p.Address == c.Local || p.Address == c.LocalIPv4:
		return fmt.Errorf("peer %v: is this host's own address", p.Address)
	case !c.local(p.Address).IsValid():
		return fmt.Errorf("peer %v: there is no local address of its family", p.Address)
	}
	return nil
}

// local is this end's address for a peer.
func (c *Config) local(peer netip.Addr) netip.Addr {
	if peer.Is4() {
		return c.LocalIPv4
	}
	return c.Local
}

func usable(a netip.Addr) bool {
	return a.IsValid() && !a.Is4In6() && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}
