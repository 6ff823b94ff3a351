package miis

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// Limits bound what a Map learns. Zero is the default that stands beside it.
type Limits struct {
	Learnt    int           // points of attachment in all: 4096
	PerSource int           // of one MIH Function: 1024
	Age       time.Duration // after which what nobody repeats is forgotten: an hour
}

func (l Limits) orDefault() Limits {
	if l.Learnt == 0 {
		l.Learnt = 4096
	}
	if l.PerSource == 0 {
		l.PerSource = 1024
	}
	if l.Age == 0 {
		l.Age = time.Hour
	}
	return l
}

// Counters of a Map, since it was made.
type Counters struct {
	Evicted   uint64 `json:"evicted"`   // learnt, and gone because there was no room
	Expired   uint64 `json:"expired"`   // learnt, and gone because nobody repeated it
	Conflicts uint64 `json:"conflicts"` // not believed, because somebody else speaks for the point of attachment
	Refused   uint64 `json:"refused"`   // not believed, because it is too long, or says nothing
}

// Map is the network map: points of attachment by their link addresses. The configuration wins over what was learnt, field by field.
type Map struct {
	limits   Limits
	gateways map[mih.MIHFID]Gateway
	records  map[mih.LinkAddress]*record
	networks []*network // in the order of their keys
	sources  map[mih.MIHFID]*source
	learnt   int // points of attachment
	counters Counters
}

// NewMap makes an empty map.
func NewMap(limits Limits) *Map {
	return &Map{limits: limits.orDefault(), gateways: map[mih.MIHFID]Gateway{}, records: map[mih.LinkAddress]*record{}, sources: map[mih.MIHFID]*source{}}
}

// Serves says which gateway is behind the points of attachment that an MIH Function reports: the gateway itself, or one that an access
// point stands at. Of an MIH Function without one the map believes that it sees points of attachment, not that it serves any.
func (m *Map) Serves(id mih.MIHFID, gateway Gateway) { m.gateways[id] = gateway }

// Configure replaces the points of attachment of the configuration. With an error, which tells every problem, nothing changes.
func (m *Map) Configure(points []PointOfAttachment) error {
	var problems []error
	seen := make(map[mih.LinkAddress]int, len(points))
	for i, p := range points {
		if first, twice := seen[p.Address]; twice {
			problems = append(problems, fmt.Errorf("point of attachment %d: %s is number %d already", i, p.Address, first))
		}
		if problem := unsound(p); problem != "" {
			problems = append(problems, fmt.Errorf("point of attachment %d %s", i, problem))
		}
		seen[p.Address] = i
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	for address, r := range m.records {
		if _, stays := seen[address]; !stays && r.configured != nil {
			r.configured = nil
			m.file(address, r)
		}
	}
	for _, p := range points {
		r := m.record(p.Address)
		r.configured = &p
		m.file(p.Address, r)
	}
	return nil
}

// unsound says what is wrong with a point of attachment of the configuration.
func unsound(p PointOfAttachment) string {
	switch {
	case p.Address.IsZero():
		return "has no address"
	case slices.Contains(p.Neighbours, mih.LinkAddress{}):
		return "has a neighbour without an address"
	case max(len(p.NetworkID), len(p.NetworkAuxID), len(p.Operator.Name), len(p.Gateway.Name), len(p.Gateway.MIHF)) > maximumText:
		return fmt.Sprintf("has a name of more than %d octets", maximumText)
	case p.ChannelRange.Low > p.ChannelRange.High:
		return "has a channel range that ends before it begins"
	case p.Location != nil:
		if _, err := wire.EncodeElement(mih.Element{Type: mih.ElementPoALocation, Value: *p.Location}); err != nil {
			return "has a location that cannot be told: " + err.Error()
		}
	}
	return ""
}

// record finds what is known of a point of attachment; a new record is not in the map until it is filed.
func (m *Map) record(address mih.LinkAddress) *record {
	if r := m.records[address]; r != nil {
		return r
	}
	return &record{}
}

// Len is the number of points of attachment.
func (m *Map) Len() int { return len(m.records) }

// Counters are those up to now.
func (m *Map) Counters() Counters { return m.counters }

// PointOfAttachment finds one by its link address.
func (m *Map) PointOfAttachment(address mih.LinkAddress) (Entry, bool) {
	if r := m.records[address]; r != nil {
		return r.entry(), true
	}
	return Entry{}, false
}

// All yields every point of attachment, by network and then by address. The map must not change meanwhile.
func (m *Map) All() iter.Seq[Entry] {
	return m.where(func(networkKey) bool { return true })
}

// Network yields the points of attachment with a network identifier, of every link type.
func (m *Map) Network(id string) iter.Seq[Entry] {
	return m.where(func(k networkKey) bool { return k.id == id })
}

// LinkType yields the points of attachment of a technology.
func (m *Map) LinkType(t mih.LinkType) iter.Seq[Entry] {
	return m.where(func(k networkKey) bool { return k.linkType == t })
}

// where yields the points of attachment of the networks that are wanted.
func (m *Map) where(wanted func(networkKey) bool) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for r := range m.everything() {
			if wanted(r.network.key) && !yield(r.entry()) {
				return
			}
		}
	}
}

// Candidates yields the points of attachment that a station may move to from the given one: the same network elsewhere. The neighbours
// of the configuration come first, then those that stations went to, then the others of the network, from the next address on. There
// are none for a point of attachment that is not in the map, which must not change meanwhile.
func (m *Map) Candidates(from mih.LinkAddress) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		here := m.records[from]
		if here == nil {
			return
		}
		for r := range m.near(here) {
			if r != here && here.current.canRoamTo(r.current) && !yield(r.entry()) {
				return
			}
		}
	}
}

// near yields a point of attachment, its neighbours of any network, and the others of its network, each once.
func (m *Map) near(here *record) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		first := []*record{here}
		for _, addresses := range [...][]mih.LinkAddress{here.current.Neighbours, here.moves} {
			for _, address := range addresses {
				if r := m.records[address]; r != nil && !slices.Contains(first, r) {
					first = append(first, r)
				}
			}
		}
		for _, r := range first {
			if !yield(r) {
				return
			}
		}
		if here.current.NetworkID == "" {
			return // the points of attachment of unknown networks have nothing in common
		}
		for r := range m.sameNetwork(here) {
			if !slices.Contains(first, r) && !yield(r) {
				return
			}
		}
	}
}

// sameNetwork yields the points of attachment with the network identifier and link type of one, from the next address on.
func (m *Map) sameNetwork(here *record) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		next, _ := here.network.place(here.current.Address)
		members := here.network.members
		for i := range members {
			if !yield(members[(next+1+i)%len(members)]) {
				return
			}
		}
		key := here.network.key
		i, _ := m.network(networkKey{linkType: key.linkType, id: key.id})
		for ; i < len(m.networks) && m.networks[i].key.linkType == key.linkType && m.networks[i].key.id == key.id; i++ {
			if m.networks[i] == here.network {
				continue
			}
			for _, r := range m.networks[i].members {
				if !yield(r) {
					return
				}
			}
		}
	}
}
