package miis

import (
	"netlmm/mih"
	"netlmm/mih/wire"
)

// report gathers an answer, part by part, and knows how many octets it would take. A part is what there is to say of a point of
// attachment, or of a network where the template has nothing of those.
type report struct {
	template template
	room     int // octets that the answer may take
	groups   []*group
	index    map[groupKey]*group // nil: one that is passed over
	octets   int                 // of the groups
	count    int                 // elements outside containers
}

// group is what the answer has of one network.
type group struct {
	network []mih.Element
	points  []mih.Element
	octets  int // of both
}

// groupKey tells networks apart by all that the elements of a network say.
type groupKey struct {
	networkKey
	capabilities mih.NetworkCapabilities
}

// outcome of adding a part.
type outcome uint8

const (
	added   outcome = iota
	nothing         // to say
	full            // there is no room for it
)

// octetsOf is how many octets elements take one after the other, with what is in them as raw octets.
func octetsOf(elements []mih.Element) int {
	n := 0
	for _, e := range elements {
		n += elementOctets(len(e.Value.(mih.RawElement)))
	}
	return n
}

// elementOctets is how many octets an element takes that has so many in it.
func elementOctets(n int) int { return 4 + wire.LengthOctets(n) + n }

// raw writes elements. One that cannot be written is left out; a map has none such.
func raw(elements []mih.Element) []mih.Element {
	written := elements[:0]
	for _, e := range elements {
		if octets, err := wire.EncodeElement(e); err == nil {
			written = append(written, mih.Element{Type: e.Type, Value: mih.RawElement(octets.Value)})
		}
	}
	return written
}

// container puts raw elements into a container, raw again.
func container(t mih.ElementType, elements []mih.Element) mih.Element {
	return raw([]mih.Element{{Type: t, Value: elements}})[0]
}

// pass passes over what there is to say of a point of attachment; false: that is no part of the answer.
func (r *report) pass(p *PointOfAttachment) bool {
	if len(r.template.points) > 0 {
		return p.says(r.template.points)
	}
	key := groupKey{keyOf(*p), p.Capabilities}
	if _, known := r.index[key]; known {
		return false
	}
	r.index[key] = nil
	return p.says(r.template.networks)
}

// add adds what there is to say of a point of attachment.
func (r *report) add(p *PointOfAttachment) outcome {
	key := groupKey{keyOf(*p), p.Capabilities}
	g, known := r.index[key]
	var part []mih.Element
	switch {
	case len(r.template.points) > 0:
		if part = p.elements(r.template.points); len(part) == 0 {
			return nothing
		}
		if r.template.inPoint {
			part = []mih.Element{{Type: mih.ElementPointOfAttachment, Value: part}}
		}
		part = raw(part)
	case known:
		return nothing
	}
	next := report{template: r.template, octets: r.octets, count: r.count}
	if g == nil {
		g = &group{network: raw(p.elements(r.template.networks))}
		if g.octets = octetsOf(g.network); g.octets == 0 && len(part) == 0 {
			return nothing
		}
		next.open(g)
	}
	grown := g.octets + octetsOf(part)
	if next.grow(g.octets, grown, len(part)); next.size() > r.room {
		return full
	}
	if !known {
		r.groups, r.index[key] = append(r.groups, g), g
	}
	g.points, g.octets = append(g.points, part...), grown
	r.octets, r.count = next.octets, next.count
	return added
}

// open accounts for a new group.
func (r *report) open(g *group) {
	if r.template.inNetwork {
		r.octets += elementOctets(g.octets)
		r.count++
		return
	}
	r.octets += g.octets
	r.count += len(g.network)
}

// grow accounts for a group that takes so many octets instead of so many, having so many elements more.
func (r *report) grow(from, to, elements int) {
	if r.template.inNetwork {
		r.octets += elementOctets(to) - elementOctets(from)
		return
	}
	r.octets += to - from
	r.count += elements
}

// size is how many octets the answer takes, its count among them.
func (r *report) size() int {
	if r.template.inList {
		return wire.LengthOctets(1) + elementOctets(r.octets)
	}
	return wire.LengthOctets(r.count) + r.octets
}

// answer is the report whole.
func (r *report) answer() mih.BinaryAnswer {
	var elements []mih.Element
	for _, g := range r.groups {
		inside := append(g.network, g.points...)
		if r.template.inNetwork {
			inside = []mih.Element{container(mih.ElementNetwork, inside)}
		}
		elements = append(elements, inside...)
	}
	if r.template.inList && len(elements) > 0 {
		elements = []mih.Element{container(mih.ElementNetworkList, elements)}
	}
	answer := mih.BinaryAnswer{}
	for _, e := range elements {
		answer = append(answer, mih.InformationElement{Type: e.Type, Value: string(e.Value.(mih.RawElement))})
	}
	return answer
}
