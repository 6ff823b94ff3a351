package hold

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"netlmm/mobility/forwarding/internal/namespace"
)

// table is the gate in nftables. The kernel takes an element up within a fraction of a millisecond, but lets one go only after a grace
// period of RCU, of ten milliseconds or so: to let packets pass again, their prefix is therefore added to a second set, which
// counts for more, and both elements go later.
type table struct {
	rules rules
	space namespace.Space
	conn  *nftables.Conn

	mu    sync.Mutex
	state map[netip.Prefix]state // of what is in the sets, or would be if the kernel had not refused
	doubt bool                   // it did
}

// state of a prefix in the sets: in the one of those kept, and in the one of those let through too, or not.
type state bool

const (
	keeping     state = false
	lettingPass state = true
)

// newTable makes the table in the network namespace of the calling thread, in place of one that an earlier run left.
func newTable(r rules) (*table, error) {
	space, err := namespace.Current()
	if err != nil {
		return nil, fmt.Errorf("hold: %w", err)
	}
	t := &table{rules: r, space: space, state: map[netip.Prefix]state{}}
	if err = t.dial(); err == nil {
		err = t.choose()
	}
	if err != nil {
		_ = space.Close() // what is wrong is said
		return nil, err
	}
	return t, nil
}

// dial connects anew: after an error what the kernel answered to the rest of a transaction may still be waiting in the old socket.
func (t *table) dial() error {
	if t.conn != nil {
		_ = t.conn.CloseLasting()
	}
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(t.space.FD()))
	if err != nil {
		return explain("reach nftables", err)
	}
	t.conn = conn
	return nil
}

// choose installs the table with whichever expression for queues this kernel has.
func (t *table) choose() error {
	err := t.install()
	if err == nil || errors.Is(err, unix.EPERM) {
		return err
	}
	t.rules.compat = true
	if again := t.install(); again != nil {
		return errors.Join(err, again)
	}
	return nil
}

// install replaces the table, in one transaction, by one with all that is in the state.
func (t *table) install() error {
	c := t.conn
	c.AddTable(t.rules.table) // lets the deletion succeed when there is none
	c.DelTable(t.rules.table)
	c.AddTable(t.rules.table)
	for _, s := range t.rules.sets() {
		if err := c.AddSet(s, t.elementsOf(s)); err != nil {
			return fmt.Errorf("hold: %w", err)
		}
	}
	for _, chain := range t.rules.chains() {
		c.AddChain(chain.chain)
		for _, exprs := range chain.rules {
			c.AddRule(&nftables.Rule{Table: t.rules.table, Chain: chain.chain, Exprs: exprs})
		}
	}
	if err := c.Flush(); err != nil {
		return errors.Join(explain("install the packet filter that holds packets", err), t.dial())
	}
	return nil
}

// elementsOf is what belongs in s.
func (t *table) elementsOf(s *nftables.Set) (elements []nftables.SetElement) {
	if s == t.rules.access {
		return t.rules.names
	}
	for p, st := range t.state {
		if s == t.rules.kept(p) || st == lettingPass && s == t.rules.passing(p) {
			elements = append(elements, interval(p)...)
		}
	}
	return elements
}

// keep implements gate.
func (t *table) keep(prefix netip.Prefix) error {
	return t.change(prefix, keeping, func(before state, known bool) error {
		switch {
		case !known:
			return t.conn.SetAddElements(t.rules.kept(prefix), interval(prefix))
		case before == lettingPass:
			return t.conn.SetDeleteElements(t.rules.passing(prefix), interval(prefix))
		}
		return nil
	})
}

// open implements gate.
func (t *table) open(prefix netip.Prefix) error {
	return t.change(prefix, lettingPass, func(before state, known bool) error {
		if !known || before == lettingPass {
			return nil
		}
		return t.conn.SetAddElements(t.rules.passing(prefix), interval(prefix))
	})
}

// change makes the state of prefix what it is to be. Where the table is not what it should be, because another program took
// it away, it is installed anew.
func (t *table) change(prefix netip.Prefix, next state, ask func(before state, known bool) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, known := t.state[prefix]
	if next == keeping || known {
		t.state[prefix] = next
	}
	if !t.doubt {
		if err := ask(before, known); err == nil && t.conn.Flush() == nil {
			return nil
		}
	}
	err := t.renew()
	switch {
	case err == nil:
		return nil
	case next == lettingPass: // that is still wanted
	case known:
		t.state[prefix] = before
	default:
		delete(t.state, prefix)
	}
	return fmt.Errorf("hold packets to %s: %w", prefix, err)
}

// renew installs the table anew after an error.
func (t *table) renew() error {
	err := t.dial()
	if err == nil {
		err = t.install()
	}
	t.doubt = err != nil
	return err
}

// forget implements gate. Those that are kept again meanwhile stay.
func (t *table) forget(prefixes []netip.Prefix) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	gone := 0
	for _, p := range prefixes {
		if st, known := t.state[p]; !known || st != lettingPass {
			continue
		}
		gone++
		delete(t.state, p)
		for _, s := range []*nftables.Set{t.rules.kept(p), t.rules.passing(p)} {
			if err := t.conn.SetDeleteElements(s, interval(p)); err != nil {
				t.doubt = true
			}
		}
	}
	if gone == 0 || t.conn.Flush() == nil && !t.doubt {
		return nil
	}
	return t.renew()
}

// mend implements gate.
func (t *table) mend() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.doubt && t.stands() {
		return nil
	}
	return t.renew()
}

// stands says whether the kernel has the chains with as many rules and the sets with as many elements as there should be. Who
// wants to put something in their place on purpose can.
func (t *table) stands() bool {
	for _, chain := range t.rules.chains() {
		got, err := t.conn.GetRules(t.rules.table, chain.chain)
		if err != nil || len(got) != len(chain.rules) {
			return false
		}
	}
	for _, s := range t.rules.sets() {
		got, err := t.conn.GetSetElements(s)
		if err != nil || count(got) != count(t.elementsOf(s)) {
			return false
		}
	}
	return true
}

// count is the number of elements, without the ends of intervals, which the kernel adds to as it likes.
func count(elements []nftables.SetElement) (n int) {
	for _, e := range elements {
		if !e.IntervalEnd {
			n++
		}
	}
	return n
}

// remove implements gate.
func (t *table) remove() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn.AddTable(t.rules.table)
	t.conn.DelTable(t.rules.table)
	err := t.conn.Flush()
	if err != nil {
		err = explain("remove the packet filter that holds packets", err)
	}
	return errors.Join(err, t.conn.CloseLasting(), t.space.Close())
}

// Remove takes away a table that an earlier run left in the current network namespace and that no Holder wants any more, and says
// whether there was one.
func Remove(name string) (removed bool, err error) {
	conn, err := nftables.New()
	if err != nil {
		return false, explain("reach nftables", err)
	}
	tables, err := conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return false, explain("list the tables of the packet filter", err)
	}
	if !slices.ContainsFunc(tables, func(t *nftables.Table) bool { return t.Name == name }) {
		return false, nil
	}
	old := &nftables.Table{Name: name, Family: nftables.TableFamilyINet}
	conn.AddTable(old) // lets the deletion succeed when somebody else was faster
	conn.DelTable(old)
	if err := conn.Flush(); err != nil {
		return false, explain("remove the packet filter that holds packets", err)
	}
	return true, nil
}

// explain names the remedy of the errors that an operator can do something about.
func explain(doing string, err error) error {
	remedy := ""
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		remedy = " (run as root or with CAP_NET_ADMIN)"
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EPROTONOSUPPORT), errors.Is(err, syscall.EAFNOSUPPORT), errors.Is(err, syscall.EOPNOTSUPP):
		remedy = " (the kernel needs CONFIG_NF_TABLES_INET and CONFIG_NFT_QUEUE, modules nf_tables and nft_queue; or, for the latter, CONFIG_NFT_COMPAT with " +
			"CONFIG_NETFILTER_XT_TARGET_NFQUEUE)"
	}
	return fmt.Errorf("hold: %s: %w%s", doing, err, remedy)
}
