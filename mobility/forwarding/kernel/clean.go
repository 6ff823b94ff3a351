package kernel

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"

	"netlmm/mobility/forwarding"
)

// ErrOtherRole says that what stands is the other role's.
var ErrOtherRole = errors.New("the forwarding that stands is of the other role")

// Clean takes everything of the package away from the current network namespace, which a daemon that stops leaves standing to
// go on forwarding. It goes by the marks alone, so that neither the uplink nor the configuration of then need be there any more, and says
// what it found. Where nothing is, nothing is changed. What stands is told apart by role: a gateway's is left to Clean for a gateway, with
// ErrOtherRole. Where nothing is left that only one of them has it is taken for the role's: no daemon of the other one may run.
//
// The sysctls stay (see sysctls): nothing noted what they were before.
func Clean(role forwarding.Role) (removed []string, err error) {
	c, err := dial(DefaultRouteProtocol)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.openTables(forwarding.Gateway); err != nil && role == forwarding.Gateway {
		return nil, err
	}
	return clean(Config{Role: role}.withDefaults(), c, c.gatewayTables())
}

// gatewayTables are the tables of nftables that stand, and that only a gateway has.
func (c *conn) gatewayTables() (lines []string) {
	if c.filter == nil {
		return nil
	}
	for _, t := range []struct {
		family     nftables.TableFamily
		word, name string
	}{{nftables.TableFamilyINet, "inet", senderTable}, {nftables.TableFamilyIPv4, "ip", offloadTableName}} {
		all, err := c.filter.conn.ListTablesOfFamily(t.family)
		if err == nil && slices.ContainsFunc(all, func(x *nftables.Table) bool { return x.Name == t.name }) {
			lines = append(lines, "nftables table "+t.word+" "+t.name)
		}
	}
	return lines
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

func clean(cfg Config, s system, tables []string) (removed []string, err error) {
	k := newKernel(layout{Config: cfg}, s)
	found, err := k.look()
	if err != nil {
		return nil, err
	}
	found.tables = tables
	if found.of(&k.layout) == otherRole(cfg.Role) {
		return nil, ErrOtherRole
	}
	if slices.ContainsFunc(found.links, func(l link) bool { return l.name == seg6In }) {
		k.layout.Backend = SEG6 // there is a source of tunnels to forget
	}
	return found.describe(), k.removeAll()
}

// inventory is what stands of ours.
type inventory struct {
	links                    []link
	rules                    []rule
	routes, hops, neighbours int
	senders                  []sender
	tables                   []string
}

func (k *Kernel) look() (found inventory, err error) {
	if found.rules, err = k.ourRules(); err != nil {
		return found, err
	}
	if err = k.system.routes(func() { found.routes = 0 }, func(route) { found.routes++ }); err != nil {
		return found, err
	}
	hops, err := k.system.hops()
	if err != nil {
		return found, err
	}
	neighbours, err := k.system.neighbours()
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

// of is whose it is, or 0 where nothing stands but what both have. Only a gateway judges access links and knows who is there: any of
// that tells it, whatever else is lost.
func (i *inventory) of(l *layout) forwarding.Role {
	judges := func(r rule) bool {
		return r.priority >= l.RulePriorityBase+linkRule && r.priority != l.RulePriorityBase+localRule
	}
	switch {
	case len(i.tables) > 0 || i.neighbours > 0 || slices.ContainsFunc(i.rules, judges):
		return forwarding.Gateway
	case len(i.rules) > 0:
		return forwarding.Anchor
	}
	return 0
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
	return append(lines, i.tables...)
}

// several is n things in words.
func several(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
