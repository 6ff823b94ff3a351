package mobility

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// OffloadPolicy says which IPv4 flows of a mobile node leave at its gateway by the gateway's own routes, and not through the tunnel (RFC
// 6909). It is comparable; the zero value is no policy, and offloads nothing.
type OffloadPolicy struct {
	Mode      OffloadMode      `json:"mode"`
	Selectors TrafficSelectors `json:"selectors"` // at least one, or else there is no policy
}

// MaximumTrafficSelectors is how many selectors a policy has at most.
const MaximumTrafficSelectors = 16

// NewOffloadPolicy makes a policy. The error names every problem of the selectors.
func NewOffloadPolicy(mode OffloadMode, selectors ...TrafficSelector) (OffloadPolicy, error) {
	if len(selectors) == 0 || len(selectors) > MaximumTrafficSelectors {
		return OffloadPolicy{}, fmt.Errorf("%d traffic selectors: want 1 to %d", len(selectors), MaximumTrafficSelectors)
	}
	var problems []error
	for i, s := range selectors {
		if err := s.Check(); err != nil {
			problems = append(problems, fmt.Errorf("traffic selector %d: %w", i, err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return OffloadPolicy{}, err
	}
	return OffloadPolicy{mode, packed(selectors)}, nil
}

// OffloadNothing is the policy by which all flows go through the tunnel. Unlike no policy it is one that an anchor can hold against a
// gateway's proposal (RFC 6909 section 3.3).
func OffloadNothing() OffloadPolicy {
	return OffloadPolicy{OffloadOthers, packed([]TrafficSelector{{}})}
}

// IsZero says that there is no policy.
func (p OffloadPolicy) IsZero() bool { return p.Selectors == "" }

// String is a line of text, such as "matching: source 192.0.2.0-192.0.2.255 protocol 6 source_port 443".
func (p OffloadPolicy) String() string {
	switch p {
	case OffloadPolicy{}:
		return "none"
	case OffloadNothing():
		return "nothing"
	}
	var list []string
	for _, s := range p.Selectors.List() {
		list = append(list, s.String())
	}
	return p.Mode.String() + ": " + strings.Join(list, "; ")
}

// OffloadMode is the M flag of an IPv4 Traffic Offload Selector option (RFC 6909 section 3.1).
type OffloadMode uint8

// Offload modes.
const (
	OffloadMatching OffloadMode = 0 // flows that match a selector leave at the gateway, all others go through the tunnel
	OffloadOthers   OffloadMode = 1 // flows that match a selector go through the tunnel, all others leave at the gateway
)

var offloadModeNames = [...]string{OffloadMatching: "matching", OffloadOthers: "others"}

// String is "matching" or "others": the flows that are offloaded.
func (m OffloadMode) String() string {
	if int(m) < len(offloadModeNames) {
		return offloadModeNames[m]
	}
	return fmt.Sprintf("mode_%d", uint8(m))
}

// MarshalText is String.
func (m OffloadMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what String writes.
func (m *OffloadMode) UnmarshalText(text []byte) error {
	for i, name := range offloadModeNames {
		if name == string(text) {
			*m = OffloadMode(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %q", text, offloadModeNames)
}

// TrafficSelector is an IPv4 binary traffic selector (RFC 6088 section 3.1). It describes packets on their way to the mobile node, so
// that the source is the correspondent node; packets that the mobile node sends match the other way round. A range that is zero
// matches everything.
type TrafficSelector struct {
	Source          AddressRange `json:"source,omitzero"`      // correspondent nodes
	Destination     AddressRange `json:"destination,omitzero"` // home addresses of the mobile node
	SPI             NumberRange  `json:"spi,omitzero"`         // of IPsec, 32 bits
	SourcePort      NumberRange  `json:"source_port,omitzero"`
	DestinationPort NumberRange  `json:"destination_port,omitzero"`
	DS              NumberRange  `json:"ds,omitzero"` // the octet in the header; its two lower bits do not count
	Protocol        NumberRange  `json:"protocol,omitzero"`
}

// AddressRange is all IPv4 addresses from First to Last, both included. The zero value stands for all addresses.
type AddressRange struct{ First, Last netip.Addr }

// NumberRange is all numbers from First to Last, both included, where it is Set; else it stands for all numbers.
type NumberRange struct {
	First, Last uint32
	Set         bool
}

// Addresses is the range of a prefix.
func Addresses(p netip.Prefix) AddressRange {
	first := p.Masked().Addr().As4()
	last := binary.BigEndian.Uint32(first[:]) | uint32(uint64(1)<<(32-p.Bits())-1)
	return AddressRange{netip.AddrFrom4(first), netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, last)))}
}

// Numbers is the range from first to last.
func Numbers(first, last uint32) NumberRange { return NumberRange{first, last, true} }

// IsZero: all addresses.
func (r AddressRange) IsZero() bool { return !r.First.IsValid() }

// IsZero: all numbers.
func (r NumberRange) IsZero() bool { return !r.Set }

// String is one address, or "first-last".
func (r AddressRange) String() string {
	switch {
	case r.IsZero():
		return "any"
	case r.First == r.Last:
		return r.First.String()
	}
	return r.First.String() + "-" + r.Last.String()
}

// String is one number, or "first-last".
func (r NumberRange) String() string {
	switch {
	case r.IsZero():
		return "any"
	case r.First == r.Last:
		return strconv.FormatUint(uint64(r.First), 10)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// MarshalText is String.
func (r AddressRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// MarshalText is String.
func (r NumberRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads an address, "first-last", a prefix, or "any".
func (r *AddressRange) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "any" {
		*r = AddressRange{}
		return nil
	}
	if p, err := netip.ParsePrefix(s); err == nil && p.Addr().Is4() && p == p.Masked() {
		*r = Addresses(p)
		return nil
	}
	first, last, two := strings.Cut(s, "-")
	if !two {
		last = first
	}
	a, err := netip.ParseAddr(first)
	b, err2 := netip.ParseAddr(last)
	if err != nil || err2 != nil || !a.Is4() || !b.Is4() || b.Less(a) {
		return fmt.Errorf("%q is no IPv4 address, prefix or range such as 192.0.2.1-192.0.2.9", s)
	}
	*r = AddressRange{a, b}
	return nil
}

// UnmarshalText reads a number, "first-last", or "any".
func (r *NumberRange) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "any" {
		*r = NumberRange{}
		return nil
	}
	first, last, two := strings.Cut(s, "-")
	if !two {
		last = first
	}
	a, err := strconv.ParseUint(first, 10, 32)
	b, err2 := strconv.ParseUint(last, 10, 32)
	if err != nil || err2 != nil || b < a {
		return fmt.Errorf("%q is no number or range such as 80-89", s)
	}
	*r = Numbers(uint32(a), uint32(b))
	return nil
}

// ranges are the numbers of s with the largest that each may hold.
func (s *TrafficSelector) ranges() [5]struct {
	name  string
	value *NumberRange
	most  uint32
} {
	return [...]struct {
		name  string
		value *NumberRange
		most  uint32
	}{
		{"spi", &s.SPI, 1<<32 - 1}, {"source_port", &s.SourcePort, 1<<16 - 1}, {"destination_port", &s.DestinationPort, 1<<16 - 1},
		{"ds", &s.DS, 1<<8 - 1}, {"protocol", &s.Protocol, 1<<8 - 1},
	}
}

// Check says what is wrong with the ranges.
func (s TrafficSelector) Check() error {
	var problems []error
	for _, r := range [...]AddressRange{s.Source, s.Destination} {
		if !r.IsZero() && (!r.First.Is4() || !r.Last.Is4() || r.Last.Less(r.First)) {
			problems = append(problems, fmt.Errorf("%v is no range of IPv4 addresses", r))
		}
	}
	for _, r := range s.ranges() {
		if r.value.Set && (r.value.Last < r.value.First || r.value.Last > r.most) {
			problems = append(problems, fmt.Errorf("%s %v is not within 0-%d", r.name, r.value, r.most))
		}
	}
	return errors.Join(problems...)
}

// String is "source 192.0.2.1 protocol 17", or "everything".
func (s TrafficSelector) String() string {
	var words []string
	if !s.Source.IsZero() {
		words = append(words, "source "+s.Source.String())
	}
	if !s.Destination.IsZero() {
		words = append(words, "destination "+s.Destination.String())
	}
	for _, r := range s.ranges() {
		if r.value.Set {
			words = append(words, r.name+" "+r.value.String())
		}
	}
	if len(words) == 0 {
		return "everything"
	}
	return strings.Join(words, " ")
}

// TrafficSelectors is a list of selectors in a form that compares. Only this package knows it.
type TrafficSelectors string

// sizeofSelector is that of a packed selector: which ranges there are, two of addresses, five of numbers.
const sizeofSelector = 1 + 2*8 + 5*8

func packed(list []TrafficSelector) TrafficSelectors {
	b := make([]byte, 0, len(list)*sizeofSelector)
	for i := range list {
		flags, start := byte(0), len(b)
		b = append(b, 0)
		for n, r := range [...]AddressRange{list[i].Source, list[i].Destination} {
			var first, last [4]byte
			if !r.IsZero() {
				flags |= 1 << n
				first, last = r.First.As4(), r.Last.As4()
			}
			b = append(append(b, first[:]...), last[:]...)
		}
		for n, r := range list[i].ranges() {
			first, last := uint32(0), uint32(0)
			if r.value.Set {
				flags |= 4 << n
				first, last = r.value.First, r.value.Last
			}
			b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, first), last)
		}
		b[start] = flags
	}
	return TrafficSelectors(b)
}

// Len is the number of selectors.
func (t TrafficSelectors) Len() int { return len(t) / sizeofSelector }

// List is the selectors in their order.
func (t TrafficSelectors) List() []TrafficSelector {
	list := make([]TrafficSelector, 0, t.Len())
	for b := []byte(t); len(b) >= sizeofSelector; b = b[sizeofSelector:] {
		var s TrafficSelector
		at := b[1:]
		next := func() (four [4]byte) {
			copy(four[:], at)
			at = at[4:]
			return four
		}
		for n, r := range [...]*AddressRange{&s.Source, &s.Destination} {
			first, last := next(), next()
			if b[0]&(1<<n) != 0 {
				*r = AddressRange{netip.AddrFrom4(first), netip.AddrFrom4(last)}
			}
		}
		for n, r := range s.ranges() {
			first, last := next(), next()
			if b[0]&(4<<n) != 0 {
				*r.value = Numbers(binary.BigEndian.Uint32(first[:]), binary.BigEndian.Uint32(last[:]))
			}
		}
		list = append(list, s)
	}
	return list
}

// MarshalJSON writes the list.
func (t TrafficSelectors) MarshalJSON() ([]byte, error) { return json.Marshal(t.List()) }

// UnmarshalJSON reads the list.
func (t *TrafficSelectors) UnmarshalJSON(text []byte) error {
	var list []TrafficSelector
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	p, err := NewOffloadPolicy(OffloadMatching, list...)
	*t = p.Selectors
	return err
}
