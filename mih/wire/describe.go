package wire

import (
	"fmt"
	"strings"
)

// Description is a message as a tool shows it.
type Description struct {
	Message       string   `json:"message"` // "MIH_Link_Up"
	Service       Service  `json:"sid"`
	Opcode        Opcode   `json:"opcode"`
	OpcodeName    string   `json:"opcode_name"`
	Action        uint16   `json:"aid"`
	Transaction   uint16   `json:"tid"`
	ACKRequest    bool     `json:"ack_req"`
	ACKResponse   bool     `json:"ack_rsp"`
	PureACK       bool     `json:"pure_ack"` // an acknowledgement and nothing else
	UIR           bool     `json:"uir"`      // unauthenticated information request
	MoreFragments bool     `json:"more_fragments,omitempty"`
	Fragment      *uint8   `json:"fragment,omitempty"` // number of a fragment
	Source        string   `json:"source"`
	Destination   string   `json:"destination"`
	TLVs          []Object `json:"tlvs"`           // in order of the wire, each with type, name and its fields
	Data          string   `json:"data,omitempty"` // in hex: what cannot be taken apart, and the part of a message in a fragment
	Errors        []string `json:"errors"`         // what is wrong with the message, where, as the strict decoder would say it
}

// Describe describes the message in octets, whatever these are. Where Decode gives up it notes the error and goes on.
func Describe(octets []byte) Description { return Decoder{}.Describe(octets) }

// Describe is like the function of the same name.
func (d Decoder) Describe(octets []byte) Description {
	s := Description{TLVs: []Object{}, Errors: []string{}}
	f, err := readFrame(octets)
	if err != nil {
		s.fail(err)
	}
	if len(octets) < headerLength {
		s.Message, s.Data = "truncated", hexOf(string(octets))
		return s
	}
	s.header(f)
	if have := len(octets) - headerLength; err == nil && f.length != have {
		s.fail(&DecodeError{6, "Payload length", fmt.Sprintf("is %d, %d octets follow the header", f.length, have), Drop})
	}
	payload := octets[:min(len(octets), headerLength+f.length)]
	if f.isFragment() {
		s.Data = hexOf(string(payload[headerLength:]))
		return s
	}
	s.payload(d, f, payload)
	return s
}

func (s *Description) header(f frame) {
	if s.Message = f.MessageID.Name(); s.Message == "" {
		s.Message = "unknown"
	}
	s.Service, s.Opcode, s.Action = f.MessageID.Service(), f.MessageID.Opcode(), f.MessageID.Action()
	s.OpcodeName, s.Transaction = s.Opcode.String(), f.TransactionID
	s.ACKRequest, s.ACKResponse, s.UIR = f.ACKRequest, f.ACKResponse, f.UnauthenticatedInformationRequest
	if s.MoreFragments = f.more; f.isFragment() {
		s.Fragment = &f.fragment
	}
}

// payload describes what follows the header. Once every TLV has been read by itself, the strict decoder says what is wrong with them
// together.
func (s *Description) payload(d Decoder, f frame, message []byte) {
	var m Message
	(&coder{buf: message}).identifiers(&m)
	s.Source, s.Destination = printable(string(m.Source)), printable(string(m.Destination))
	c := coder{buf: message, base: headerLength, msb0: d.MSB0Bitmaps}
	for at := headerLength; at < len(message); {
		t, value, end, err := c.next(at)
		if err != nil {
			s.fail(err)
			s.TLVs = append(s.TLVs, opaque(t, string(message[min(at+2, len(message)):])))
			return
		}
		s.TLVs = append(s.TLVs, s.describeTLV(&c, f.MessageID, t, value, end))
		at = end
	}
	m, err := d.Decode(message)
	if s.PureACK = err == nil && m.Body == nil; err != nil && len(s.Errors) == 0 {
		s.fail(err)
	}
}

// describeTLV describes one TLV of a message with the identifier.
func (s *Description) describeTLV(c *coder, id MessageID, t TLVType, value, end int) Object {
	form := tlvForms[t]
	if t == TLVTimeInterval && id == IDRegisterResponse {
		form = lifetimeForm
	}
	if form == nil {
		return opaque(t, string(c.buf[value:end]))
	}
	c.tlv, c.at, c.end, c.err = t, value, end, nil
	fields := form(c)
	if c.shut(); c.err != nil {
		s.fail(c.err)
		return opaque(t, string(c.buf[value:end]))
	}
	return append(tlvHead(t), fields...)
}

// fail notes an error, every one of reading being a DecodeError.
func (s *Description) fail(err error) {
	s.Errors = append(s.Errors, strings.TrimPrefix(err.Error(), errorPrefix))
}

// String is the description as text: a line for the message, and one for each TLV and error.
func (s Description) String() string {
	var text strings.Builder
	if s.OpcodeName == "" {
		return fmt.Sprintf("%s: data %s\n  error: %s", s.Message, textOf(s.Data), strings.Join(s.Errors, ", "))
	}
	fmt.Fprintf(&text, "%s %s (sid %d, opcode %d, aid %d): tid %d", s.Message, s.OpcodeName, s.Service, s.Opcode, s.Action, s.Transaction)
	for _, flag := range [...]struct {
		set  bool
		name string
	}{{s.ACKRequest, "ack_req"}, {s.ACKResponse, "ack_rsp"}, {s.PureACK, "pure_ack"}, {s.UIR, "uir"}, {s.MoreFragments, "more_fragments"}} {
		if flag.set {
			text.WriteString(", " + flag.name)
		}
	}
	if s.Fragment != nil {
		fmt.Fprintf(&text, ", fragment %d", *s.Fragment)
	} else {
		fmt.Fprintf(&text, ", source %q, destination %q", s.Source, s.Destination)
	}
	if s.Data != "" {
		text.WriteString(", data " + s.Data)
	}
	for _, tlv := range s.TLVs {
		text.WriteString("\n  " + tlv.tlvString())
	}
	for _, problem := range s.Errors {
		text.WriteString("\n  error: " + problem)
	}
	return text.String()
}
