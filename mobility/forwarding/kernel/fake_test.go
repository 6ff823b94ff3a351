package kernel

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// fakeSystem is a kernel in memory. Each request and each other call is one operation, which fail may refuse.
type fakeSystem struct {
	table   map[routeKey]route
	policy  map[rule]bool
	links   map[string]link
	next    map[uint32]hop
	around  map[neighbour]neighbour // by key
	known   map[sender]bool
	judges  judgement
	offers  map[netip.Addr]offload
	departs offloading
	source  netip.Addr

	fail  func() error // nil: nothing fails
	after func()       // called after every request
}

func newFakeSystem() *fakeSystem {
	return &fakeSystem{table: map[routeKey]route{}, links: map[string]link{}, next: map[uint32]hop{}, around: map[neighbour]neighbour{}, known: map[sender]bool{}, offers: map[netip.Addr]offload{},
		policy: map[rule]bool{bornLocalRules[0]: true, bornLocalRules[1]: true,
			{priority: 32766, table: mainTable, protocol: protocolKernel}: true, {ipv4: true, priority: 32766, table: mainTable, protocol: protocolKernel}: true}}
}

func (f *fakeSystem) failure() error {
	if f.fail == nil {
		return nil
	}
	return f.fail()
}

func (f *fakeSystem) do(requests []request) []error {
	errs := make([]error, len(requests))
	for i, r := range requests {
		errs[i] = f.one(r)
		if f.after != nil {
			f.after()
		}
	}
	return errs
}

func (f *fakeSystem) one(r request) error {
	if err := f.failure(); err != nil {
		return err
	}
	switch {
	case r.rule != nil && r.remove:
		delete(f.policy, *r.rule)
	case r.rule != nil:
		f.policy[*r.rule] = true
	case r.hop != nil && r.remove:
		delete(f.next, r.hop.id)
		for k, x := range f.table { // Linux takes its routes along
			if x.hop == r.hop.id {
				delete(f.table, k)
			}
		}
	case r.hop != nil:
		f.next[r.hop.id] = *r.hop
	case r.neighbour != nil && r.remove:
		for _, x := range f.table {
			if x.via == r.neighbour.address && x.dev == r.neighbour.dev {
				return fmt.Errorf("%s needs %s", x, r.neighbour)
			}
		}
		delete(f.around, r.neighbour.key())
	case r.neighbour != nil:
		f.around[r.neighbour.key()] = *r.neighbour
	case r.sender != nil && r.remove:
		delete(f.known, *r.sender)
	case r.sender != nil:
		f.known[*r.sender] = true
	case r.offload != nil && r.remove:
		delete(f.offers, r.offload.home)
	case r.offload != nil && f.departs.links == nil:
		return errNoFilter
	case r.offload != nil:
		if !f.hasWayBack(r.offload.home) {
			return fmt.Errorf("what comes back to %s goes nowhere", r.offload.home)
		}
		f.offers[r.offload.home] = *r.offload
	case r.remove:
		delete(f.table, r.route.key())
	case strings.HasPrefix(r.route.dev, "pm") && !f.hasLink(r.route.dev):
		return errors.New("no such device " + r.route.dev)
	case r.route.hop != 0 && f.next[r.route.hop] == hop{}:
		return fmt.Errorf("no next hop %d", r.route.hop)
	case pinnedTo(r.route.dst, r.route.via) != "" && !f.hasNeighbour(r.route):
		return fmt.Errorf("%s leads to nobody", r.route)
	default:
		f.table[r.route.key()] = *r.route
	}
	return nil
}

func (f *fakeSystem) hasLink(name string) bool {
	for _, l := range f.links {
		if l.name == name || l.other == name {
			return true
		}
	}
	return false
}

// hasWayBack says whether what comes back of offloaded flows is led to the home address.
func (f *fakeSystem) hasWayBack(home netip.Addr) bool {
	_, ok := f.table[routeKey{table: DefaultTableBase + 1, dst: host(home), metric: entryMetric}]
	return ok
}

func (f *fakeSystem) hasNeighbour(r *route) bool {
	_, ok := f.around[neighbour{address: r.via, dev: r.dev}]
	return ok
}

func (f *fakeSystem) rules() ([]rule, error) {
	var all []rule
	for r := range f.policy {
		all = append(all, r)
	}
	return all, f.failure()
}

func (f *fakeSystem) routes(reset func(), visit func(route)) error {
	for range 2 { // the first attempt is always spoilt
		reset()
		for _, r := range f.table {
			visit(r)
		}
	}
	return f.failure()
}

func (f *fakeSystem) hops() ([]hop, error) {
	var all []hop
	for _, h := range f.next {
		all = append(all, h)
	}
	return all, f.failure()
}

func (f *fakeSystem) neighbours() ([]neighbour, error) {
	var all []neighbour
	for _, n := range f.around {
		all = append(all, n)
	}
	return all, f.failure()
}

func (f *fakeSystem) senders() ([]sender, error) {
	return slices.Collect(maps.Keys(f.known)), f.failure()
}

func (f *fakeSystem) ensureFilter(j judgement, _ []sender) error {
	if err := f.failure(); err != nil {
		return err
	}
	f.judges = j
	return nil
}

func (f *fakeSystem) removeFilter() error {
	if err := f.failure(); err != nil {
		return err
	}
	f.judges = judgement{}
	clear(f.known)
	return nil
}

func (f *fakeSystem) offloads() ([]offload, error) {
	return slices.Collect(maps.Values(f.offers)), f.failure()
}

func (f *fakeSystem) ensureOffload(o offloading, held []offload) error {
	if err := f.failure(); err != nil {
		return err
	}
	if f.departs.links == nil { // or else it keeps what it has
		for _, h := range held {
			f.offers[h.home] = h
		}
	}
	f.departs = o
	return nil
}

func (f *fakeSystem) removeOffload() error {
	if err := f.failure(); err != nil {
		return err
	}
	f.departs = offloading{}
	clear(f.offers)
	return nil
}

func (f *fakeSystem) offloaded() (packets, octets uint64) { return 0, 0 }

func (f *fakeSystem) ourLinks() ([]link, error) {
	var all []link
	for _, l := range f.links {
		all = append(all, l)
	}
	return all, f.failure()
}

func (f *fakeSystem) ensureLink(l link) error {
	if err := f.failure(); err != nil {
		return err
	}
	f.links[l.name] = l
	return nil
}

func (f *fakeSystem) raiseLink(link) error { return f.failure() }

// removeLink takes the routes over the link with it, as Linux does.
func (f *fakeSystem) removeLink(name string) error {
	if err := f.failure(); err != nil {
		return err
	}
	l := f.links[name]
	delete(f.links, name)
	for k, r := range f.table {
		if r.dev != "" && (r.dev == l.name || r.dev == l.other) {
			delete(f.table, k)
		}
	}
	return nil
}

func (f *fakeSystem) setTunnelSource(addr netip.Addr) error {
	if err := f.failure(); err != nil {
		return err
	}
	f.source = addr
	return nil
}

func (f *fakeSystem) leaveUnchecked(string) error { return f.failure() }

func (f *fakeSystem) index(string) (uint32, error) { return 1, nil }

func (f *fakeSystem) close() {}

// String renders the kernel as the commands that would make it, sorted.
func (f *fakeSystem) String() string {
	var lines []string
	for _, l := range f.links {
		lines = append(lines, l.String())
	}
	for _, h := range f.next {
		lines = append(lines, h.String())
	}
	for _, n := range f.around {
		lines = append(lines, n.String())
	}
	for s := range f.known {
		lines = append(lines, s.String())
	}
	if f.judges.links != nil {
		lines = append(lines, fmt.Sprintf("nft add rule inet %s %s iifname %s comment %q", senderTable, senderChain, f.judges.links, f.judges))
	}
	if f.departs.links != nil {
		lines = append(lines, fmt.Sprintf("nft add table ip %s # %s, links %s", offloadTableName, f.departs, f.departs.links))
	}
	for _, o := range f.offers {
		lines = append(lines, o.String())
	}
	for _, r := range f.table {
		lines = append(lines, r.String())
	}
	for r := range f.policy {
		lines = append(lines, r.String())
	}
	if f.source.IsValid() {
		lines = append(lines, "ip sr tunsrc set "+f.source.String())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}
