package mh

import (
	"errors"
	"fmt"

	"netlmm/mobility"
)

// IPv4TrafficOffloadSelector is what an IPv4 Traffic Offload Selector option says (RFC 6909 section 3.1): the M flag and a Traffic
// Selector sub-option (RFC 6089 section 4.2.1.4), or no such sub-option, which asks for a policy. A policy of several selectors is
// several options, since RFC 6089 has one sub-option in each; a peer that puts several into one option is understood nevertheless.
// An option with a fault makes no policy, and costs the message nothing: it stands for all that it says, with Fault and Data alone.
type IPv4TrafficOffloadSelector struct {
	Mode     mobility.OffloadMode
	Format   TrafficSelectorFormat
	Selector mobility.TrafficSelector // of TrafficSelectorIPv4
	Data     string                   // of a format that is not known here: octets after the sub-option's Reserved field; with a fault: all of the option
	Fault    string                   // why the option cannot be used: "has length 3, want 4 to 255"; "": it can be read
}

// TrafficSelectorFormat is the TS Format field of a Traffic Selector sub-option (RFC 6088 section 3).
type TrafficSelectorFormat uint8

// Formats of a traffic selector. A sub-option must not have the format 0, which stands here for the absence of a sub-option.
const (
	NoTrafficSelector   TrafficSelectorFormat = 0
	TrafficSelectorIPv4 TrafficSelectorFormat = 1 // IPv4 binary traffic selector, RFC 6088 section 3.1
)

// SetOffloadPolicy puts the policy in. Without a policy the option is a request for one, the M flag being 0 then (RFC 6909 section 3.2).
func (o *Options) SetOffloadPolicy(p mobility.OffloadPolicy) {
	o.Present.Add(OptionIPv4TrafficOffloadSelector)
	o.IPv4TrafficOffloadSelectors = nil
	for _, s := range p.Selectors.List() {
		o.IPv4TrafficOffloadSelectors = append(o.IPv4TrafficOffloadSelectors, IPv4TrafficOffloadSelector{Mode: p.Mode, Format: TrafficSelectorIPv4, Selector: s})
	}
	if p.IsZero() {
		o.IPv4TrafficOffloadSelectors = []IPv4TrafficOffloadSelector{{}}
	}
}

// OffloadPolicy is the policy in the options, none without an option and where the option only asks for one. The error says why
// the options make no policy. It concerns nothing else of the message (RFC 6909 sections 3.2 and 3.3).
func (o *Options) OffloadPolicy() (mobility.OffloadPolicy, error) {
	if !o.Present.Has(OptionIPv4TrafficOffloadSelector) {
		return mobility.OffloadPolicy{}, nil
	}
	requests, selectors := 0, []mobility.TrafficSelector(nil)
	for i, s := range o.IPv4TrafficOffloadSelectors {
		switch {
		case s.Fault != "":
			return mobility.OffloadPolicy{}, fmt.Errorf("an %s %s", OptionIPv4TrafficOffloadSelector, s.Fault)
		case s.Format == NoTrafficSelector:
			requests++
		case s.Format != TrafficSelectorIPv4:
			return mobility.OffloadPolicy{}, fmt.Errorf("traffic selector %d has format %d, want %d", i, s.Format, TrafficSelectorIPv4)
		case len(selectors) > 0 && s.Mode != o.IPv4TrafficOffloadSelectors[0].Mode:
			return mobility.OffloadPolicy{}, errors.New("the Offload Mode flag is not the same in all options")
		default:
			selectors = append(selectors, s.Selector)
		}
	}
	switch {
	case len(selectors) == 0:
		return mobility.OffloadPolicy{}, nil
	case requests > 0:
		return mobility.OffloadPolicy{}, errors.New("there are options with a traffic selector and options without one")
	}
	return mobility.NewOffloadPolicy(o.IPv4TrafficOffloadSelectors[0].Mode, selectors...)
}

// Sub-options (RFC 6089 section 4.2.1). Their length does not count type and length.
const (
	subOptionPad1            = 0
	subOptionTrafficSelector = 3
)

// Octets before what is of variable length.
const (
	offloadFixed        = 4 // of the option: M and Reserved
	trafficSelectorHead = 2 // of the sub-option: TS Format and Reserved
)

// decodeTrafficOffloadSelector takes in an option, whatever its octets. A gateway or anchor that is not configured to offload has to
// ignore it and take the rest of the message (RFC 6909 sections 3.2 and 3.3), and one that is gets along without a policy. Of options
// beyond the most that a policy may have the first one stands for all. What it returns is the fault that it notes in o.
func (o *Options) decodeTrafficOffloadSelector(data string, at int) *DecodeError {
	earlier := len(o.IPv4TrafficOffloadSelectors)
	if earlier > mobility.MaximumTrafficSelectors {
		return nil
	}
	fault := o.readTrafficOffloadSelector(data, at)
	if fault != nil {
		clear(o.IPv4TrafficOffloadSelectors[earlier:])
		o.IPv4TrafficOffloadSelectors = append(o.IPv4TrafficOffloadSelectors[:earlier], IPv4TrafficOffloadSelector{Data: data, Fault: fault.Problem})
	}
	return fault
}

// readTrafficOffloadSelector appends what an option says, up to its first fault.
func (o *Options) readTrafficOffloadSelector(data string, at int) *DecodeError {
	if len(data) < offloadFixed {
		return offloadError(at+1, "has length %d, want %d to 255", len(data), offloadFixed)
	}
	mode, earlier := mobility.OffloadMode(data[0]>>7), len(o.IPv4TrafficOffloadSelectors)
	for rest := data[offloadFixed:]; rest != ""; {
		where := at + 2 + len(data) - len(rest)
		size, fault := sizeOfSubOption(rest, where)
		if fault == nil && rest[0] == subOptionTrafficSelector {
			s := IPv4TrafficOffloadSelector{Mode: mode}
			if fault = s.decode(rest[2:size], where); fault == nil {
				fault = o.addTrafficOffloadSelector(s, where)
			}
		}
		if fault != nil {
			return fault
		}
		rest = rest[size:]
	}
	if len(o.IPv4TrafficOffloadSelectors) == earlier {
		return o.addTrafficOffloadSelector(IPv4TrafficOffloadSelector{Mode: mode}, at)
	}
	return nil
}

// sizeOfSubOption is the number of octets of the sub-option that rest begins with, at the given offset.
func sizeOfSubOption(rest string, at int) (int, *DecodeError) {
	switch {
	case rest[0] == subOptionPad1:
		return 1, nil
	case len(rest) < 2 || len(rest) < 2+int(rest[1]):
		return 0, offloadError(at, "has %d octets left for a sub-option of type %d", len(rest), rest[0])
	}
	return 2 + int(rest[1]), nil
}

// addTrafficOffloadSelector keeps s, unless there are as many as a policy may have.
func (o *Options) addTrafficOffloadSelector(s IPv4TrafficOffloadSelector, at int) *DecodeError {
	if len(o.IPv4TrafficOffloadSelectors) == mobility.MaximumTrafficSelectors {
		return tooManySelectors(at)
	}
	o.IPv4TrafficOffloadSelectors = append(o.IPv4TrafficOffloadSelectors, s)
	return nil
}

// decode reads the data of a Traffic Selector sub-option that begins at the given offset.
func (s *IPv4TrafficOffloadSelector) decode(data string, at int) (fault *DecodeError) {
	if len(data) < trafficSelectorHead {
		return offloadError(at+1, "has a traffic selector of %d octets, want at least %d", len(data), trafficSelectorHead)
	}
	s.Format = TrafficSelectorFormat(data[0])
	switch s.Format {
	case NoTrafficSelector:
		return offloadError(at+2, "has a traffic selector of the format 0, which is reserved")
	case TrafficSelectorIPv4:
		s.Selector, fault = decodeTrafficSelector(data[trafficSelectorHead:], at+2+trafficSelectorHead)
	default:
		s.Data = data[trafficSelectorHead:]
	}
	return fault
}

func tooManySelectors(at int) *DecodeError {
	return offloadError(at, "is one more than the %d selectors that a policy may have", mobility.MaximumTrafficSelectors)
}

func offloadError(at int, format string, args ...any) *DecodeError {
	return &DecodeError{at, OptionIPv4TrafficOffloadSelector.String(), fmt.Sprintf(format, args...), Drop}
}

func (e *encoder) trafficOffloadSelectors(list []IPv4TrafficOffloadSelector) {
	most := mobility.MaximumTrafficSelectors
	if len(list) > most && list[most].Fault != "" {
		most++ // as it is decoded
	}
	if len(list) == 0 || len(list) > most {
		e.fail(OptionIPv4TrafficOffloadSelector, fmt.Sprintf("is there %d times, want 1 to %d", len(list), mobility.MaximumTrafficSelectors))
		return
	}
	for i := range list {
		e.trafficOffloadSelector(&list[i])
	}
}

func (e *encoder) trafficOffloadSelector(s *IPv4TrafficOffloadSelector) {
	if s.Fault != "" {
		e.raw(RawOption{OptionIPv4TrafficOffloadSelector, s.Data})
		return
	}
	form := &optionForms[OptionIPv4TrafficOffloadSelector]
	e.option(OptionIPv4TrafficOffloadSelector, offloadFixed)
	start := len(e.buf)
	e.buf = append(e.buf, byte(s.Mode)<<7, 0, 0, 0)
	switch s.Format {
	case NoTrafficSelector:
	case TrafficSelectorIPv4:
		for _, r := range [...]mobility.AddressRange{s.Selector.Source, s.Selector.Destination} {
			if !r.IsZero() && !(r.First.Is4() && r.Last.Is4()) {
				e.fail(OptionIPv4TrafficOffloadSelector, fmt.Sprintf("has addresses %v: want IPv4 addresses", r))
				return
			}
		}
		numbers := numbersOf(&s.Selector)
		if numbers.wide() {
			// RFC 6088 section 3.1 has such a sub-option at 4n, where it is not, the option being there itself. Two Pad1 are
			// two octets for everybody: of PadN, RFC 6089 section 4.2.1.2 does not count the length as section 4.2.1 does.
			e.buf = append(e.buf, subOptionPad1, subOptionPad1)
		}
		head := len(e.buf)
		e.buf = append(e.buf, subOptionTrafficSelector, 0, byte(TrafficSelectorIPv4), 0)
		e.trafficSelector(&numbers)
		e.buf[head+1] = byte(len(e.buf) - head - 2)
	default:
		e.buf = append(e.buf, subOptionTrafficSelector, byte(trafficSelectorHead+len(s.Data)), byte(s.Format), 0)
		e.buf = append(e.buf, s.Data...)
	}
	length := len(e.buf) - start
	if length > form.max {
		e.fail(OptionIPv4TrafficOffloadSelector, fmt.Sprintf("needs %d octets of data, an option holds %d", length, form.max))
	}
	e.buf[start-1] = byte(length)
}

// lengthOfSelectors is an upper bound of what the options need.
func lengthOfSelectors(list []IPv4TrafficOffloadSelector) (n int) {
	const option = 3 + 2 + offloadFixed + 2 + 2 + trafficSelectorHead + selectorMost // with padding before and within
	for i := range list {
		n += option + len(list[i].Data)
	}
	return n
}
