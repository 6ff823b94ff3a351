package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

func (c *conn) senders() ([]sender, error) { return c.filter.senders() }

func (c *conn) ensureFilter(j judgement, held []sender) error { return c.filter.ensure(j, held) }

func (c *conn) removeFilter() error { return c.filter.remove() }

// filter is the packet filter of one network namespace.
type filter struct {
	conn  *nftables.Conn
	table *nftables.Table
	sets  map[string]*nftables.Set
}

// newFilter opens it, in the current network namespace. Nothing is changed yet.
func newFilter() (*filter, error) {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return nil, explainFilter(err)
	}
	f := &filter{conn: conn, table: &nftables.Table{Name: senderTable, Family: nftables.TableFamilyINet}, sets: map[string]*nftables.Set{}}
	f.sets[senderLinks] = &nftables.Set{Table: f.table, Name: senderLinks, KeyType: nftables.TypeIFName}
	for name, source := range map[string]nftables.SetDatatype{senderSetIPv6: nftables.TypeIP6Addr, senderSetIPv4: nftables.TypeIPAddr} {
		f.sets[name] = &nftables.Set{Table: f.table, Name: name, KeyType: nftables.MustConcatSetType(nftables.TypeEtherAddr, source), Concatenation: true}
	}
	return f, nil
}

func explainFilter(err error) error {
	return fmt.Errorf("judge the sources on access links by packet filter: %w (needs CONFIG_NF_TABLES_INET, module nf_tables; `nft list table inet %s` shows it)", err, senderTable)
}

func (f *filter) close() { _ = f.conn.CloseLasting() }

// ensure makes the table stand as wanted. held is who is known; those that are there already stay. Until all of them
// are there again nothing is judged: who is bound loses no packet.
func (f *filter) ensure(j judgement, held []sender) error {
	if f.stands(j) {
		return nil
	}
	if there, err := f.senders(); err == nil { // of an earlier run
		held = append(there, held...)
	}
	f.conn.AddTable(f.table) // lets the deletion succeed when there is none
	f.conn.DelTable(f.table)
	f.conn.AddTable(f.table)
	var links []nftables.SetElement
	for _, name := range j.links {
		links = append(links, nftables.SetElement{Key: append([]byte(name), make([]byte, sizeofIfname-len(name))...)})
	}
	err := errors.Join(f.conn.AddSet(f.sets[senderLinks], links), f.conn.AddSet(f.sets[senderSetIPv6], nil), f.conn.AddSet(f.sets[senderSetIPv4], nil), f.conn.Flush())
	if err != nil {
		return explainFilter(err)
	}
	if err := f.change(held, false); err != nil {
		return err
	}
	chain := f.conn.AddChain(&nftables.Chain{Name: senderChain, Table: f.table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityRef(priorityJudge)})
	comment := userdata.AppendString(nil, userdata.TypeComment, j.String())
	for _, exprs := range j.rules() {
		f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: chain, Exprs: exprs, UserData: comment})
	}
	if err := f.conn.Flush(); err != nil {
		return explainFilter(err)
	}
	return nil
}

// stands says whether the table has our rules and the links. A rule in place of one of ours lacks the comment.
func (f *filter) stands(j judgement) bool {
	rules, err := f.conn.GetRules(f.table, &nftables.Chain{Name: senderChain, Table: f.table})
	if err != nil || len(rules) != len(j.rules()) {
		return false
	}
	for _, r := range rules {
		if comment, ok := userdata.GetString(r.UserData, userdata.TypeComment); !ok || comment != j.String() {
			return false
		}
	}
	elements, err := f.conn.GetSetElements(f.sets[senderLinks])
	if err != nil || len(elements) != len(j.links) {
		return false
	}
	return !slices.ContainsFunc(elements, func(e nftables.SetElement) bool {
		return !slices.Contains(j.links, unix.ByteSliceToString(e.Key))
	})
}

// sendersAtOnce bounds one transaction.
const sendersAtOnce = 512

// errNoFilter says that somebody took the table away: the next comparison makes it anew.
var errNoFilter = errors.New("there is no packet filter for it at present")

// change adds or removes known senders.
func (f *filter) change(senders []sender, remove bool) error {
	for some := range slices.Chunk(senders, sendersAtOnce) {
		switch err := f.transact(some, remove); {
		case err == nil, remove && errors.Is(err, unix.ENOENT):
		case errors.Is(err, unix.ENOENT):
			return errNoFilter
		default:
			return explainFilter(err)
		}
	}
	return nil
}

func (f *filter) transact(senders []sender, remove bool) error {
	elements := map[string][]nftables.SetElement{}
	for _, s := range senders {
		key := append(make([]byte, 0, sizeofMAC+16), s.mac[:]...)
		key = append(append(key, 0, 0), s.source.AsSlice()...)
		elements[s.set()] = append(elements[s.set()], nftables.SetElement{Key: key})
	}
	for name, some := range elements {
		err := f.conn.SetAddElements(f.sets[name], some)
		if err == nil && remove { // after the addition, so that it succeeds also when somebody else was faster
			err = f.conn.SetDeleteElements(f.sets[name], some)
		}
		if err != nil {
			return err
		}
	}
	return f.conn.Flush()
}

// senders lists those that are known.
func (f *filter) senders() ([]sender, error) {
	var all []sender
	for _, name := range []string{senderSetIPv6, senderSetIPv4} {
		elements, err := f.conn.GetSetElements(f.sets[name])
		if err != nil && !f.present() {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list known senders: %w", err)
		}
		for _, e := range elements {
			if source, ok := netip.AddrFromSlice(e.Key[min(sizeofMAC, len(e.Key)):]); ok {
				all = append(all, sender{[6]byte(e.Key), source})
			}
		}
	}
	return all, nil
}

// present says whether there is a table of the name.
func (f *filter) present() bool {
	tables, err := f.conn.ListTablesOfFamily(f.table.Family)
	return err != nil || slices.ContainsFunc(tables, func(t *nftables.Table) bool { return t.Name == senderTable })
}

// remove takes the table away.
func (f *filter) remove() error {
	f.conn.AddTable(f.table)
	f.conn.DelTable(f.table)
	if err := f.conn.Flush(); err != nil {
		return explainFilter(err)
	}
	return nil
}
