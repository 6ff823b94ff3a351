package filter

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Numbers of linux/netfilter/nf_tables.h and linux/if.h that the libraries do not name.
const (
	metaSecpath expr.MetaKey = 25 // NFT_META_SECPATH: the packet came out of an SA
	rtXFRM      expr.RtKey   = 4  // NFT_RT_XFRM: the packet will go through an SA
	ifNameSize               = 16
)

const protocolMH = 135

// portMH carries Mobility Headers over IPv4 (RFC 5844 section 4).
var portMH = []byte{5436 >> 8, 5436 & 0xff}

// Where the ports stand in a UDP header.
const sourcePort, destinationPort = 0, 2

// hiding are the extension headers that may stand behind a Fragment header and before a Mobility Header, so that a later
// fragment does not say what it is part of: Hop-by-Hop Options, Routing, Fragment, Destination Options. Input sees
// fragments, for IPv6 reassembles only after it. Nobody has reason to send such fragments to or from this host.
var hiding = []byte{unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_FRAGMENT, unix.IPPROTO_DSTOPTS}

const (
	chainIn      = "in"
	chainOut     = "out"
	chainForward = "forward"
)

type chainRules struct {
	chain *nftables.Chain
	rules [][]expr.Any
}

// chains of the table. In words, for XFRM (for Libipsec the device stands for "ipsec"):
//
//	in:      a Mobility Header, a fragment that may hide one, or UDP from or to port 5436, with meta ipsec missing: drop
//	out:     the same with rt ipsec missing: drop
//	forward: the same with rt ipsec exists: drop. A host behind us that forges our address would otherwise have its
//	         Mobility Headers carried to the peer under our own SA.
func (f *Filter) chains() []chainRules {
	return []chainRules{
		f.chain(chainIn, nftables.ChainHookInput, f.unprotectedIn()),
		f.chain(chainOut, nftables.ChainHookOutput, f.unprotectedOut()),
		f.chain(chainForward, nftables.ChainHookForward, f.underOurSA()),
	}
}

func (f *Filter) chain(name string, hook *nftables.ChainHook, condition []expr.Any) chainRules {
	c := chainRules{chain: &nftables.Chain{
		Name: name, Table: f.table, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: nftables.ChainPriorityFilter,
	}}
	add := func(match []expr.Any) {
		rule := append(match, condition...)
		c.rules = append(c.rules, append(rule, &expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}))
	}
	add(mobilityHeader())
	for _, header := range hiding {
		add(fragmentOf(header))
	}
	add(udpPort(destinationPort))
	add(udpPort(sourcePort))
	return c
}

// mobilityHeader matches behind any chain of extension headers: the kernel's l4proto is the first header that is none
// of those it knows, and the Mobility Header is not.
func mobilityHeader() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		equal(protocolMH),
	}
}

// udpPort matches signalling over IPv4, and whatever uses its port over IPv6, which is nobody. Input sees IPv4 packets
// reassembled, and elsewhere the first fragment has the ports: without it nobody reassembles the others.
func udpPort(offset uint32) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		equal(unix.IPPROTO_UDP),
		&expr.Payload{OperationType: expr.PayloadLoad, DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: portMH},
	}
}

// fragmentOf matches fragments whose Fragment header is followed by this header.
func fragmentOf(header byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		equal(unix.NFPROTO_IPV6),
		&expr.Exthdr{DestRegister: 1, Type: unix.IPPROTO_FRAGMENT, Offset: 0, Len: 1, Op: expr.ExthdrOpIpv6},
		equal(header),
	}
}

func (f *Filter) unprotectedIn() []expr.Any {
	if f.cfg.Mode == Libipsec {
		return f.device(expr.MetaKeyIIFNAME, expr.CmpOpNeq)
	}
	return []expr.Any{&expr.Meta{Key: metaSecpath, Register: 1}, equal(0)}
}

func (f *Filter) unprotectedOut() []expr.Any {
	if f.cfg.Mode == Libipsec {
		return f.device(expr.MetaKeyOIFNAME, expr.CmpOpNeq)
	}
	return []expr.Any{&expr.Rt{Key: rtXFRM, Register: 1}, equal(0)}
}

func (f *Filter) underOurSA() []expr.Any {
	if f.cfg.Mode == Libipsec {
		return f.device(expr.MetaKeyOIFNAME, expr.CmpOpEq)
	}
	return []expr.Any{&expr.Rt{Key: rtXFRM, Register: 1}, equal(1)}
}

func (f *Filter) device(key expr.MetaKey, op expr.CmpOp) []expr.Any {
	name := make([]byte, ifNameSize)
	copy(name, f.cfg.Device)
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: op, Register: 1, Data: name}}
}

func equal(b byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{b}} }
