package kernel

import (
	"slices"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
)

// What the rules of the offload table are made of. All of it works on register, or from there on.

func goTo(chain string) expr.Any { return &expr.Verdict{Kind: expr.VerdictGoto, Chain: chain} }

// counted adds to what Kernel.Offloaded tells.
var counted = &expr.Objref{Type: 1, Name: offloadCounter}

// native32 is x as the kernel has it in a register.
func native32(x uint32) []byte { return binaryutil.NativeEndian.PutUint32(x) }

// is and isNot compare the register, bits does away with those of it that are not in mask.
func is(data []byte) []expr.Any {
	return []expr.Any{&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: data}}
}

func isNot(data []byte) []expr.Any {
	return []expr.Any{&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: data}}
}

func bits(mask []byte) []expr.Any { return bitsAt(register, mask) }

func bitsAt(at uint32, mask []byte) []expr.Any {
	return []expr.Any{&expr.Bitwise{SourceRegister: at, DestRegister: at, Len: uint32(len(mask)), Mask: mask, Xor: make([]byte, len(mask))}}
}

// between compares the register with a range of numbers in network byte order.
func between(first, last []byte) []expr.Any {
	return []expr.Any{&expr.Range{Op: expr.CmpOpEq, Register: register, FromData: first, ToData: last}}
}

// loaded is a part of the IPv4 header, transport one of what follows it.
func loaded(offset, length uint32) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}}
}

func transport(offset, length uint32) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: length}}
}

func protocol() []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register}}
}

func protocolIs(p byte) []expr.Any { return append(protocol(), is([]byte{p})...) }

// ported says that it has ports.
func ported() []expr.Any { return append(protocol(), lookUp(offloadWithPorts)...) }

func lookUp(set string) []expr.Any {
	return []expr.Any{&expr.Lookup{SourceRegister: register, SetName: set}}
}

// onLinks says that the device is an access link, device that its name begins so.
func onLinks(key expr.MetaKey) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: register}, &expr.Lookup{SourceRegister: register, SetName: offloadLinks}}
}

func device(key expr.MetaKey, prefix string) []expr.Any {
	return append([]expr.Any{&expr.Meta{Key: key, Register: register}}, is([]byte(prefix))...)
}

// home says that the address there has a policy.
func home(address uint32) []expr.Any {
	return append(loaded(address, 4), &expr.Lookup{SourceRegister: register, DestRegister: register, IsDestRegSet: true, SetName: offloadHomes})
}

// packetMark and flow load our bits of the marks. A packet that is not tracked has no flow: its rule ends there.
func packetMark() []expr.Any {
	return append([]expr.Any{&expr.Meta{Key: expr.MetaKeyMARK, Register: register}}, bits(native32(markMask))...)
}

func flow() []expr.Any { return flowAt(register) }

func flowAt(at uint32) []expr.Any {
	return append([]expr.Any{&expr.Ct{Key: expr.CtKeyMARK, Register: at}}, bitsAt(at, native32(flowMask))...)
}

// ownFlow says that the address there is the home address whose mobile node the flow is of.
func ownFlow(address uint32) []expr.Any {
	return slices.Concat(loaded(address, 4), flowAt(register+1), []expr.Any{&expr.Lookup{SourceRegister: register, SetName: offloadFlows}})
}

func setPacketMark(mark uint32) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyMARK, Register: register},
		&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 4, Mask: native32(^uint32(markMask)), Xor: native32(mark)},
		&expr.Meta{Key: expr.MetaKeyMARK, Register: register, SourceRegister: true},
	}
}

// direction says that the packet goes the way of the first of its flow, 0, or the other, 1.
func direction(way byte) []expr.Any {
	return append([]expr.Any{&expr.Ct{Key: expr.CtKeyDIRECTION, Register: register}}, is([]byte{way})...)
}

func state(bit uint32) []expr.Any {
	return slices.Concat([]expr.Any{&expr.Ct{Key: expr.CtKeySTATE, Register: register}}, bits(native32(bit)), isNot(native32(0)))
}
