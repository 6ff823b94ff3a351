// Package wire is the codec of the MIH protocol: octets to messages and back (IEEE 802.21-2008 section 8 and Annexes F and L), with
// fragmentation and bounded reassembly. TLVs that a message's form does not know survive in Extra. It never panics on input from a
// network, has no clock and opens no socket.
package wire

import "netlmm/mih"

// Message is one MIH message. A Body of nil is a pure acknowledgement: the identifiers and nothing else. AppendTo takes the message
// identifier from a Body that has one; an acknowledgement and an UnknownBody go by Header.MessageID.
type Message struct {
	Header      Header
	Source      mih.MIHFID
	Destination mih.MIHFID // "": to whom it may concern
	Body        Body
	Extra       []TLV // after the Body's own, in their order: vendor specific, experimental, and what the Body has no field for
}

// Header is the fixed header, without what fragmentation and the codec see to themselves: version, M, FN and length.
type Header struct {
	ACKRequest                        bool // the receiver is to acknowledge
	ACKResponse                       bool // acknowledges the message with the same identifier and transaction; beside a Body the request that it answers
	UnauthenticatedInformationRequest bool
	MessageID                         MessageID
	TransactionID                     uint16 // 1 to 4095, 12 bits on the wire
}

// TLVType is the type of a TLV of the protocol: one octet.
type TLVType uint8

// TLV is a TLV as it is: its octets after the length.
type TLV struct {
	Type  TLVType
	Value string
}

// Body is what a message says: one of the types of this package with a MessageID method, as a value (LinkUp{...}, not a pointer).
type Body interface {
	MessageID() MessageID // 0 of an UnknownBody
	sealed()
}

// UnknownBody is the body of a message whose identifier has no form here: every TLV after the identifiers as it is.
type UnknownBody struct{ TLVs []TLV }
