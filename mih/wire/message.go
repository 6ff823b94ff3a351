// Package wire is the codec of the MIH protocol: octets to messages and back (IEEE 802.21-2008 section 8 and Annexes F and L), with
// fragmentation and bounded reassembly. TLVs that a message's form does not have survive in Extra. Decode is strict and for
// machines; Describe tells people what is in any message, also a broken one. It never panics on input from a network, has no clock
// and opens no socket.
package wire

import (
	"fmt"

	"netlmm/mih"
)

// Message is one MIH message. A Body of nil is a pure acknowledgement: the identifiers and nothing else. Append takes the message
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

// Body is what a message says: one of the types of this package with a MessageID method, as a value (LinkUp{...}, not a pointer).
type Body interface {
	MessageID() MessageID // 0 of an UnknownBody
	encode(*coder)
}

// UnknownBody is the body of a message whose identifier has no form here: every TLV after the identifiers as it is.
type UnknownBody struct{ TLVs []TLV }

// Decoder reads messages in the ways of peers that differ. The zero value is for those that do not.
type Decoder struct {
	MSB0Bitmaps bool // the first bit of a bitmap is its highest (the reading of some tools); nobody known sends such
	AnyOrder    bool // the TLVs after the identifiers may stand in any order
	Opaque      bool // every body is an UnknownBody: to relay a message, or where a peer has a dialect of its own
}

// Decode reads one whole message, which fills octets, and keeps nothing of them. The error is a *DecodeError; its Reaction says what
// is left of the message.
func Decode(octets []byte) (Message, error) { return Decoder{}.Decode(octets) }

// Decode is like the function of the same name.
func (d Decoder) Decode(octets []byte) (Message, error) {
	f, err := readFrame(octets)
	m := Message{Header: f.Header}
	switch {
	case err != nil:
		return m, err
	case f.length != len(octets)-headerLength:
		return m, &DecodeError{6, "Payload length", fmt.Sprintf("is %d, %d octets follow the header", f.length, len(octets)-headerLength), Drop}
	case f.isFragment():
		return m, &DecodeError{0, "M and FN", "say that this is a fragment", Reassemble}
	}
	var room struct {
		coder
		tlvIndex
	}
	c := &room.coder
	*c = coder{buf: octets, base: headerLength, msb0: d.MSB0Bitmaps, tlvIndex: &room.tlvIndex}
	c.identifiers(&m)
	if c.err != nil {
		return m, react(c.err, Drop)
	}
	if m.Body, m.Extra = c.body(d, m.Header); c.err != nil {
		m.Body, m.Extra = nil, nil
		reaction := Acknowledge
		if f.MessageID.Opcode() == OpcodeRequest {
			reaction = Refuse
		}
		return m, react(c.err, reaction)
	}
	return m, nil
}

func react(err error, reaction Reaction) error {
	e := err.(*DecodeError)
	e.Reaction = reaction
	return e
}

// identifiers reads the two TLVs that begin every message, and leaves c.at behind them. The copy of their octets is one.
func (c *coder) identifiers(m *Message) {
	var spans [2][2]int
	c.at = headerLength
	for i, want := range [...]TLVType{TLVSource, TLVDestination} {
		c.tlv, c.end = want, len(c.buf)
		if c.at == c.end || TLVType(c.buf[c.at]) != want {
			c.fail(c.at, "does not stand here")
			return
		}
		_, value, end, err := c.next(c.at)
		if err != nil {
			c.err = err
			return
		}
		c.at, c.end = value, end
		n := c.length(1, "octets")
		spans[i] = [2]int{c.at, c.at + n}
		switch {
		case c.err != nil:
		case n > mih.MaximumMIHFID:
			c.fail(value, "has %d octets, an identifier at most %d", n, mih.MaximumMIHFID)
		case c.at+n != end:
			c.fail(c.at+n, "has %d octets too many", end-c.at-n)
		}
		if c.err != nil {
			return
		}
		c.at = end
	}
	first := spans[0][0]
	both := string(c.buf[first:spans[1][1]])
	m.Source, m.Destination = mih.MIHFID(both[:spans[0][1]-first]), mih.MIHFID(both[spans[1][0]-first:])
}

// body reads what follows the identifiers.
func (c *coder) body(d Decoder, h Header) (Body, []TLV) {
	from := c.at
	if from == len(c.buf) && h.ACKResponse && !h.ACKRequest {
		return nil, nil
	}
	if c.index(from); c.err != nil {
		return nil, nil
	}
	decode := decoders[h.MessageID]
	if decode == nil || d.Opaque {
		return UnknownBody{c.rest(from, true)}, nil
	}
	body := decode(c)
	if c.err != nil {
		return nil, nil
	}
	return body, c.rest(from, d.AnyOrder)
}

// rest returns the TLVs that the form of the message does not have, after it has seen to the others: each once, and in order unless
// any will do.
func (c *coder) rest(from int, anyOrder bool) (extra []TLV) {
	last := TLVType(0)
	for at := from; at < len(c.buf); {
		t, value, end, _ := c.next(at)
		inForm := t < endOfStandardTLVs && c.ranks[t] != 0
		c.tlv, c.end = t, len(c.buf)
		switch {
		case t == TLVSource || t == TLVDestination || inForm && int(c.places[t]) != at-c.base:
			c.fail(at, "stands here a second time")
		case !inForm:
			extra = append(extra, TLV{t, string(c.buf[value:end])})
		case !anyOrder && c.ranks[t] < c.ranks[last]:
			c.fail(at, "stands behind the %s TLV", last)
		default:
			last = t
		}
		if c.err != nil {
			return nil
		}
		at = end
	}
	return extra
}

// Append appends the message. The error says what a message cannot hold: an identifier of more than 253 octets, more than 65,535
// octets after the header, a transaction of more than 12 bits, a link without an address, a choice that the standard does not have;
// dst then comes back as it was. A time or a parameter that does not fit into its field is written as the nearest that does.
func (m Message) Append(dst []byte) ([]byte, error) {
	f := frame{Header: m.Header}
	if m.Body != nil && m.Body.MessageID() != 0 {
		f.MessageID = m.Body.MessageID()
	}
	if f.TransactionID > maximumTransaction {
		return dst, fmt.Errorf("%stransaction %d: at most %d", errorPrefix, f.TransactionID, maximumTransaction)
	}
	c := coder{encoding: true, buf: appendFrame(dst, f)}
	c.identifier(TLVSource, m.Source)
	c.identifier(TLVDestination, m.Destination)
	if m.Body != nil {
		m.Body.encode(&c)
	}
	c.raw(m.Extra)
	return c.finish(dst)
}

// finish writes the length into the header.
func (c *coder) finish(dst []byte) ([]byte, error) {
	message := c.buf[len(dst):]
	length := len(message) - headerLength
	if c.err == nil && length > MaximumMessage-headerLength {
		c.err = fmt.Errorf("%s%d octets after the header: at most %d", errorPrefix, length, MaximumMessage-headerLength)
	}
	if c.err != nil {
		return dst, c.err
	}
	message[6], message[7] = byte(length>>8), byte(length)
	return c.buf, nil
}

// identifier appends one of the two TLVs that begin every message.
func (c *coder) identifier(t TLVType, id mih.MIHFID) {
	c.open(t, true)
	mihfID(c, &id)
	c.shut()
}

// mihfID is MIHF_ID.
func mihfID(c *coder, v *mih.MIHFID) {
	at := c.at
	if octets(c, v); len(*v) > mih.MaximumMIHFID {
		c.fail(at, "has %d octets, an identifier at most %d", len(*v), mih.MaximumMIHFID)
	}
}

// raw appends TLVs as they are.
func (c *coder) raw(tlvs []TLV) {
	for _, t := range tlvs {
		c.buf = append(appendLength(append(c.buf, byte(t.Type)), len(t.Value)), t.Value...)
	}
}
