package kernel

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"netlmm/mobility"
)

func (c *conn) offloads() ([]offload, error) {
	there, _, err := c.offloading.read()
	return slices.Collect(maps.Values(there.homes)), err
}

func (c *conn) ensureOffload(o offloading, held []offload) error { return c.offloading.ensure(o, held) }

func (c *conn) removeOffload() error { return c.offloading.remove() }

func (c *conn) offloaded() (packets, octets uint64) { return c.offloading.total.read() }

// changeOffloads executes those of the requests that are about offload and remove, or not.
func (c *conn) changeOffloads(requests []request, errs []error, remove bool) {
	if c.offloading == nil {
		return
	}
	for i := range requests {
		if r := &requests[i]; r.offload != nil && r.remove == remove {
			c.offloading.todo = append(c.offloading.todo, i)
		}
	}
	t := c.offloading
	for some := range slices.Chunk(t.todo, offloadsAtOnce) {
		var changing []offload
		for _, i := range some {
			changing = append(changing, *requests[i].offload)
		}
		err := t.change(changing, remove)
		for _, i := range some {
			errs[i] = err
		}
	}
	t.todo = t.todo[:0]
}

// offloadsAtOnce bounds one transaction: each may bring a chain of its own.
const offloadsAtOnce = 16

// offloadTable is the part of the packet filter of one network namespace that offloads.
type offloadTable struct {
	conn  *nftables.Conn
	table *nftables.Table
	sets  map[string]*nftables.Set
	known mirror
	flows *flows
	todo  []int // memory of changeOffloads
	total *offloadTotal
}

// newOffloadTable opens it, in the current network namespace. Nothing is changed yet.
func newOffloadTable() (*offloadTable, error) {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return nil, explainOffload(err)
	}
	t := &offloadTable{conn: conn, table: &nftables.Table{Name: offloadTableName, Family: nftables.TableFamilyIPv4}}
	t.learn(contents{})
	set := func(name string, key nftables.SetDatatype) *nftables.Set {
		return &nftables.Set{Table: t.table, Name: name, KeyType: key, KeyByteOrder: binaryutil.NativeEndian}
	}
	links, withPorts := set(offloadLinks, nftables.TypeIFName), set(offloadWithPorts, nftables.TypeInetProto)
	own, numbers := set(offloadOwnPorts, nftables.TypeInetService), set(offloadNumbers, nftables.TypeIPAddr)
	homes, policies := set(offloadHomes, nftables.TypeIPAddr), set(offloadPolicies, nftables.TypeMark)
	homes.IsMap, homes.DataType = true, nftables.TypeMark
	numbers.IsMap, numbers.DataType = true, nftables.TypeMark
	policies.IsMap, policies.DataType = true, nftables.TypeVerdict
	flows := set(offloadFlows, nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeMark))
	flows.Concatenation = true
	t.sets = map[string]*nftables.Set{}
	for _, s := range []*nftables.Set{links, withPorts, own, homes, numbers, policies, flows} {
		t.sets[s.Name] = s
	}
	if t.total, err = newOffloadTotal(t.table); err == nil {
		if t.flows, err = newFlows(); err == nil {
			return t, nil
		}
		t.total.close()
	}
	_ = t.conn.CloseLasting()
	return nil, err
}

func explainOffload(err error) error {
	return fmt.Errorf("offload flows by packet filter: %w (needs CONFIG_NF_TABLES, CONFIG_NFT_CT, CONFIG_NFT_NAT, CONFIG_NFT_MASQ, CONFIG_NFT_FIB_IPV4 and CONFIG_NF_CONNTRACK_MARK, modules nf_tables, nft_ct, "+
		"nft_chain_nat, nft_masq and nft_fib_ipv4; `nft list table ip %s` shows it)", err, offloadTableName)
}

func (t *offloadTable) close() {
	_ = t.conn.CloseLasting()
	t.total.close()
	t.flows.close()
}

// ensure makes the table stand as wanted. held is what was offloaded, whatever became of the table.
func (t *offloadTable) ensure(o offloading, held []offload) error {
	there, sound, err := t.read()
	if err != nil {
		return err
	}
	if sound && t.stands(o) {
		t.learn(there)
		return nil
	}
	for _, h := range held {
		there.homes[h.home] = h
	}
	t.learn(contents{})
	if err := t.begin(o); err != nil {
		return explainOffload(err)
	}
	for some := range slices.Chunk(slices.Collect(maps.Values(there.homes)), offloadsAtOnce) {
		if err := t.change(some, false); err != nil {
			return err
		}
	}
	// Until here nothing looks into the table: what is offloaded goes through the tunnel for a moment, but what is translated stays so.
	for _, c := range o.chains() {
		if c.hook != nil {
			t.addChain(o, c)
		}
	}
	if err := t.conn.Flush(); err != nil {
		return explainOffload(err)
	}
	return nil
}

// begin makes the table anew, with what is no hook.
func (t *offloadTable) begin(o offloading) error {
	counter := t.total.begin()
	t.conn.AddTable(t.table) // lets the deletion succeed when there is none
	t.conn.DelTable(t.table)
	t.conn.AddTable(t.table)
	t.conn.AddObj(counter)
	elements := map[string][]nftables.SetElement{}
	for _, name := range o.links {
		elements[offloadLinks] = append(elements[offloadLinks], nftables.SetElement{Key: append([]byte(name), make([]byte, sizeofIfname-len(name))...)})
	}
	for _, p := range withPorts {
		elements[offloadWithPorts] = append(elements[offloadWithPorts], nftables.SetElement{Key: []byte{p}})
	}
	for _, p := range ownPorts {
		elements[offloadOwnPorts] = append(elements[offloadOwnPorts], nftables.SetElement{Key: binaryutil.BigEndian.PutUint16(p)})
	}
	for _, name := range slices.Sorted(maps.Keys(t.sets)) {
		if err := t.conn.AddSet(t.sets[name], elements[name]); err != nil {
			return err
		}
	}
	for _, c := range o.chains() {
		if c.hook == nil {
			t.addChain(o, c)
		}
	}
	return t.conn.Flush()
}

func (t *offloadTable) chain(name string) *nftables.Chain {
	return &nftables.Chain{Name: name, Table: t.table}
}

func (t *offloadTable) addChain(o offloading, c fixedChain) {
	chain := t.chain(c.name)
	if c.hook != nil {
		chain.Type, chain.Hooknum, chain.Priority = nftables.ChainTypeFilter, c.hook, nftables.ChainPriorityRef(c.priority)
		if c.kind != "" {
			chain.Type = c.kind
		}
	}
	t.conn.AddChain(chain)
	for _, exprs := range c.rules {
		t.addRule(chain, o.String(), exprs)
	}
}

func (t *offloadTable) addRule(chain *nftables.Chain, comment string, exprs []expr.Any) {
	t.conn.AddRule(&nftables.Rule{Table: t.table, Chain: chain, Exprs: exprs, UserData: userdata.AppendString(nil, userdata.TypeComment, comment)})
}

// comments of the rules of a chain.
func (t *offloadTable) comments(chain string) ([]string, error) {
	rules, err := t.conn.GetRules(t.table, t.chain(chain))
	comments := make([]string, 0, len(rules))
	for _, r := range rules {
		comment, _ := userdata.GetString(r.UserData, userdata.TypeComment)
		comments = append(comments, comment)
	}
	return comments, err
}

// stands says whether the table has the chains, with as many of our rules in each, and the links.
func (t *offloadTable) stands(o offloading) bool {
	for _, c := range o.chains() {
		comments, err := t.comments(c.name)
		if c.name == chainPrivate { // the library cannot read these rules back, and that it says so tells that they are there
			if err == nil || absent(err) {
				return false
			}
			continue
		}
		if err != nil || len(comments) != len(c.rules) || slices.ContainsFunc(comments, func(s string) bool { return s != o.String() }) {
			return false
		}
	}
	for name, want := range map[string]int{offloadLinks: len(o.links), offloadWithPorts: len(withPorts), offloadOwnPorts: len(ownPorts)} {
		elements, err := t.conn.GetSetElements(t.sets[name])
		if err != nil || len(elements) != want {
			return false
		}
		other := func(e nftables.SetElement) bool { return !slices.Contains(o.links, unix.ByteSliceToString(e.Key)) }
		if name == offloadLinks && slices.ContainsFunc(elements, other) {
			return false
		}
	}
	return true
}

// absent says that what was asked for is not there. The library tells that in words only.
func absent(err error) bool {
	return err != nil && (errors.Is(err, unix.ENOENT) || strings.HasSuffix(err.Error(), unix.ENOENT.Error()))
}

// contents is what a table has.
type contents struct {
	homes   map[netip.Addr]offload
	numbers map[uint32]mobility.OffloadPolicy // of those with a chain
}

// read is what the table has. sound is false where parts of it are missing, or there is none; then it is what is left of it whole.
func (t *offloadTable) read() (there contents, sound bool, err error) {
	there = contents{homes: map[netip.Addr]offload{}}
	elements := map[string][]nftables.SetElement{}
	for _, name := range []string{offloadHomes, offloadNumbers, offloadPolicies, offloadFlows} {
		if elements[name], err = t.conn.GetSetElements(t.sets[name]); absent(err) {
			return there, false, nil
		} else if err != nil {
			return there, false, fmt.Errorf("list offloaded home addresses: %w", err)
		}
	}
	if there.numbers, sound, err = t.policies(elements[offloadPolicies]); err != nil {
		return there, false, err
	}
	numbers, flows := map[netip.Addr]uint32{}, map[netip.Addr]uint32{}
	for _, e := range elements[offloadNumbers] {
		if home, ok := netip.AddrFromSlice(e.Key); ok && len(e.Val) == 4 {
			numbers[home] = nativeUint32(e.Val)
		}
	}
	for _, e := range elements[offloadFlows] {
		if home, ok := netip.AddrFromSlice(e.Key[:min(4, len(e.Key))]); ok && len(e.Key) == 8 {
			flows[home] = nativeUint32(e.Key[4:])
		}
	}
	for _, e := range elements[offloadHomes] {
		home, ok := netip.AddrFromSlice(e.Key)
		if !ok || len(e.Val) != 4 {
			continue
		}
		policy, known := there.numbers[numbers[home]]
		if o := (offload{home, nativeUint32(e.Val), policy}); known && flows[home] == o.mark {
			there.homes[home] = o
		}
	}
	for _, name := range []string{offloadHomes, offloadNumbers, offloadFlows} {
		sound = sound && len(elements[name]) == len(there.homes)
	}
	return there, sound, nil
}

// policies reads the chains of policies, to each of which an element leads.
func (t *offloadTable) policies(elements []nftables.SetElement) (numbers map[uint32]mobility.OffloadPolicy, sound bool, err error) {
	numbers, sound = map[uint32]mobility.OffloadPolicy{}, true
	for _, e := range elements {
		number := uint32(0)
		if len(e.Key) == 4 {
			number = nativeUint32(e.Key)
		}
		comments, err := t.comments(policyChain(number))
		if err != nil && !absent(err) {
			return nil, false, fmt.Errorf("list the rules of an offload policy: %w", err)
		}
		if p, ok := readPolicy(comments); ok && verdictChain(e.Val) == policyChain(number) {
			numbers[number] = p
		} else {
			sound = false
		}
	}
	return numbers, sound, nil
}

// verdictChain is the chain to which a verdict leads.
func verdictChain(value []byte) string {
	attributes, err := netlink.NewAttributeDecoder(value)
	if err != nil {
		return ""
	}
	for attributes.Next() {
		if attributes.Type() == unix.NFTA_VERDICT_CHAIN {
			return attributes.String()
		}
	}
	return ""
}

// present says whether there is a table of the name.
func (t *offloadTable) present() (bool, error) {
	tables, err := t.conn.ListTablesOfFamily(t.table.Family)
	return slices.ContainsFunc(tables, func(x *nftables.Table) bool { return x.Name == offloadTableName }), err
}

// remove takes the table away.
func (t *offloadTable) remove() error {
	t.learn(contents{})
	if present, err := t.present(); err == nil && !present {
		return nil
	}
	t.conn.AddTable(t.table)
	t.conn.DelTable(t.table)
	if err := t.conn.Flush(); err != nil {
		return explainOffload(err)
	}
	return nil
}
