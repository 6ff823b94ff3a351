package mobility

import "fmt"

// Compat says which implementation a peer is, as far as it departs from the RFCs on the wire. Strict is the default.
type Compat uint8

// Peer profiles.
const (
	CompatStrict Compat = iota // what the RFCs say
	CompatOAI                  // OpenAirInterface's PMIPv6: floored Header Length, no P flag, identities in the link-layer identifier
	CompatOPMIP                // OPMIP: no timestamps, sequence numbers repeated, deaf after an unknown message type
)

var compatNames = [...]string{"strict", "oai", "opmip"}

// String is the profile as configuration spells it.
func (c Compat) String() string { return nameOf(compatNames[:], uint8(c)) }

// ParseCompat reads what String writes; the empty string is CompatStrict.
func ParseCompat(text string) (Compat, error) {
	for i, name := range compatNames {
		if text == name || text == "" {
			return Compat(i), nil
		}
	}
	return CompatStrict, fmt.Errorf("peer profile %q: want strict, oai or opmip", text)
}
