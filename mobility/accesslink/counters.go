package accesslink

import (
	"errors"
	"fmt"
	"sync/atomic"

	"netlmm/mobility/accesslink/dhcp4"
	"netlmm/mobility/accesslink/dhcp6"
)

// DropReason is why a received packet was not used; its text is a metric label.
type DropReason string

// Reasons to drop a Router Solicitation, Neighbor Solicitation or Neighbor Advertisement (RFC 4861 sections 6.1.1, 7.1.1,
// 7.1.2), or a Multicast Listener Report (RFC 3810, RFC 2710).
const (
	Truncated        DropReason = "truncated"          // shorter than its headers say, or than its type needs
	WrongLinkLayer   DropReason = "wrong_link_layer"   // the frame's source is a group address, zero or our own
	WrongHopLimit    DropReason = "wrong_hop_limit"    // not 255, of a report not 1: it may come from beyond the link
	WrongChecksum    DropReason = "wrong_checksum"     //
	WrongCode        DropReason = "wrong_code"         // ICMP code is not 0
	WrongSource      DropReason = "wrong_source"       // a multicast source; an unspecified one with a source link-layer address; of a report a global one
	WrongTarget      DropReason = "wrong_target"       // a multicast target; a report for no multicast group
	MalformedOption  DropReason = "malformed_option"   // of length zero, or beyond the end
	NoRouterAlert    DropReason = "no_router_alert"    // a report without that option
	RateLimited      DropReason = "rate_limited"       // solicitations come faster than is of use
	NotForUs         DropReason = "not_for_us"         // no ICMPv6 message of these types
	TooManyPresences DropReason = "too_many_presences" // more nodes probed at a time than are kept

	NoOffer      DropReason = "no_offer"       // of a node that no address was offered to
	TooManyEarly DropReason = "too_many_early" // more nodes ask before they have an offer than are kept
	ForgedARP    DropReason = "forged_arp"     // the sender's address is not the node's
	Fragment     DropReason = "fragment"       // of a DHCP message
	NoServer     DropReason = "no_dhcp_server" // the anchor wants relaying, and no DHCPv4 server is configured
)

// Service is something that was done for nodes with an offer; its text is a metric label. Those of the DHCP servers are the
// kinds of dhcp4 and dhcp6.
type Service string

// Services beside those of the DHCP servers.
const (
	ServedARP         Service = "arp_reply"
	ServedEarly       Service = "answered_after_registration" // asked before there was an offer
	ServedUnreachable Service = "unreachable"                 // reported to the handler
	ServedCollision   Service = "link_local_collision"        // reported to the handler
	RelayedDHCPv4     Service = "dhcpv4_relayed"              // messages to servers
	ReturnedDHCPv4    Service = "dhcpv4_returned"             // answers of servers
	RelayedDHCPv6     Service = "dhcpv6_relayed"
	ReturnedDHCPv6    Service = "dhcpv6_returned"
)

var services = [...]Service{
	ServedARP, ServedEarly, ServedUnreachable, ServedCollision, RelayedDHCPv4, ReturnedDHCPv4, RelayedDHCPv6, ReturnedDHCPv6,
	Service(dhcp4.Offer), Service(dhcp4.Acknowledgement), Service(dhcp4.Refusal), Service(dhcp4.Release), Service(dhcp4.Decline),
	Service(dhcp6.Advertise), Service(dhcp6.Reply), Service(dhcp6.Declined),
}

var ownDropReasons = [...]DropReason{
	Truncated, WrongLinkLayer, WrongHopLimit, WrongChecksum, WrongCode, WrongSource, WrongTarget, MalformedOption, NoRouterAlert, RateLimited, NotForUs, TooManyPresences,
	NoOffer, TooManyEarly, ForgedARP, Fragment, NoServer,
}

// dropReasons has the type of the counters, so that a reason more makes a counter more.
var dropReasons = allDropReasons()

func allDropReasons() (all [len(ownDropReasons) + len(dhcp4.Reasons) + len(dhcp6.Reasons)]DropReason) {
	n := copy(all[:], ownDropReasons[:])
	for _, reason := range dhcp4.Reasons {
		all[n] = DropReason(reason)
		n++
	}
	for _, reason := range dhcp6.Reasons {
		all[n] = DropReason(reason)
		n++
	}
	return all
}

// Counters is what a Link did since Open; one entry of Served and Dropped for each value that their types have.
type Counters struct {
	Solicitations       uint64 // valid Router Solicitations handed to the callback
	Presences           uint64 // handed to the callback
	Advertisements      uint64 // sent
	AdvertisementErrors uint64
	Probes              uint64 // Neighbor Solicitations and Multicast Listener Queries sent
	ProbeErrors         uint64
	Opened              uint64 // times the socket was opened; 1 is the first
	RestoreErrors       uint64 // failed attempts to take the interface into use, to set there what IPv4 home addresses need, or to make a bridge a multicast router
	Served              map[Service]uint64
	ServeErrors         uint64 // answers and relayed messages that could not be sent
	Dropped             map[DropReason]uint64
}

type counters struct {
	solicitations, presences            atomic.Uint64
	advertisements, advertisementErrors atomic.Uint64
	probes, probeErrors                 atomic.Uint64
	opened, restoreErrors, serveErrors  atomic.Uint64
	served                              [len(services)]atomic.Uint64
	dropped                             [len(dropReasons)]atomic.Uint64
}

func (c *counters) serve(service Service) {
	for i := range services {
		if services[i] == service {
			c.served[i].Add(1)
			return
		}
	}
}

func (c *counters) drop(reason DropReason) {
	for i := range dropReasons {
		if dropReasons[i] == reason {
			c.dropped[i].Add(1)
			return
		}
	}
}

// Counters returns the present counts. Reasons that never occurred are listed with 0.
func (l *Link) Counters() Counters {
	c := &l.counters
	out := Counters{
		Solicitations: c.solicitations.Load(), Presences: c.presences.Load(),
		Advertisements: c.advertisements.Load(), AdvertisementErrors: c.advertisementErrors.Load(),
		Probes: c.probes.Load(), ProbeErrors: c.probeErrors.Load(),
		Opened: c.opened.Load(), RestoreErrors: c.restoreErrors.Load(), ServeErrors: c.serveErrors.Load(),
		Served: make(map[Service]uint64, len(services)), Dropped: make(map[DropReason]uint64, len(dropReasons)),
	}
	for i, service := range services {
		out.Served[service] = c.served[i].Load()
	}
	for i, reason := range dropReasons {
		out.Dropped[reason] = c.dropped[i].Load()
	}
	return out
}

// Available reports whether the interface is there and up, as last seen.
func (l *Link) Available() bool {
	_, err := l.current()
	return err == nil
}

// Err is what keeps the interface from being fully in use, as last seen, what the kernel refused for IPv4 home addresses, until
// it takes it, and that a bridge did not become a multicast router; nil when all is well.
func (l *Link) Err() error {
	l.mu.Lock()
	err := l.err
	if l.port != nil && l.port.snooped != nil {
		err = errors.Join(err, fmt.Errorf("access link %s: %w", l.config.Interface, l.port.snooped))
	}
	l.mu.Unlock()
	if refused := l.ipv4.problem.Load(); refused != nil {
		err = errors.Join(err, fmt.Errorf("access link %s: %w", l.config.Interface, *refused))
	}
	return err
}

func (l *Link) note(err error) {
	if err != nil {
		l.counters.restoreErrors.Add(1)
		err = fmt.Errorf("access link %s: %w", l.config.Interface, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}
