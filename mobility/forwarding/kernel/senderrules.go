package kernel

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Names in the packet filter. The table is ours alone.
const (
	senderTable   = "netlmm_sources"
	senderChain   = "judge"
	senderLinks   = "links"
	senderSetIPv6 = "ipv6"
	senderSetIPv4 = "ipv4"
)

// judgement is what the filter is to judge.
type judgement struct {
	links []string
	ipv4  bool
}

// String says what the rules do. Each rule carries it as a comment, by which it is recognized: it has to change with them.
func (j judgement) String() string {
	if j.ipv4 {
		return "known senders only, IPv4 too, before fragments are put together"
	}
	return "known senders only, before fragments are put together"
}

// Where things stand in headers, and registers of 4 octets, of which a key takes several in a row.
const (
	etherSource      = 6
	ipv4Source       = 12
	ipv4Destination  = 16
	ipv6Source       = 8
	ipv6Destination  = 24
	register         = 8 // NFT_REG32_00
	registerOfSource = register + 2
	sizeofMAC        = 8 // in whole registers
	sizeofIfname     = 16
)

var (
	accept = &expr.Verdict{Kind: expr.VerdictAccept}
	drop   = &expr.Verdict{Kind: expr.VerdictDrop}
)

// rules of the chain. What passes beside known senders is what linkRules and the lack of IPv4 rules for the limited broadcast let pass
// too: sources that say nothing beyond the link, the ICMPv6 that stays on it, and clients of DHCP.
func (j judgement) rules() [][]expr.Any {
	rules := [][]expr.Any{{
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: register},
		&expr.Lookup{SourceRegister: register, SetName: senderLinks, Invert: true}, accept}}
	if j.ipv4 {
		rules = append(rules,
			append(version(unix.NFPROTO_IPV4), load(ipv4Destination, 4), equals(netip.AddrFrom4([4]byte{255, 255, 255, 255}).AsSlice()), accept),
			append(version(unix.NFPROTO_IPV4), station, load(ipv4Source, 4), lookup(senderSetIPv4), accept))
	} else {
		rules = append(rules, append(version(unix.NFPROTO_IPV4), accept))
	}
	icmpv6 := append(version(unix.NFPROTO_IPV6), &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{protocolICMPv6}})
	rules = append(rules,
		append(append(version(unix.NFPROTO_IPV6), within(ipv6Source, linkLocal)...), accept),
		append(append(version(unix.NFPROTO_IPV6), within(ipv6Source, host(netip.IPv6Unspecified()))...), accept),
		append(append(slices.Clone(icmpv6), within(ipv6Destination, linkLocal)...), accept),
		append(append(slices.Clone(icmpv6), within(ipv6Destination, multicast)...), accept))
	for _, bits := range keyLengths {
		rules = append(rules, append(version(unix.NFPROTO_IPV6), station, load(ipv6Source, 16), masked(bits), lookup(senderSetIPv6), accept))
	}
	return append(rules, []expr.Any{&expr.Counter{}, drop})
}

func version(protocol byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{protocol}}}
}

// station is the first part of a key, load the second, or what else is looked at.
var station = &expr.Payload{DestRegister: register, Base: expr.PayloadBaseLLHeader, Offset: etherSource, Len: 6}

func load(offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: registerOfSource, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}
}

func masked(bits int) expr.Any {
	mask := netip.PrefixFrom(netip.AddrFrom16([16]byte(bytes.Repeat([]byte{0xff}, 16))), bits).Masked()
	return &expr.Bitwise{SourceRegister: registerOfSource, DestRegister: registerOfSource, Len: 16, Mask: mask.Addr().AsSlice(), Xor: make([]byte, 16)}
}

func lookup(set string) expr.Any { return &expr.Lookup{SourceRegister: register, SetName: set} }

func equals(data []byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: registerOfSource, Data: data}
}

func within(offset uint32, p netip.Prefix) []expr.Any {
	return []expr.Any{load(offset, 16), masked(p.Bits()), equals(p.Addr().AsSlice())}
}
