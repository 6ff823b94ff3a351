package outerheader

import (
	"encoding/binary"
	"net/netip"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

const (
	ethernetAddress = 6
	ethernetHeader  = 14
	ipv6Header      = 40

	verdictNext = -1 // TCX_NEXT: on to other programs, then the stack
	verdictDrop = 2  // TCX_DROP

	recomputeChecksum = 1 // BPF_F_RECOMPUTE_CSUM

	protocolOffset = 16 // of protocol in struct __sk_buff
)

// Values of the ECN field (RFC 3168 section 5).
const (
	notECT = 0
	ect1   = 1
	ect0   = 2
	ce     = 3
)

// Where the programs keep things. Registers 6 to 9 survive calls.
const (
	packet = asm.R6 // the context
	inner  = asm.R7 // offset of the inner header
	mark   = asm.R8 // ECN field of the header that decides
	kind   = asm.R9 // next header: IPv6 or IPv4 inside

	outerAt = -ipv6Header // on the stack: the outer header
	wordAt  = -48         // on the stack: the first two octets of a header, at eight octets' alignment
)

// layout says what the programs look for.
type layout struct {
	header int32      // offset of the outer header: behind the Ethernet header, if the interface has one
	local  netip.Addr // this end of the tunnels
}

// exitProgram is the exit of the tunnel, RFC 6040 section 4.2, figure 4. Of the sixteen combinations only these change
// anything: a CE mark outside drops a packet that cannot have been marked, and marks every other; ECT(1) outside makes ECT(0)
// inside ECT(1).
func exitProgram(at layout) asm.Instructions {
	code := begin(at, 24) // destination address
	code = append(code,
		asm.JEq.Imm(kind, unix.IPPROTO_DSTOPTS, "options"),
		asm.Ja.Label("decide"),
	)
	// An encapsulation limit option (RFC 2473 section 4.1.1), which other implementations add, takes eight octets.
	code = append(code, labelled("options", loadBytes(inner, wordAt, 8))...)
	code = append(code,
		asm.LoadMem(asm.R1, asm.RFP, wordAt+1, asm.Byte),
		asm.JNE.Imm(asm.R1, 0, "pass"),
		asm.LoadMem(kind, asm.RFP, wordAt, asm.Byte),
		asm.Add.Imm(inner, 8),

		outerMark().WithSymbol("decide"),
		asm.RSh.Imm(mark, 4),
		asm.And.Imm(mark, 3),
		asm.JEq.Imm(mark, notECT, "pass"),
		asm.JEq.Imm(mark, ect0, "pass"),
	)
	code = append(code, loadInnerMark()...) // in R1
	code = append(code,
		asm.JEq.Imm(mark, ect1, "ect1"),
		asm.JEq.Imm(asm.R1, notECT, "drop"),
		asm.JEq.Imm(asm.R1, ce, "pass"),
		asm.Ja.Label("write"),
		asm.JNE.Imm(asm.R1, ect0, "pass").WithSymbol("ect1"),
	)
	code = append(code, labelled("write", writeInnerMark())...)
	code = append(code, verdict("pass", verdictNext)...)
	return append(code, verdict("drop", verdictDrop)...)
}

// entryProgram is the entry, RFC 6040 section 4.1 in normal mode: the outer ECN field is the inner one. The outer hop limit is
// that of the tunnel (RFC 2473 section 6.3).
func entryProgram(at layout, hopLimit uint8) asm.Instructions {
	code := begin(at, 8) // source address
	code = append(code, loadInnerMark()...)
	code = append(code,
		asm.Mov.Reg(mark, asm.R1),
		asm.LSh.Imm(mark, 4),
		asm.LoadMem(asm.R1, asm.RFP, outerAt+1, asm.Byte),
		asm.Mov.Reg(asm.R2, asm.R1),
		asm.And.Imm(asm.R1, 0xcf),
		asm.Or.Reg(asm.R1, mark),
		asm.JEq.Reg(asm.R1, asm.R2, "hops"),
		asm.StoreMem(asm.RFP, outerAt+1, asm.R1, asm.Byte),
	)
	code = append(code, storeByte(at.header+1, outerAt+1)...)
	code = append(code,
		asm.LoadMem(asm.R1, asm.RFP, outerAt+7, asm.Byte).WithSymbol("hops"),
		asm.JEq.Imm(asm.R1, int32(hopLimit), "pass"),
		asm.StoreImm(asm.RFP, outerAt+7, int64(hopLimit), asm.Byte),
	)
	code = append(code, storeByte(at.header+7, outerAt+7)...)
	return append(code, verdict("pass", verdictNext)...)
}

// begin leaves alone what is no packet of our tunnels: it wants the local address at the given offset of an IPv6 header. It
// leaves the outer header on the stack, its next header in kind, and the offset behind it in inner.
func begin(at layout, addressOffset int16) asm.Instructions {
	address := at.local.As16()
	code := asm.Instructions{
		asm.Mov.Reg(packet, asm.R1),
		asm.LoadMem(asm.R1, packet, protocolOffset, asm.Word),
		asm.JNE.Imm(asm.R1, int32(networkOrder(unix.ETH_P_IPV6)), "pass"),
		asm.Mov.Imm(inner, at.header),
	}
	code = append(code, loadBytes(inner, outerAt, ipv6Header)...)
	for i := range int16(2) {
		code = append(code,
			asm.LoadMem(asm.R1, asm.RFP, outerAt+addressOffset+8*i, asm.DWord),
			asm.LoadImm(asm.R2, int64(binary.NativeEndian.Uint64(address[8*i:])), asm.DWord),
			asm.JNE.Reg(asm.R1, asm.R2, "pass"),
		)
	}
	return append(code,
		asm.LoadMem(kind, asm.RFP, outerAt+6, asm.Byte),
		asm.Add.Imm(inner, ipv6Header),
	)
}

// verdict ends a program.
func verdict(name string, value int32) asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, value).WithSymbol(name), asm.Return()}
}

func outerMark() asm.Instruction { return asm.LoadMem(mark, asm.RFP, outerAt+1, asm.Byte) }

// loadInnerMark puts the ECN field of the inner header into R1 and the header's first two octets at wordAt. In IPv6 the field
// is bits 4 and 5 of the second octet, in IPv4 its last two.
func loadInnerMark() asm.Instructions {
	code := asm.Instructions{
		asm.JEq.Imm(kind, unix.IPPROTO_IPV6, "inside"),
		asm.JEq.Imm(kind, unix.IPPROTO_IPIP, "inside"),
		asm.Ja.Label("pass"),
	}
	code = append(code, labelled("inside", loadBytes(inner, wordAt, 2))...)
	return append(code,
		asm.LoadMem(asm.R1, asm.RFP, wordAt+1, asm.Byte),
		asm.JEq.Imm(kind, unix.IPPROTO_IPIP, "marked"),
		asm.RSh.Imm(asm.R1, 4),
		asm.And.Imm(asm.R1, 3).WithSymbol("marked"),
	)
}

// writeInnerMark makes mark the ECN field of the inner header. The checksum of an IPv4 header follows.
func writeInnerMark() asm.Instructions {
	code := asm.Instructions{
		asm.LoadMem(asm.R3, asm.RFP, wordAt, asm.Half), // what the checksum covers so far
		asm.LoadMem(asm.R1, asm.RFP, wordAt+1, asm.Byte),
		asm.JEq.Imm(kind, unix.IPPROTO_IPIP, "ipv4"),
		asm.LSh.Imm(mark, 4),
		asm.And.Imm(asm.R1, 0xcf),
		asm.Or.Reg(asm.R1, mark),
		asm.StoreMem(asm.RFP, wordAt+1, asm.R1, asm.Byte),
		asm.Ja.Label("store"),

		asm.And.Imm(asm.R1, 0xfc).WithSymbol("ipv4"),
		asm.Or.Reg(asm.R1, mark),
		asm.StoreMem(asm.RFP, wordAt+1, asm.R1, asm.Byte),
		asm.LoadMem(asm.R4, asm.RFP, wordAt, asm.Half),
		asm.Mov.Reg(asm.R1, packet),
		asm.Mov.Reg(asm.R2, inner),
		asm.Add.Imm(asm.R2, 10), // Header Checksum
		asm.Mov.Imm(asm.R5, 2),
		asm.FnL3CsumReplace.Call(),
	}
	return append(code, labelled("store", asm.Instructions{
		asm.Mov.Reg(asm.R1, packet),
		asm.Mov.Reg(asm.R2, inner),
		asm.Add.Imm(asm.R2, 1),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, wordAt+1),
		asm.Mov.Imm(asm.R4, 1),
		asm.Mov.Imm(asm.R5, recomputeChecksum),
		asm.FnSkbStoreBytes.Call(),
	})...)
}

// storeByte writes one octet of the stack into the packet.
func storeByte(offset int32, from int32) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R1, packet),
		asm.Mov.Imm(asm.R2, offset),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, from),
		asm.Mov.Imm(asm.R4, 1),
		asm.Mov.Imm(asm.R5, recomputeChecksum),
		asm.FnSkbStoreBytes.Call(),
	}
}

// loadBytes copies octets of the packet to the stack; a packet that ends before passes.
func loadBytes(offset asm.Register, to, n int32) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R1, packet),
		asm.Mov.Reg(asm.R2, offset),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, to),
		asm.Mov.Imm(asm.R4, n),
		asm.FnSkbLoadBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, "pass"),
	}
}

// labelled puts a label on the first instruction.
func labelled(name string, code asm.Instructions) asm.Instructions {
	code[0] = code[0].WithSymbol(name)
	return code
}

// networkOrder is v as a 16-bit field in network order reads on this machine.
func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}
