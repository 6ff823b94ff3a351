package mh

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Description is a message as a tool shows it. What a message of the type does not have is absent.
type Description struct {
	Type        Type       `json:"type"`
	Name        string     `json:"name"`           // "Proxy Binding Update"
	Flags       []string   `json:"flags,omitzero"` // letters of the RFCs that are set, in order of the wire
	Sequence    *uint32    `json:"sequence,omitempty"`
	Lifetime    *uint32    `json:"lifetime,omitempty"` // seconds
	Status      *uint8     `json:"status,omitempty"`
	StatusName  string     `json:"status_name,omitempty"`
	Trigger     *uint8     `json:"trigger,omitempty"` // of a Binding Revocation Indication
	TriggerName string     `json:"trigger_name,omitempty"`
	Code        *uint8     `json:"code,omitempty"` // of a Handover Initiate or Acknowledge
	CodeName    string     `json:"code_name,omitempty"`
	HomeAddress netip.Addr `json:"home_address,omitzero"` // of a Binding Error
	Data        string     `json:"data,omitempty"`        // in hex: what follows the checksum where it cannot be taken apart

	Options []OptionDescription `json:"options"` // in order of the wire, without padding
	Errors  []string            `json:"errors"`  // what is wrong with the message, where, in the words of the strict decoder
}

// Describe describes the message in payload, whatever octets these are. Where Decode gives up it notes the error and goes on:
// after an option that has not the form of its type with the next one, after a Header Len that the payload does not have with
// what there is. The octets of a message whose Header Len was rounded down (see RepairHeaderLen) are read to the end.
func Describe(payload []byte) Description {
	d := Description{Options: []OptionDescription{}, Errors: []string{}}
	h, err := DecodeHeader(payload)
	if err != nil {
		d.fail(err)
	}
	if len(payload) < unit {
		d.Name, d.Data = "truncated", hex.EncodeToString(payload)
		return d
	}
	d.Type, d.Name = h.Type, h.Type.String()
	d.message(d.extent(h, payload))
	return d
}

// extent is what of payload to read.
func (d *Description) extent(h Header, payload []byte) []byte {
	beyond := len(payload) - h.Length
	switch {
	case beyond <= 0:
		return payload
	case beyond < unit:
		d.fail(&DecodeError{headerLenAt, "Header Len", fmt.Sprintf("says %d octets, the packet has %d: read to its end", h.Length, len(payload)), Drop})
		return payload
	}
	d.fail(&DecodeError{h.Length, "message", fmt.Sprintf("ends here, %d octets follow", beyond), Drop})
	return payload[:h.Length]
}

// message describes the message that fills b, which has eight octets at least.
func (d *Description) message(b []byte) {
	form, known := messageFormOf(b)
	if known && len(b) < form.fixed {
		d.fail(&DecodeError{len(b), "message", fmt.Sprintf("has %d octets, %s has at least %d", len(b), d.Name, form.fixed), SendParameterProblem})
	}
	if !known || len(b) < form.fixed {
		d.Data = hex.EncodeToString(b[dataAt:])
		return
	}
	form.describe(d, b)
	d.options(string(b[form.fixed:]), form.fixed)
	var all Options
	if err := all.decode(b, form.fixed); err != nil { // also of options that are in order one by one
		d.fail(err)
	}
}

// options describes the options in rest, which begin at the given offset. One that runs past the end is the last one: where
// the next would begin nobody knows.
func (d *Description) options(rest string, at int) {
	var beside Options
	for rest != "" {
		t := OptionType(rest[0])
		size, err := sizeOfOption(rest, at)
		if err != nil {
			d.fail(err)
			d.Options = append(d.Options, opaqueOption(t, rest[min(2, len(rest)):]))
			return
		}
		if t != OptionPad1 && t != OptionPadN {
			option, err := describeOption(t, rest[2:size], at, &beside)
			if err != nil {
				d.fail(err)
			}
			d.Options = append(d.Options, option)
		}
		rest, at = rest[size:], at+size
	}
}

// fail notes an error once, every one of this package being a DecodeError.
func (d *Description) fail(err error) {
	if said := strings.TrimPrefix(err.Error(), errorPrefix); !slices.Contains(d.Errors, said) {
		d.Errors = append(d.Errors, said)
	}
}

// String is the description as text: a line for the message, and one for each option and error.
func (d Description) String() string {
	var parts []string
	part := func(there bool, format string, args ...any) {
		if there {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	part(len(d.Flags) > 0, "flags %s", strings.Join(d.Flags, " "))
	if d.Sequence != nil {
		part(true, "sequence %d", *d.Sequence)
	}
	if d.Lifetime != nil {
		part(true, "lifetime %d s", *d.Lifetime)
	}
	if d.Status != nil {
		part(true, "%s", strings.TrimRight(fmt.Sprintf("status %d %s", *d.Status, d.StatusName), " "))
	}
	if d.Trigger != nil {
		part(true, "trigger %d %s", *d.Trigger, d.TriggerName)
	}
	if d.Code != nil {
		part(true, "code %d %s", *d.Code, d.CodeName)
	}
	part(d.HomeAddress.IsValid(), "home address %s", d.HomeAddress)
	part(d.Data != "", "data %s", d.Data)

	var text strings.Builder
	text.WriteString(describedLine(d.Name, uint8(d.Type), parts))
	for _, option := range d.Options {
		fmt.Fprintf(&text, "\n  %s", option)
	}
	for _, problem := range d.Errors {
		fmt.Fprintf(&text, "\n  error: %s", problem)
	}
	return text.String()
}

// describedLine is a line of text for a message or an option.
func describedLine(name string, number uint8, parts []string) string {
	if len(parts) == 0 {
		return fmt.Sprintf("%s (%d)", name, number)
	}
	return fmt.Sprintf("%s (%d): %s", name, number, strings.Join(parts, ", "))
}
