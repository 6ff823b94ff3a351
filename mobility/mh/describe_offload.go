package mh

import (
	"encoding/hex"
	"strings"

	"netlmm/mobility"
)

// describeTrafficOffload is the M flag and the list of traffic selectors, which is empty where the option asks for some. Those of the
// options before it are in o: a policy has no more than so many together. Its error is the fault for which the strict decoder leaves
// this option alone out.
func describeTrafficOffload(o *Options, data string, at int) (OptionDescription, error) {
	earlier := len(o.IPv4TrafficOffloadSelectors)
	fault := o.decodeTrafficOffloadSelector(data, at)
	list, selectors := o.IPv4TrafficOffloadSelectors[earlier:], []selectorDescription{}
	if len(list) == 0 {
		fault = tooManySelectors(at)
	}
	if fault != nil {
		return opaqueOption(OptionIPv4TrafficOffloadSelector, data), fault
	}
	for i := range list {
		switch s := &list[i]; s.Format {
		case NoTrafficSelector:
		case TrafficSelectorIPv4:
			numbers := numbersOf(&s.Selector)
			selectors = append(selectors, append(selectorDescription{{"ts_format", s.Format}}, numbers.describe()...))
		default:
			selectors = append(selectors, selectorDescription{{"ts_format", s.Format}, {"data", hex.EncodeToString([]byte(s.Data))}})
		}
	}
	mode := list[0].Mode
	fields := []Field{{"offload_mode", uint8(mode)}, {"meaning", mode.String()}, {"traffic_selectors", selectors}}
	return OptionDescription{OptionIPv4TrafficOffloadSelector, OptionIPv4TrafficOffloadSelector.Name(), fields}, nil
}

// describe names the fields as RFC 6088 section 3.1 does: "start_source_address".
func (n *selectorNumbers) describe() (fields []Field) {
	for i, field := range selectorFields {
		r, name := n[i], strings.ToLower(strings.ReplaceAll(field.name, " ", "_"))
		if r.Set {
			fields = append(fields, Field{"start_" + name, fieldValue(i, r.First)})
		}
		if r.Last != r.First {
			fields = append(fields, Field{"end_" + name, fieldValue(i, r.Last)})
		}
	}
	return fields
}

// fieldValue is an address in a field that holds one.
func fieldValue(field int, n uint32) any {
	if field < addressFields {
		return numberAddresses(mobility.Numbers(n, n)).First
	}
	return n
}

// selectorDescription is a traffic selector as a tool shows it.
type selectorDescription []Field

// String is the selector as words in braces, there being others beside it.
func (s selectorDescription) String() string { return "{" + strings.Join(words(s), ", ") + "}" }

// MarshalJSON writes {"ts_format": 1, "start_source_port": 443}.
func (s selectorDescription) MarshalJSON() ([]byte, error) { return marshalFields(s) }
