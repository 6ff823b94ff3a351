// Package kernel holds the forwarding state of a MAG or an LMA in the Linux kernel, by way of one of two backends: ip6tnl,
// where the kernel has that driver, and seg6, where it has not. Both put plain IPv6-in-IPv6 and IPv4-in-IPv6 (RFC 2473) on the wire.
// Peers that are reached over IPv4 get sit devices beside either, where the kernel has that driver (sit.go).
//
// Everything the package makes can be told from everybody else's: routes and rules carry its protocol number, tables and
// rule priorities come from its ranges, links have its name prefixes, and the table of the packet filter its name. Nothing else is touched, with one exception: the rule
// at priority 0 that looks up table local moves to the package's range, because what comes out of a tunnel or from an access link must be judged
// before it may reach the router itself. Close puts it back.
package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility/forwarding"
)

// maximumAccessInterfaces bounds Config.AccessInterfaces.
const maximumAccessInterfaces = 255

// Defaults of Config.
const (
	DefaultRouteProtocol    = 213
	DefaultRulePriorityBase = 10
	DefaultTableBase        = 21300
)

// Names of the backends, for Config.Backend.
const (
	Auto   = "auto" // ip6tnl if the kernel has it, else seg6
	IP6Tnl = "ip6tnl"
	SEG6   = "seg6"
)

// What Config.OffloadNAT may be.
const (
	Masquerade = "masquerade" // this router's address on the interface takes its place
	NoNAT      = "none"       // it stays: what it reaches has a route back by this router (RFC 6909 section 1, local services)
)

// Sit is the name of what carries packets to IPv4 peers, for Capabilities.Missing, and of the backend where there are no
// others.
const Sit = "sit"

// Config says where a data plane stands. Zero values mean the defaults named.
type Config struct {
	Backend string // Auto, IP6Tnl or SEG6; default Auto

	// Local is this router's end of every tunnel to an IPv6 peer: the Proxy-CoA or the LMA address. It may be missing where
	// LocalIPv4 is not; the backend is Sit then, whatever Backend says.
	Local netip.Addr
	// LocalIPv4 is its end of every tunnel to an IPv4 peer, if there are any (RFC 5844 section 4).
	LocalIPv4 netip.Addr
	// Uplink is the interface towards the peers. Default: the interface that has Local, or else LocalIPv4, unless that is the loopback.
	Uplink string
	// Role is forwarding.Anchor at an LMA, forwarding.Gateway at a MAG.
	Role forwarding.Role
	// AccessInterfaces are the access links of a MAG, at most 255. From the moment of Open, a packet that enters there is
	// forwarded only if its source is in a prefix bound on that link to the station that sent it, and reaches the router itself only
	// with such a source, a link-local one or none. They need not exist yet.
	AccessInterfaces []string
	// Aggregates are the prefix pools of an LMA, IPv6 and IPv4: an address in them that no entry covers is answered
	// "unreachable".
	Aggregates []netip.Prefix
	// IPv4 says that entries for IPv4 home addresses will come; an IPv4 aggregate says so too. The router then forwards IPv4,
	// and what access links bring of it is judged from the moment of Open.
	IPv4 bool
	// Offload says that entries with an offload policy will come, at a gateway with IPv4 (RFC 6909). Without it there is no table for them, and such
	// an entry is refused.
	Offload bool
	// OffloadNAT is what becomes of the home address in packets that leave here: Masquerade, which is the default, or NoNAT.
	OffloadNAT string
	// StaticTunnels are peers whose tunnels stand from Open on and are never removed (RFC 5213 section 5.6.1).
	StaticTunnels []netip.Addr
	// TunnelDeletionDelay is how long a tunnel stands that has lost its last entry; default 0. It goes with the first
	// Resync after that.
	TunnelDeletionDelay time.Duration
	// TunnelMTU is the largest inner packet, in octets, 1280 or more. Default: the MTU of the uplink less 40. That holds for
	// tunnels over IPv4 too, so that a mobile node hears the same MTU whatever tunnel it is behind.
	TunnelMTU int

	RouteProtocol    uint8 // marks our routes and rules; default DefaultRouteProtocol
	RulePriorityBase int   // of the first of our rules; default DefaultRulePriorityBase
	TableBase        int   // of the first of our routing tables, above 255; default DefaultTableBase
}

func (c Config) withDefaults() Config {
	if c.Backend == "" {
		c.Backend = Auto
	}
	if c.OffloadNAT == "" {
		c.OffloadNAT = Masquerade
	}
	if c.RouteProtocol == 0 {
		c.RouteProtocol = DefaultRouteProtocol
	}
	if c.RulePriorityBase == 0 {
		c.RulePriorityBase = DefaultRulePriorityBase
	}
	if c.TableBase == 0 {
		c.TableBase = DefaultTableBase
	}
	return c
}

// validate reports every problem that can be seen without asking the kernel.
func (c Config) validate() error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !slices.Contains([]string{Auto, IP6Tnl, SEG6}, c.Backend) {
		problem("backend %q is none of auto, ip6tnl, seg6", c.Backend)
	}
	if !global(c.Local) && (c.Local.IsValid() || !c.LocalIPv4.IsValid()) || c.Local.Is4() {
		problem("the local end of the tunnels must be a global IPv6 address of this router, not %q", c.Local)
	}
	if c.LocalIPv4.IsValid() && (!global(c.LocalIPv4) || !c.LocalIPv4.Is4()) {
		problem("the local end of the tunnels over IPv4 must be a unicast IPv4 address of this router, not %q", c.LocalIPv4)
	}
	if c.Role != forwarding.Anchor && c.Role != forwarding.Gateway {
		problem("role %d is neither anchor nor gateway", c.Role)
	}
	if len(c.AccessInterfaces) > maximumAccessInterfaces {
		problem("%d access interfaces are more than %d", len(c.AccessInterfaces), maximumAccessInterfaces)
	}
	for i, name := range c.AccessInterfaces {
		if name == "" || len(name) > 15 || slices.Contains(c.AccessInterfaces[:i], name) {
			problem("access interface %q: a name has 1 to 15 characters and occurs once", name)
		}
	}
	if c.Offload && (c.Role != forwarding.Gateway || !c.IPv4) {
		problem("only a gateway with IPv4 offloads flows (RFC 6909)")
	}
	if c.OffloadNAT != Masquerade && c.OffloadNAT != NoNAT {
		problem("offload NAT %q is neither masquerade nor none", c.OffloadNAT)
	}
	for _, a := range c.Aggregates {
		if !a.IsValid() || a.Bits() == 0 || a.Addr().Is4In6() {
			problem("aggregate %q is not a prefix", a)
		}
	}
	for _, p := range c.StaticTunnels {
		if !global(p) || p == c.end(p) || !c.end(p).IsValid() {
			problem("the other end of a static tunnel must be a global address of another router, of an IP version that this one has an end for, not %q", p)
		}
	}
	if len(c.StaticTunnels) > maximumPeers {
		problem("%d static tunnels are more than %d", len(c.StaticTunnels), maximumPeers)
	}
	if c.TunnelDeletionDelay < 0 {
		problem("tunnel deletion delay %v is negative", c.TunnelDeletionDelay)
	}
	if c.TunnelMTU != 0 && (c.TunnelMTU < minimumMTU || c.TunnelMTU > 65495) {
		problem("tunnel MTU %d is not in 1280..65495 (RFC 8200 section 5)", c.TunnelMTU)
	}
	if c.RulePriorityBase < 1 || c.RulePriorityBase > 32766-rulePriorities {
		problem("rule priority base %d is not in 1..%d", c.RulePriorityBase, 32766-rulePriorities)
	}
	if c.TableBase < 256 || c.TableBase > 1<<30 {
		problem("table base %d is not in 256..%d", c.TableBase, 1<<30)
	}
	return errors.Join(problems...)
}

// global says whether packets can be sent to addr from elsewhere.
func global(addr netip.Addr) bool { return addr.IsGlobalUnicast() && !addr.Is4In6() }
