package mh

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"netlmm/mobility"
)

// OptionDescription is a mobility option as a tool shows it. Its Fields are members of the JSON object beside type and name.
type OptionDescription struct {
	Type   OptionType
	Name   string
	Fields []Field // in order of the wire; a lone "data", in hex, where the option cannot be taken apart
}

// Field is one field of an option. Value is a number or has a text form.
type Field struct {
	Name  string
	Value any
}

// String is the option as a line of text.
func (o OptionDescription) String() string {
	return describedLine(o.Name, uint8(o.Type), words(o.Fields))
}

// words are the fields that have a value, each as text.
func words(fields []Field) (list []string) {
	for _, f := range fields {
		if f.Value != "" {
			list = append(list, fmt.Sprintf("%s %v", strings.ReplaceAll(f.Name, "_", " "), f.Value))
		}
	}
	return list
}

// MarshalJSON writes {"type": 28, "name": "Restart Counter", "restart_counter": 1}.
func (o OptionDescription) MarshalJSON() ([]byte, error) {
	return marshalFields(append([]Field{{"type", o.Type}, {"name", o.Name}}, o.Fields...))
}

// marshalFields writes an object of the fields, of which there is one at least.
func marshalFields(fields []Field) ([]byte, error) {
	var object bytes.Buffer
	separator := byte('{')
	for _, f := range fields {
		value, err := json.Marshal(f.Value)
		if err != nil {
			return nil, err
		}
		object.WriteByte(separator)
		fmt.Fprintf(&object, "%q:%s", f.Name, value)
		separator = ','
	}
	object.WriteByte('}')
	return object.Bytes(), nil
}

// optionFields takes the options apart that have a field in Options, given one that holds just this.
var optionFields = map[OptionType]func(o *Options) []Field{
	OptionBindingRefreshAdvice: func(o *Options) []Field {
		return []Field{{"refresh_interval", seconds(o.BindingRefreshAdvice)}}
	},
	OptionAlternateCareOfAddress: func(o *Options) []Field { return []Field{{"address", o.AlternateCareOfAddress}} },
	OptionMobileNodeID: func(o *Options) []Field {
		return []Field{{"subtype", o.MobileNodeID.Subtype}, {"identifier", o.MobileNodeID.String()}}
	},
	OptionServiceSelection:  func(o *Options) []Field { return []Field{{"identifier", printable(o.ServiceSelection)}} },
	OptionHomeNetworkPrefix: func(o *Options) []Field { return []Field{{"prefix", o.HomeNetworkPrefixes[0]}} },
	OptionHandoffIndicator: func(o *Options) []Field {
		return []Field{{"handoff_indicator", uint8(o.HandoffIndicator)}, {"meaning", o.HandoffIndicator.String()}}
	},
	OptionAccessTechnologyType: func(o *Options) []Field {
		return []Field{{"access_technology_type", uint8(o.AccessTechnologyType)}, {"meaning", o.AccessTechnologyType.String()}}
	},
	OptionMobileNodeLinkLayerID: func(o *Options) []Field { return []Field{{"identifier", o.MobileNodeLinkLayerID.String()}} },
	OptionLinkLocalAddress:      func(o *Options) []Field { return []Field{{"address", o.LinkLocalAddress}} },
	OptionTimestamp: func(o *Options) []Field {
		return []Field{{"time", o.Timestamp.Time().UTC().Format(time.RFC3339Nano)}, {"data", fmt.Sprintf("%016x", uint64(o.Timestamp))}}
	},
	OptionRestartCounter:         func(o *Options) []Field { return []Field{{"restart_counter", o.RestartCounter}} },
	OptionIPv4HomeAddressRequest: func(o *Options) []Field { return []Field{{"address", o.IPv4HomeAddressRequest}} },
	OptionIPv4HomeAddressReply: func(o *Options) []Field {
		reply := o.IPv4HomeAddressReply
		return []Field{{"status", uint8(reply.Status)}, {"status_name", reply.Status.String()}, {"address", reply.Address}}
	},
	OptionIPv4DefaultRouter:   func(o *Options) []Field { return []Field{{"address", o.IPv4DefaultRouter}} },
	OptionIPv4DHCPSupportMode: func(o *Options) []Field { return []Field{{"mode", o.IPv4DHCPSupportMode.String()}} },
	OptionLinkLayerAddress: func(o *Options) []Field {
		a := o.LinkLayerAddress
		return []Field{{"option_code", a.Code}, {"address", mobility.MobileNodeLinkLayerID(a.Address).String()}}
	},
	OptionAddressPrefix: func(o *Options) []Field {
		a := o.AddressPrefixes[0]
		return []Field{{"option_code", uint8(a.Code)}, {"meaning", a.Code.String()}, {"address", a.Prefix}}
	},
	OptionContextRequest:       describeContextRequest,
	OptionLMAAddress:           func(o *Options) []Field { return []Field{{"address", o.LMAAddress}} },
	OptionLinkLocalInterfaceID: func(o *Options) []Field { return []Field{{"interface_identifier", o.LinkLocalInterfaceID}} },
	OptionTransientBinding: func(o *Options) []Field {
		t := o.TransientBinding
		return []Field{{"late_path_switch", t.LatePathSwitch}, {"lifetime_ms", int(t.Lifetime) * int(TransientLifetimeUnit/time.Millisecond)}}
	},
}

// describeOption describes an option that begins at the given offset. With an error, which is that of the strict decoder, it is
// described by its octets. What is in several options together is in beside.
func describeOption(t OptionType, data string, at int, beside *Options) (OptionDescription, error) {
	switch t {
	case OptionVendorSpecific:
		return describeVendorSpecific(data, at)
	case OptionIPv4TrafficOffloadSelector:
		return describeTrafficOffload(beside, data, at)
	}
	var o Options
	if err := o.decodeOption(t, data, at); err != nil {
		return opaqueOption(t, data), err
	}
	if fields, known := optionFields[t]; known {
		return OptionDescription{t, t.Name(), fields(&o)}, nil
	}
	return opaqueOption(t, data), nil
}

// describeContextRequest is a list of names, each with its data in hex where it has any.
func describeContextRequest(o *Options) []Field {
	requests := []string{}
	for _, r := range o.ContextRequest {
		requests = append(requests, strings.TrimRight(r.Type.Name()+" "+hex.EncodeToString([]byte(r.Data)), " "))
	}
	return []Field{{"requests", requests}}
}

func describeVendorSpecific(data string, at int) (OptionDescription, error) {
	vendor, subtype, rest, ok := RawOption{OptionVendorSpecific, data}.Vendor()
	if !ok {
		problem := fmt.Sprintf("has length %d, want at least %d", len(data), vendorSpecificFixed)
		return opaqueOption(OptionVendorSpecific, data), &DecodeError{at + 1, OptionVendorSpecific.String(), problem, Drop}
	}
	fields := []Field{{"vendor", vendor}, {"subtype", subtype}, {"data", hex.EncodeToString([]byte(rest))}}
	return OptionDescription{OptionVendorSpecific, OptionVendorSpecific.Name(), fields}, nil
}

func opaqueOption(t OptionType, data string) OptionDescription {
	return OptionDescription{t, t.Name(), []Field{{"data", hex.EncodeToString([]byte(data))}}}
}

// printable is text from the network without anything that a terminal would act upon.
func printable(text string) string {
	quoted := strconv.QuoteToASCII(text)
	return quoted[1 : len(quoted)-1]
}
