package mh

import (
	"fmt"
	"slices"
)

// optionForm is what the RFCs lay down of an option with a field in Options.
type optionForm struct {
	name     string
	min, max int // of Option Length
	unit     int // alignment unit*n + offset of the Option Type octet from the start of the message; 0: none
	offset   int
}

// optionForms is indexed by type.
var optionForms = [...]optionForm{
	OptionAlternateCareOfAddress: {name: "Alternate Care-of Address", min: 16, max: 16, unit: 8, offset: 6},
	OptionMobileNodeID:           {name: "Mobile Node Identifier", min: 1, max: 255},
	OptionHomeNetworkPrefix:      {name: "Home Network Prefix", min: 18, max: 18, unit: 8, offset: 4},
	OptionHandoffIndicator:       {name: "Handoff Indicator", min: 2, max: 2},
	OptionAccessTechnologyType:   {name: "Access Technology Type", min: 2, max: 2},
	OptionMobileNodeLinkLayerID:  {name: "Mobile Node Link-layer Identifier", min: 2, max: 255}, // aligned by its length
	OptionLinkLocalAddress:       {name: "Link-local Address", min: 16, max: 16, unit: 8, offset: 6},
	OptionTimestamp:              {name: "Timestamp", min: 8, max: 8, unit: 8, offset: 2},
}

// withField is the set of the types that may be Present.
const withField OptionSet = 1<<OptionAlternateCareOfAddress | 1<<OptionMobileNodeID | 1<<OptionHomeNetworkPrefix |
	1<<OptionHandoffIndicator | 1<<OptionAccessTechnologyType | 1<<OptionMobileNodeLinkLayerID | 1<<OptionLinkLocalAddress |
	1<<OptionTimestamp

// form returns the form of the type; that of an unknown type leaves length and alignment open.
func (t OptionType) form() (form optionForm, known bool) {
	if withField.Has(t) {
		return optionForms[t], true
	}
	return optionForm{max: 255}, false
}

// String names an option as messages to people do: "Timestamp option", "option 19".
func (t OptionType) String() string {
	if form, known := t.form(); known {
		return form.name + " option"
	}
	return fmt.Sprintf("option %d", uint8(t))
}

// emptied returns options without content on the memory of o's slices.
func (o *Options) emptied() Options {
	clear(o.Unknown) // lets go of the strings
	return Options{HomeNetworkPrefixes: o.HomeNetworkPrefixes[:0], Unknown: o.Unknown[:0]}
}

// decodeMessage checks the one message in payload, reads its options, which begin at fixed, into empty options, and returns the
// octets of the message. After an error o is empty.
func (o *Options) decodeMessage(payload []byte, want Type, fixed int) ([]byte, error) {
	b, err := message(payload, want, fixed)
	if err != nil {
		return nil, err
	}
	if err := o.decode(b, fixed); err != nil {
		*o = o.emptied()
		return nil, err
	}
	return b, nil
}

// decode reads the options of a message, which begin at start, into empty options. Alignment is not asked for: it is the
// sender's convenience (RFC 6275 section 6.2.1), and a peer exists that does not keep it. The one copy of the octets that is
// made here is what all strings of the message share.
func (o *Options) decode(b []byte, start int) error {
	rest := string(b[start:])
	for at := start; rest != ""; {
		t, size := OptionType(rest[0]), 1
		if t != OptionPad1 {
			if len(rest) < 2 {
				return &DecodeError{at, t.String(), "ends before its length", Drop}
			}
			size = 2 + int(rest[1])
			if size > len(rest) {
				return &DecodeError{at + 1, t.String(), fmt.Sprintf("needs %d octets, Header Len leaves %d", size, len(rest)), Drop}
			}
			if err := o.decodeOption(t, rest[2:size], at); err != nil {
				return err
			}
		}
		rest, at = rest[size:], at+size
	}
	return nil
}

// decodeOption takes in one option that begins at the given offset. An option that stands a second time where the RFCs have
// one is checked like the first and kept in Unknown.
func (o *Options) decodeOption(t OptionType, data string, at int) error {
	form, known := t.form()
	switch {
	case t == OptionPadN:
		return nil
	case len(data) < form.min || len(data) > form.max:
		return &DecodeError{at + 1, t.String(), fmt.Sprintf("has length %d, want %s", len(data), form.lengths()), Drop}
	case !known || o.Present.Has(t) && t != OptionHomeNetworkPrefix:
		o.Unknown = append(o.Unknown, RawOption{t, data})
		return nil
	}
	o.Present.Add(t)
	switch t {
	case OptionAlternateCareOfAddress:
		o.AlternateCareOfAddress = decodeAddress(data)
	case OptionMobileNodeID:
		o.MobileNodeID = decodeMobileNodeID(data)
	case OptionHomeNetworkPrefix:
		return o.decodeHomeNetworkPrefix(data, at)
	case OptionHandoffIndicator:
		o.HandoffIndicator = decodeHandoffIndicator(data)
	case OptionAccessTechnologyType:
		o.AccessTechnologyType = decodeAccessTechnologyType(data)
	case OptionMobileNodeLinkLayerID:
		o.MobileNodeLinkLayerID = decodeLinkLayerID(data)
	case OptionLinkLocalAddress:
		o.LinkLocalAddress = decodeAddress(data)
	case OptionTimestamp:
		o.Timestamp = decodeTimestamp(data)
	}
	return nil
}

func (f optionForm) lengths() string {
	if f.min == f.max {
		return fmt.Sprint(f.min)
	}
	return fmt.Sprintf("%d to %d", f.min, f.max)
}

// grow makes room in dst for the longest message that has these options.
func (o *Options) grow(dst []byte) []byte {
	const (
		fixed  = 128    // header, options of fixed length and the most padding before and after them
		prefix = 20 + 4 // each padded
	)
	bound := fixed + len(o.MobileNodeID.Value) + len(o.MobileNodeLinkLayerID) + prefix*len(o.HomeNetworkPrefixes)
	for _, u := range o.Unknown {
		bound += 2 + len(u.Data)
	}
	return slices.Grow(dst, min(bound, maxLength))
}
