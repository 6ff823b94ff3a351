package filter

import (
	"encoding/binary"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"netlmm/security"
)

// Numbers of linux/netfilter/nf_tables.h and linux/if.h that the libraries do not name.
const (
	metaSecpath expr.MetaKey = 25 // NFT_META_SECPATH: the packet came out of an SA
	rtXFRM      expr.RtKey   = 4  // NFT_RT_XFRM: the packet will go through an SA
	ifNameSize               = 16
)

const protocolMH = 135

// portMH carries Mobility Headers over IPv4 (RFC 5844 section 4), portMIH IEEE 802.21 (RFC 5677).
const portMH, portMIH = 5436, 4551

// Where the ports stand in a header of UDP or TCP.
const sourcePort, destinationPort = 0, 2

// hiding are the extension headers that may stand behind a Fragment header and before a Mobility Header or the ports, so that a
// later fragment does not say what it is part of: Hop-by-Hop Options, Routing, Fragment, Destination Options. Input sees
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
//	in:      a Mobility Header, a fragment that may hide one, or UDP from or to port 5436, with meta ipsec missing: drop;
//	         from the loopback interface or the address of a peer in clear: accept;
//	         UDP or TCP from or to port 4551, with meta ipsec missing: drop
//	out:     the same with rt ipsec missing: drop
//	forward: the same with rt ipsec exists: drop, and nothing accepted. A host behind us that forges our address would otherwise
//	         have its messages carried to the peer under our own SA.
func (f *Filter) chains() []chainRules {
	return []chainRules{
		f.chain(chainIn, nftables.ChainHookInput, f.unprotectedIn, f.clearIn()),
		f.chain(chainOut, nftables.ChainHookOutput, f.unprotectedOut, f.clearOut()),
		f.chain(chainForward, nftables.ChainHookForward, f.underOurSA, nil),
	}
}

// chain drops what matches and meets the condition. Fragments may hide the ports of MIH as well as a Mobility Header.
func (f *Filter) chain(name string, hook *nftables.ChainHook, condition func() []expr.Any, clear [][]expr.Any) chainRules {
	c := chainRules{chain: &nftables.Chain{
		Name: name, Table: f.table, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: nftables.ChainPriorityFilter,
	}}
	drop := func(match []expr.Any) {
		c.rules = append(c.rules, slices.Concat(match, condition(), []expr.Any{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}}))
	}
	if f.cfg.Traffic.Has(security.MobilityHeaders) {
		drop(mobilityHeader())
		drop(port(unix.IPPROTO_UDP, destinationPort, portMH))
		drop(port(unix.IPPROTO_UDP, sourcePort, portMH))
	}
	for _, header := range hiding {
		drop(fragmentOf(header))
	}
	if f.cfg.Traffic&security.MIH != 0 {
		for _, match := range clear {
			c.rules = append(c.rules, append(match, &expr.Verdict{Kind: expr.VerdictAccept}))
		}
		for _, protocol := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
			drop(port(protocol, destinationPort, portMIH))
			drop(port(protocol, sourcePort, portMIH))
		}
	}
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

// port matches signalling over IPv4 and MIH, and whatever else uses their ports, which is nobody. Input sees IPv4 packets
// reassembled, and elsewhere the first fragment has the ports: without it nobody reassembles the others.
func port(protocol byte, offset uint32, number uint16) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		equal(protocol),
		&expr.Payload{OperationType: expr.PayloadLoad, DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, number)},
	}
}

// clearIn and clearOut match what may carry MIH in clear: the loopback interface, and the addresses that the configuration names.
func (f *Filter) clearIn() [][]expr.Any { return f.clear(expr.MetaKeyIIFTYPE, ipv6Source, ipv4Source) }
func (f *Filter) clearOut() [][]expr.Any {
	return f.clear(expr.MetaKeyOIFTYPE, ipv6Destination, ipv4Destination)
}

// Where the addresses stand in the IP headers.
const (
	ipv6Source, ipv6Destination = 8, 24
	ipv4Source, ipv4Destination = 12, 16
)

func (f *Filter) clear(interfaceType expr.MetaKey, inIPv6, inIPv4 uint32) [][]expr.Any {
	matches := [][]expr.Any{{
		&expr.Meta{Key: interfaceType, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.NativeEndian.AppendUint16(nil, unix.ARPHRD_LOOPBACK)},
	}}
	for _, a := range f.cfg.InClear {
		family, offset := byte(unix.NFPROTO_IPV6), inIPv6
		if a.Is4() {
			family, offset = unix.NFPROTO_IPV4, inIPv4
		}
		matches = append(matches, []expr.Any{
			&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
			equal(family),
			&expr.Payload{OperationType: expr.PayloadLoad, DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(a.BitLen() / 8)},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: a.AsSlice()},
		})
	}
	return matches
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
