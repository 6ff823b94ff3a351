package mh

import (
	"fmt"
	"math/bits"
	"slices"
)

// optionForm is what the RFCs lay down of an option with a field in Options.
type optionForm struct {
	min, max int // of Option Length
	unit     int // alignment unit*n + offset of the Option Type octet from the start of the message; 0: none
	offset   int
}

// optionForms is indexed by type.
var optionForms = [...]optionForm{
	OptionBindingRefreshAdvice:   {min: 2, max: 2, unit: 2},
	OptionAlternateCareOfAddress: {min: 16, max: 16, unit: 8, offset: 6},
	OptionLinkLayerAddress:       {min: 1, max: 255},
	OptionMobileNodeID:           {min: 1, max: 255},
	OptionServiceSelection:       {min: 1, max: 255},
	OptionHomeNetworkPrefix:      {min: 18, max: 18, unit: 8, offset: 4},
	OptionHandoffIndicator:       {min: 2, max: 2},
	OptionAccessTechnologyType:   {min: 2, max: 2},
	OptionMobileNodeLinkLayerID:  {min: 2, max: 255}, // aligned by its length
	OptionLinkLocalAddress:       {min: 16, max: 16, unit: 8, offset: 6},
	OptionTimestamp:              {min: 8, max: 8, unit: 8, offset: 2},
	OptionRestartCounter:         {min: 4, max: 4, unit: 4, offset: 2},
	OptionAddressPrefix:          {min: 18, max: 18, unit: 8, offset: 4},
	OptionIPv4HomeAddressRequest: {min: 6, max: 6, unit: 4},
	OptionIPv4HomeAddressReply:   {min: 6, max: 6, unit: 4},
	OptionIPv4DefaultRouter:      {min: 6, max: 6, unit: 4},
	OptionIPv4DHCPSupportMode:    {min: 2, max: 2},
	OptionContextRequest:         {min: 2, max: 255},
	OptionLMAAddress:             {min: 6, max: 18}, // one or the other
	OptionLinkLocalInterfaceID:   {min: 10, max: 10},
	OptionTransientBinding:       {min: 2, max: 2},

	OptionIPv4TrafficOffloadSelector: {max: 255, unit: 4}, // one that is too short is kept with its fault
}

// withField is the set of the types that may be Present.
const withField OptionSet = 1<<OptionBindingRefreshAdvice | 1<<OptionAlternateCareOfAddress | 1<<OptionMobileNodeID |
	1<<OptionServiceSelection | 1<<OptionHomeNetworkPrefix | 1<<OptionHandoffIndicator | 1<<OptionAccessTechnologyType |
	1<<OptionMobileNodeLinkLayerID | 1<<OptionLinkLocalAddress | 1<<OptionTimestamp | 1<<OptionRestartCounter |
	1<<OptionIPv4HomeAddressRequest | 1<<OptionIPv4HomeAddressReply | 1<<OptionIPv4DefaultRouter | 1<<OptionIPv4DHCPSupportMode |
	1<<OptionLinkLayerAddress | 1<<OptionAddressPrefix | 1<<OptionContextRequest | 1<<OptionLMAAddress | 1<<OptionLinkLocalInterfaceID |
	1<<OptionTransientBinding | 1<<OptionIPv4TrafficOffloadSelector

// repeated is the set of those that may stand several times.
const repeated OptionSet = 1<<OptionHomeNetworkPrefix | 1<<OptionAddressPrefix | 1<<OptionIPv4TrafficOffloadSelector

// form returns the form of the type; that of an unknown type leaves length and alignment open.
func (t OptionType) form() (form optionForm, known bool) {
	if withField.Has(t) {
		return optionForms[t], true
	}
	return optionForm{max: 255}, false
}

// emptied returns options without content on the memory of o's slices.
func (o *Options) emptied() Options {
	clear(o.Unknown) // lets go of the strings
	clear(o.ContextRequest)
	clear(o.IPv4TrafficOffloadSelectors)
	return Options{
		HomeNetworkPrefixes: o.HomeNetworkPrefixes[:0], AddressPrefixes: o.AddressPrefixes[:0],
		ContextRequest: o.ContextRequest[:0], IPv4TrafficOffloadSelectors: o.IPv4TrafficOffloadSelectors[:0], Unknown: o.Unknown[:0],
	}
}

// decodeMessage checks the one message in payload, reads its options, which begin at fixed, into empty options, and returns the
// octets of the message. After an error o is empty.
func (o *Options) decodeMessage(payload []byte, want Type, fixed int) ([]byte, error) {
	b, err := message(payload, want, fixed)
	if err != nil {
		return nil, err
	}
	return b, o.decode(b, fixed)
}

// decode reads the options of a message, which begin at start, into empty options. Alignment is not asked for: it is the
// sender's convenience (RFC 6275 section 6.2.1), and a peer exists that does not keep it. The one copy of the octets that is
// made here is what all strings of the message share. After an error o is empty.
func (o *Options) decode(b []byte, start int) error {
	rest := string(b[start:])
	for at := start; rest != ""; {
		t := OptionType(rest[0])
		size, err := sizeOfOption(rest, at)
		if err == nil && t != OptionPad1 {
			err = o.decodeOption(t, rest[2:size], at)
		}
		if err != nil {
			*o = o.emptied()
			return err
		}
		rest, at = rest[size:], at+size
	}
	return nil
}

// sizeOfOption is the number of octets of the option that rest begins with, at the given offset.
func sizeOfOption(rest string, at int) (int, error) {
	t := OptionType(rest[0])
	if t == OptionPad1 {
		return 1, nil
	}
	if len(rest) < 2 {
		return 0, &DecodeError{at, t.String(), "ends before its length", Drop}
	}
	size := 2 + int(rest[1])
	if size > len(rest) {
		return 0, &DecodeError{at + 1, t.String(), fmt.Sprintf("needs %d octets, Header Len leaves %d", size, len(rest)), Drop}
	}
	return size, nil
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
	case !known || o.Present.Has(t) && !repeated.Has(t):
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
	case OptionBindingRefreshAdvice:
		o.BindingRefreshAdvice = decodeBindingRefreshAdvice(data)
	case OptionServiceSelection:
		o.ServiceSelection = data
	case OptionRestartCounter:
		o.RestartCounter = decodeRestartCounter(data)
	case OptionIPv4HomeAddressRequest:
		return o.decodeIPv4HomeAddressRequest(data, at)
	case OptionIPv4HomeAddressReply:
		return o.decodeIPv4HomeAddressReply(data, at)
	case OptionIPv4DefaultRouter:
		o.IPv4DefaultRouter = decodeIPv4(data[2:])
	case OptionIPv4DHCPSupportMode:
		o.IPv4DHCPSupportMode = decodeDHCPSupportMode(data)
	default:
		return o.decodeLaterOption(t, data, at)
	}
	return nil
}

// decodeLaterOption takes in an option of RFC 5568, 5949, 6058 or 6909.
func (o *Options) decodeLaterOption(t OptionType, data string, at int) error {
	switch t {
	case OptionLinkLayerAddress:
		o.LinkLayerAddress = decodeLinkLayerAddress(data)
	case OptionAddressPrefix:
		return o.decodeAddressPrefix(data, at)
	case OptionContextRequest:
		return o.decodeContextRequest(data, at)
	case OptionLMAAddress:
		return o.decodeLMAAddress(data, at)
	case OptionLinkLocalInterfaceID:
		o.LinkLocalInterfaceID = decodeInterfaceID(data)
	case OptionTransientBinding:
		o.TransientBinding = decodeTransientBinding(data)
	case OptionIPv4TrafficOffloadSelector:
		_ = o.decodeTrafficOffloadSelector(data, at) // it costs the message nothing
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
		ends    = bindingErrorFixed + unit // the longest fixed part and the padding behind the options
		prefix  = 2 + 18 + unit
		aligned = unit   // the Mobile Node Link-layer Identifier
		wider   = 18 - 6 // the IPv6 form of the Local Mobility Anchor Address
	)
	bound := ends + aligned + wider + len(o.MobileNodeID.Value) + len(o.MobileNodeLinkLayerID) + len(o.ServiceSelection) + len(o.LinkLayerAddress.Address) +
		lengthOfRequests(o.ContextRequest) + lengthOfSelectors(o.IPv4TrafficOffloadSelectors) + prefix*(len(o.HomeNetworkPrefixes)+len(o.AddressPrefixes))
	for present := o.Present & withField; present != 0; present &= present - 1 {
		form := &optionForms[bits.TrailingZeros64(uint64(present))]
		bound += 2 + form.min + form.unit
	}
	for _, u := range o.Unknown {
		form, _ := u.Type.form()
		bound += 2 + len(u.Data) + form.unit
	}
	return slices.Grow(dst, min(bound, maxLength))
}
