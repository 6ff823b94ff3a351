package hold

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"
)

// mark is on packets that were held while their route is looked up; it goes before they leave. No other has it.
const mark = 0x6e6c6d68

// behindFilters is the priority of our chains: what the operator's own filters drop is not held.
const behindFilters = 10

const ifNameSize = 16

// rules is the table in words:
//
//	set kept4, kept6, passing4, passing6: prefixes; set access: interfaces
//
//	chain forward { type filter hook forward priority 10;
//	    ip6 daddr @kept6 jump keep6; ip daddr @kept4 jump keep4 }
//	chain keep6, keep4 {
//	    daddr @passing return
//	    oifname @access queue to QUEUE flags bypass
//	    iifname @access return                           # on its way to the anchor
//	    oifname TUNNEL queue to QUEUE flags bypass }     # each of them: to the other gateway
//	chain output { type filter hook output priority 10;
//	    meta mark != MARK accept
//	    meta mark set 0
//	    oifname @access accept; oifname TUNNEL accept; drop }  # no way to the mobile node but this
type rules struct {
	table                               *nftables.Table
	kept6, passing6, kept4, passing4    *nftables.Set
	access                              *nftables.Set
	names                               []nftables.SetElement // of access
	tunnels                             []string
	queue                               uint16
	compat                              bool // the kernel has no queue expression of nftables, but that of iptables
	forward, keepIPv6, keepIPv4, output *nftables.Chain
}

func newRules(cfg Config, queue uint16) rules {
	t := &nftables.Table{Name: cfg.Table, Family: nftables.TableFamilyINet}
	set := func(name string, kind nftables.SetDatatype, interval bool) *nftables.Set {
		return &nftables.Set{Table: t, Name: name, KeyType: kind, Interval: interval}
	}
	base := func(name string, hook *nftables.ChainHook) *nftables.Chain {
		return &nftables.Chain{Name: name, Table: t, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: nftables.ChainPriorityRef(behindFilters)}
	}
	r := rules{table: t, tunnels: cfg.Tunnels, queue: queue,
		kept6: set("kept6", nftables.TypeIP6Addr, true), passing6: set("passing6", nftables.TypeIP6Addr, true),
		kept4: set("kept4", nftables.TypeIPAddr, true), passing4: set("passing4", nftables.TypeIPAddr, true),
		access:  set("access", nftables.TypeIFName, false),
		forward: base("forward", nftables.ChainHookForward), output: base("output", nftables.ChainHookOutput),
		keepIPv6: &nftables.Chain{Name: "keep6", Table: t}, keepIPv4: &nftables.Chain{Name: "keep4", Table: t},
	}
	for _, name := range cfg.AccessInterfaces {
		r.names = append(r.names, nftables.SetElement{Key: ifname(name)})
	}
	return r
}

func ifname(name string) []byte {
	b := make([]byte, ifNameSize)
	copy(b, name)
	return b
}

// sets are in the order in which they can be made.
func (r *rules) sets() []*nftables.Set {
	return []*nftables.Set{r.access, r.kept6, r.passing6, r.kept4, r.passing4}
}

// kept is the set of held prefixes for those like p.
func (r *rules) kept(p netip.Prefix) *nftables.Set {
	if p.Addr().Is4() {
		return r.kept4
	}
	return r.kept6
}

// passing is the set of prefixes that are held no more for those like p.
func (r *rules) passing(p netip.Prefix) *nftables.Set {
	if p.Addr().Is4() {
		return r.passing4
	}
	return r.passing6
}

// interval is p as nftables has it in a set: its first address, and the first that is not of it.
func interval(p netip.Prefix) []nftables.SetElement {
	first := p.Masked().Addr()
	end := last(p).Next()
	elements := []nftables.SetElement{{Key: first.AsSlice()}}
	if !end.IsValid() {
		return elements // to the end of all addresses
	}
	return append(elements, nftables.SetElement{Key: end.AsSlice(), IntervalEnd: true})
}

// last is the last address of p.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := range b {
		if host := 8*(i+1) - p.Bits(); host > 0 {
			b[i] |= byte(1<<min(host, 8) - 1)
		}
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

type chainRules struct {
	chain *nftables.Chain
	rules [][]expr.Any
}

// chains are in the order in which they can be made.
func (r *rules) chains() []chainRules {
	jump := func(family byte, set *nftables.Set, to *nftables.Chain) []expr.Any {
		return append(in(family, set), &expr.Verdict{Kind: expr.VerdictJump, Chain: to.Name})
	}
	return []chainRules{
		{r.keepIPv6, r.keep(unix.NFPROTO_IPV6, r.passing6)},
		{r.keepIPv4, r.keep(unix.NFPROTO_IPV4, r.passing4)},
		{r.forward, [][]expr.Any{jump(unix.NFPROTO_IPV6, r.kept6, r.keepIPv6), jump(unix.NFPROTO_IPV4, r.kept4, r.keepIPv4)}},
		{r.output, r.letOut()},
	}
}

// keep hands to the queue what is on its way to the mobile node, by the access link or by a tunnel, and does not pass. A packet that only
// passes through, untunnelled, is none of that, and none is what came by a tunnel that may not deliver it.
func (r *rules) keep(family byte, passing *nftables.Set) [][]expr.Any {
	back := &expr.Verdict{Kind: expr.VerdictReturn}
	all := [][]expr.Any{
		append(in(family, passing), back),
		append(r.interfaces(expr.MetaKeyOIFNAME), &expr.Counter{}, r.toQueue()),
		append(r.interfaces(expr.MetaKeyIIFNAME), back),
	}
	for _, tunnel := range r.tunnels {
		all = append(all, append(leavingBy(tunnel), &expr.Counter{}, r.toQueue()))
	}
	return all
}

// leavingBy matches packets that leave by an interface, or by those whose names begin with what stands before a star.
func leavingBy(name string) []expr.Any {
	octets := ifname(name)
	if beginning, more := strings.CutSuffix(name, "*"); more {
		octets = []byte(beginning)
	}
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: octets}}
}

// toQueue hands a packet to our queue, or lets it pass when nobody listens there.
func (r *rules) toQueue() expr.Any {
	if !r.compat {
		return &expr.Queue{Num: r.queue, Total: 1, Flag: expr.QueueFlagBypass}
	}
	info := make(xt.Unknown, 0, 8) // struct xt_NFQ_info_v3: number, how many, flags
	for _, field := range []uint16{r.queue, 1, nfqBypass} {
		info = binary.NativeEndian.AppendUint16(info, field)
	}
	return &expr.Target{Name: "NFQUEUE", Rev: 3, Info: &info}
}

const nfqBypass = 1 // NFQ_FLAG_BYPASS of linux/netfilter/xt_NFQUEUE.h

// letOut judges what was held where it leaves. Without a way of its own to the mobile node it would follow the default route.
func (r *rules) letOut() [][]expr.Any {
	held := binaryutil.NativeEndian.PutUint32(mark)
	all := [][]expr.Any{
		{&expr.Meta{Key: expr.MetaKeyMARK, Register: 1}, &expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: held}, &expr.Verdict{Kind: expr.VerdictAccept}},
		{&expr.Immediate{Register: 1, Data: make([]byte, 4)}, &expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: 1}},
		append(r.interfaces(expr.MetaKeyOIFNAME), &expr.Verdict{Kind: expr.VerdictAccept}),
	}
	for _, tunnel := range r.tunnels {
		all = append(all, append(leavingBy(tunnel), &expr.Verdict{Kind: expr.VerdictAccept}))
	}
	return append(all, []expr.Any{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}})
}

func (r *rules) interfaces(key expr.MetaKey) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Lookup{SourceRegister: 1, SetName: r.access.Name, SetID: r.access.ID}}
}

// in matches packets of one IP version whose destination is in the set.
func in(family byte, set *nftables.Set) []expr.Any {
	offset, length := uint32(24), uint32(16)
	if family == unix.NFPROTO_IPV4 {
		offset, length = 16, 4
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
		&expr.Payload{OperationType: expr.PayloadLoad, DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length},
		&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID},
	}
}
