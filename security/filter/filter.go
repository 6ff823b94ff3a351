// Package filter keeps the control channel out of the clear: an nftables table of its own drops every Mobility Header, and every
// packet of IEEE 802.21's port, that IPsec does not protect, whether a security association stands or not, charon runs or not, the
// daemon lives or not.
//
// Over IPv4, where Mobility Headers travel in UDP from or to port 5436 (RFC 5844 section 4), that port is treated alike, in the
// same table; IPv4 packets of protocol 135, which nobody sends, are dropped too. For them the loopback interface is no exception:
// signalling never runs over it, so nothing is lost.
//
// MIH is UDP and TCP from or to port 4551 (RFC 5677), of both IP versions. It passes in clear over the loopback interface, where
// programs of this host are each other's MIH users, and with those addresses that the configuration names.
//
// The table stays when the daemon ends; only Remove takes it away.
package filter

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"syscall"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"netlmm/security"
)

// Mode says how a packet is known to be protected.
type Mode string

// Modes, after charon's kernel plugin.
const (
	XFRM     Mode = "xfrm"     // kernel-netlink: the kernel's own mark of a decrypted, or to be encrypted, packet
	Libipsec Mode = "libipsec" // kernel-libipsec: the TUN device that charon reads and writes
)

// Config of the filter.
type Config struct {
	Mode   Mode
	Device string // TUN device of kernel-libipsec; "ipsec0"
	Table  string // name of the table, of family inet; each daemon of a network namespace has its own
	NetNS  int    // file descriptor of the network namespace; 0 for our own

	Traffic security.Traffic // what is kept out of the clear; 0: all of it. Of MIH there is no half
	InClear []netip.Addr     // with whom MIH may be in clear
}

// Filter is the table. Its methods may be called at any time; they keep no connection.
type Filter struct {
	cfg   Config
	table *nftables.Table
}

// Counters are the packets dropped since the table was created.
type Counters struct {
	In      uint64 `json:"in"`      // in clear, to us
	Out     uint64 `json:"out"`     // in clear, from us
	Forward uint64 `json:"forward"` // of others, that would have gone out under our SA
}

// New checks the configuration.
func New(cfg Config) (*Filter, error) {
	if cfg.Mode != XFRM && cfg.Mode != Libipsec {
		return nil, fmt.Errorf("filter: mode %q is neither %q nor %q", cfg.Mode, XFRM, Libipsec)
	}
	if cfg.Device == "" {
		cfg.Device = "ipsec0"
	}
	if len(cfg.Device) >= ifNameSize {
		return nil, fmt.Errorf("filter: %q is too long for the name of a network device (at most %d bytes)", cfg.Device, ifNameSize-1)
	}
	if cfg.Table == "" {
		return nil, errors.New("filter: the table has no name")
	}
	if cfg.Traffic == 0 {
		cfg.Traffic = security.MobilityHeaders | security.MIH
	}
	return &Filter{cfg: cfg, table: &nftables.Table{Name: cfg.Table, Family: nftables.TableFamilyINet}}, nil
}

// Apply makes the table stand. One that stands as wanted is left alone, with its counters; any other of the name is
// replaced in one transaction, so that there is no moment without it.
func (f *Filter) Apply() error {
	if f.Verify() == nil {
		return nil
	}
	conn, err := f.dial()
	if err != nil {
		return err
	}
	conn.AddTable(f.table) // lets the deletion succeed when there is none
	conn.DelTable(f.table)
	conn.AddTable(f.table)
	for _, c := range f.chains() {
		conn.AddChain(c.chain)
		for _, exprs := range c.rules {
			conn.AddRule(&nftables.Rule{Table: f.table, Chain: c.chain, Exprs: exprs})
		}
	}
	if err := conn.Flush(); err != nil {
		return explain("install the packet filter", err)
	}
	return nil
}

// Verify returns nil when the table has the chains that Apply makes, at their hooks, with their rules in their order, else what
// differs. It does not see everything: not the policy of a chain, the flags of the table, the rt expression of a rule, nor what
// other tables do.
func (f *Filter) Verify() error {
	conn, err := f.dial()
	if err != nil {
		return err
	}
	installed, err := conn.ListChainsOfTableFamily(f.table.Family)
	if err != nil {
		return explain("read the packet filter", err)
	}
	byName := make(map[string]*nftables.Chain)
	for _, c := range installed {
		if c.Table.Name == f.table.Name {
			byName[c.Name] = c
		}
	}
	wanted := f.chains()
	if len(byName) != len(wanted) {
		return fmt.Errorf("filter: table inet %s has %d chains instead of %d; another program removed or changed it", f.table.Name, len(byName), len(wanted))
	}
	for _, want := range wanted {
		got := byName[want.chain.Name]
		if got == nil || !sameChain(got, want.chain) {
			return fmt.Errorf("filter: chain %s of table inet %s is not as installed; another program changed it", want.chain.Name, f.table.Name)
		}
		rules, err := conn.GetRules(f.table, got)
		if err != nil {
			return explain("read the packet filter", err)
		}
		if !sameRules(rules, want.rules) {
			return fmt.Errorf("filter: the rules of chain %s of table inet %s are not as installed; another program changed them", want.chain.Name, f.table.Name)
		}
	}
	return nil
}

func sameChain(a, b *nftables.Chain) bool {
	return a.Hooknum != nil && *a.Hooknum == *b.Hooknum && a.Priority != nil && *a.Priority == *b.Priority && a.Type == b.Type
}

// sameRules compares all but the counts, and but the rt expression, which the library writes and does not read back.
func sameRules(got []*nftables.Rule, want [][]expr.Any) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		readable := slices.DeleteFunc(want[i], func(e expr.Any) bool { _, isRt := e.(*expr.Rt); return isRt })
		for j, e := range got[i].Exprs {
			if _, isCounter := e.(*expr.Counter); isCounter {
				got[i].Exprs[j] = &expr.Counter{}
			}
		}
		if !reflect.DeepEqual(got[i].Exprs, readable) {
			return false
		}
	}
	return true
}

// Counters reads what was dropped.
func (f *Filter) Counters() (Counters, error) {
	var out Counters
	conn, err := f.dial()
	if err != nil {
		return out, err
	}
	into := map[string]*uint64{chainIn: &out.In, chainOut: &out.Out, chainForward: &out.Forward}
	for _, c := range f.chains() {
		rules, err := conn.GetRules(f.table, c.chain)
		if err != nil {
			return Counters{}, explain("read the counters of the packet filter", err)
		}
		for _, r := range rules {
			for _, e := range r.Exprs {
				if counter, isCounter := e.(*expr.Counter); isCounter {
					*into[c.chain.Name] += counter.Packets
				}
			}
		}
	}
	return out, nil
}

// Remove deletes the table: from then on the control channel may be in clear.
func (f *Filter) Remove() error {
	conn, err := f.dial()
	if err != nil {
		return err
	}
	conn.AddTable(f.table)
	conn.DelTable(f.table)
	if err := conn.Flush(); err != nil {
		return explain("remove the packet filter", err)
	}
	return nil
}

// Clean deletes the table of that name from the current network namespace, and says whether there was one.
func Clean(table string) (removed bool, err error) {
	f, err := New(Config{Mode: XFRM, Table: table})
	if err != nil {
		return false, err
	}
	conn, err := f.dial()
	if err != nil {
		return false, err
	}
	tables, err := conn.ListTablesOfFamily(f.table.Family)
	if err != nil {
		return false, explain("list the tables of the packet filter", err)
	}
	if !slices.ContainsFunc(tables, func(t *nftables.Table) bool { return t.Name == table }) {
		return false, nil
	}
	return true, f.Remove()
}

func (f *Filter) dial() (*nftables.Conn, error) {
	conn, err := nftables.New(nftables.WithNetNSFd(f.cfg.NetNS))
	if err != nil {
		return nil, explain("reach nftables", err)
	}
	return conn, nil
}

// explain names the remedy of the errors that an operator can do something about.
func explain(doing string, err error) error {
	remedy := ""
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		remedy = " (run as root or with CAP_NET_ADMIN)"
	case errors.Is(err, syscall.EPROTONOSUPPORT), errors.Is(err, syscall.EAFNOSUPPORT), errors.Is(err, syscall.EOPNOTSUPP),
		errors.Is(err, syscall.EINVAL):
		remedy = " (the kernel lacks CONFIG_NF_TABLES or CONFIG_NF_TABLES_INET: load the module nf_tables; Debian's kernels have it, package nftables shows the rules)"
	}
	return fmt.Errorf("filter: %s: %w%s", doing, err, remedy)
}
