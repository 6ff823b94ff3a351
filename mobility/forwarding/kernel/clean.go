package kernel

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"netlmm/mobility/forwarding"
)

// Clean takes everything of the package away from the current network namespace, which a daemon that stops leaves standing to
// go on forwarding. It goes by the marks alone, so that neither the uplink nor the configuration of then need be there any more, and says
// what it found. Where nothing is, nothing is changed. What stands is told apart by role: a gateway's is left to Clean for a gateway.
//
// The sysctls stay (see sysctls): nothing noted what they were before.
func Clean(role forwarding.Role) (removed []string, err error) {
	c, err := dial(DefaultRouteProtocol)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.openTables(role); err != nil {
		return nil, err
	}
	var table []string
	if c.filter != nil && c.filter.present() {
		table = append(table, "nftables table inet "+senderTable)
	}
	if c.offloading != nil {
		if present, err := c.offloading.present(); err == nil && present {
			table = append(table, "nftables table ip "+offloadTableName)
		}
	}
	removed, err = clean(Config{Role: role}.withDefaults(), c)
	return append(removed, table...), err
}

// openTables opens what a role has in nftables. Nothing is changed yet.
func (c *conn) openTables(role forwarding.Role) (err error) {
	if role == forwarding.Gateway {
		if c.filter, err = newFilter(); err == nil {
			c.offloading, err = newOffloadTable()
		}
	}
	return err
}

func clean(cfg Config, s system) (removed []string, err error) {
	k := newKernel(layout{Config: cfg}, s)
	found, err := k.look()
	if err != nil {
		return nil, err
	}
	if found.of(&k.layout) == otherRole(cfg.Role) {
		return nil, nil
	}
	if slices.ContainsFunc(found.links, func(l link) bool { return l.name == seg6In }) {
		k.layout.Backend = SEG6 // there is a source of tunnels to forget
	}
	if len(found.rules) > 0 || !found.local {
		err = k.restoreLocal()
	}
	return found.describe(), errors.Join(err, k.removeOurs())
}

// inventory is what stands of ours.
type inventory struct {
	links                    []link
	rules                    []rule
	routes, hops, neighbours int
	senders                  []sender
	local                    bool // somebody's rule looks up table local
}

func (k *Kernel) look() (found inventory, err error) {
	all, err := k.system.rules()
	if err != nil {
		return found, err
	}
	for _, r := range all {
		found.local = found.local || r.table == localTable && !r.ipv4
		if r.protocol == k.layout.RouteProtocol {
			found.rules = append(found.rules, r)
		}
	}
	if err = k.system.routes(func() { found.routes = 0 }, func(route) { found.routes++ }); err != nil {
		return found, err
	}
	hops, err := k.system.hops()
	if err != nil {
		return found, err
	}
	neighbours, err := k.ourNeighbours()
	if err != nil {
		return found, err
	}
	found.hops, found.neighbours = len(hops), len(neighbours)
	if found.senders, err = k.ourSenders(); err != nil {
		return found, err
	}
	found.links, err = k.system.ourLinks()
	return found, err
}

// of is whose rules stand, or 0 where there are none but what both have. Only a gateway judges access links.
func (i *inventory) of(l *layout) forwarding.Role {
	if len(i.rules) == 0 {
		return 0
	}
	judges := func(r rule) bool {
		return r.priority >= l.RulePriorityBase+linkRule && r.priority != l.RulePriorityBase+localRule
	}
	if slices.ContainsFunc(i.rules, judges) {
		return forwarding.Gateway
	}
	return forwarding.Anchor
}

// otherRole is the one that does not stand in the same network namespace.
func otherRole(role forwarding.Role) forwarding.Role {
	if role == forwarding.Gateway {
		return forwarding.Anchor
	}
	return forwarding.Gateway
}

func (i *inventory) describe() (lines []string) {
	if len(i.links) > 0 {
		names := make([]string, 0, len(i.links))
		for _, l := range i.links {
			names = append(names, l.name)
		}
		lines = append(lines, several(len(i.links), "link")+": "+strings.Join(names, ", "))
	}
	for _, some := range []struct {
		n    int
		what string
	}{{len(i.rules), "rule"}, {i.routes, "route"}, {i.hops, "next hop"}, {i.neighbours, "neighbour"}, {len(i.senders), "known sender"}} {
		if some.n > 0 {
			lines = append(lines, several(some.n, some.what))
		}
	}
	return lines
}

// several is n things in words.
func several(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
