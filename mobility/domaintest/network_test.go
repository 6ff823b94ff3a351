package domaintest

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/heartbeat"
	"netlmm/mobility/lma"
	"netlmm/mobility/mag"
	"netlmm/mobility/mh"
)

// packet is a Mobility Header on its way.
type packet struct {
	number   int
	from, to netip.Addr
	payload  []byte
	run      uint32        // of the MAG, when it was sent, or what it answers
	off      time.Duration // and how wrong its clock was
	late     bool          // it had waited, and its host had gone on a moment ago
}

func (d *domain) send(from, to netip.Addr, payload []byte) {
	d.sent++
	p := packet{number: d.sent, from: from, to: to, payload: payload}
	g := d.gatewayOf(p)
	p.run, p.off = g.counter, g.off
	if run, known := d.runs[exchangeOf(g, payload)]; known && from == lmaAddress { // the anchor may have kept a PBU waiting
		p.run = run
	}
	d.network = append(d.network, p)
	d.note("#%d %s", p.number, d.describe(p))
}

// exchange is what a PBU and its answer have in common.
type exchange struct {
	mag      netip.Addr
	id       mobility.MobileNodeID
	sequence uint16
}

// exchangeOf is that of a PBU or a PBA; the zero one: it is neither.
func exchangeOf(g *gateway, payload []byte) exchange {
	var pbu mh.BindingUpdate
	var pba mh.BindingAcknowledgement
	switch {
	case pbu.Decode(payload) == nil:
		return exchange{g.address, pbu.Options.MobileNodeID, pbu.Sequence}
	case pba.Decode(payload) == nil:
		return exchange{g.address, pba.Options.MobileNodeID, pba.Sequence}
	}
	return exchange{}
}

// deliver hands the packet at index i of the network to its receiver; it stays in flight when keep is set.
func (d *domain) deliver(i int, keep bool) {
	p := d.network[i]
	d.note("#%d arrives", p.number)
	if !keep {
		d.drop(i)
	}
	if !d.protected(p) {
		return // no SA, no packet
	}
	header, _ := mh.DecodeHeader(p.payload)
	beat := header.Type == mh.TypeHeartbeat
	for _, g := range d.gateways {
		switch {
		case g.address != p.to:
		case beat:
			d.beat(g, heartbeat.MessageReceived{Source: p.from, Destination: p.to, Payload: slices.Clone(p.payload)})
		default:
			d.deliverTo(g, p)
		}
	}
	switch {
	case p.to != lmaAddress:
	case beat:
		d.beatAnchor(heartbeat.MessageReceived{Source: p.from, Destination: p.to, Payload: slices.Clone(p.payload)})
	default:
		d.arriving = &p
		if of := exchangeOf(d.gatewayOf(p), p.payload); !of.id.IsZero() {
			d.runs[of] = p.run
		}
		d.performAnchor(d.anchor.Handle(d.clock(d.off), lma.MessageReceived{Source: p.from, Destination: p.to, Payload: slices.Clone(p.payload)}))
		d.arriving = nil
	}
	d.excuseOutlived(p)
}

// deliverTo: a copy of a revocation that was carried out ends nothing again, whoever attached since.
func (d *domain) deliverTo(g *gateway, p packet) {
	actions := g.mag.Handle(d.clock(g.off), mag.MessageReceived{Source: p.from, Destination: p.to, PeerIdentity: d.nameOf(p.from), Payload: slices.Clone(p.payload)})
	ended := slices.ContainsFunc(actions, func(a mag.Action) bool {
		e, ok := a.(mag.BindingEnded)
		return ok && e.Reason == mag.EndRevoked
	})
	if ended && isRevocation(p.payload) {
		if at, again := g.obeyed[string(p.payload)]; again && d.now.Sub(at) < 30*time.Second {
			d.wrong = fmt.Errorf("%s obeyed revocation #%d twice", g.name, p.number)
		}
		g.obeyed[string(p.payload)] = d.now
	}
	for _, e := range accepted(actions) {
		d.noteAnswer(g, p, e)
	}
	d.perform(g, actions)
}

// gatewayOf is the MAG at the one end of a packet.
func (d *domain) gatewayOf(p packet) *gateway {
	return d.gateways[slices.IndexFunc(d.gateways, func(g *gateway) bool { return g.address == p.from || g.address == p.to })]
}

func (d *domain) drop(i int) { d.network = slices.Delete(d.network, i, i+1) }

// deliverAll empties the network, answers included.
func (d *domain) deliverAll() {
	for len(d.network) > 0 {
		d.deliver(0, false)
	}
}

// pass lets time go by, from deadline to deadline.
func (d *domain) pass(duration time.Duration, check func()) {
	end := d.now.Add(duration)
	for {
		next := d.nextBeat(end)
		if at, ok := d.anchor.NextDeadline(); ok && d.until(at).Before(next) {
			next = d.until(at)
		}
		for _, g := range d.gateways {
			if at, ok := g.mag.NextDeadline(); ok && d.until(at).Before(next) {
				next = d.until(at)
			}
		}
		d.now = next
		d.performAnchor(d.anchor.Expire(d.clock(d.off)))
		for _, g := range d.gateways {
			d.perform(g, g.mag.Expire(d.clock(g.off)))
		}
		d.expireBeats()
		if d.instant {
			d.deliverAll()
		}
		check()
		if next.Equal(end) {
			return
		}
	}
}

func (d *domain) describe(p packet) string {
	var pbu mh.BindingUpdate
	header, _ := mh.DecodeHeader(p.payload)
	switch {
	case header.Type == mh.TypeHeartbeat:
		return fmt.Sprintf("%s>%s heartbeat", d.nameOf(p.from), d.nameOf(p.to))
	case isRevocation(p.payload):
		return fmt.Sprintf("%s>%s BRI", d.nameOf(p.from), d.nameOf(p.to))
	case header.Type == mh.TypeBindingRevocation:
		return fmt.Sprintf("%s>%s BRA", d.nameOf(p.from), d.nameOf(p.to))
	}
	if header.Type == mh.TypeHandoverInitiate || header.Type == mh.TypeHandoverAcknowledge {
		return d.describeHandover(p)
	}
	var pba mh.BindingAcknowledgement
	if p.to == lmaAddress && pbu.Decode(p.payload) == nil {
		return fmt.Sprintf("%s>lma PBU %v seq=%d life=%d hi=%d hnp=%v", d.nameOf(p.from), pbu.Options.MobileNodeID, pbu.Sequence,
			int(pbu.Lifetime)*4, pbu.Options.HandoffIndicator, shown(pbu.Options.HomeNetworkPrefixes, pbu.Options.IPv4HomeAddressRequest)) + asked(&pbu.Options)
	}
	if pba.Decode(p.payload) == nil {
		return fmt.Sprintf("lma>%s PBA %v seq=%d life=%d %v", d.nameOf(p.to), pba.Options.MobileNodeID, pba.Sequence,
			int(pba.Lifetime)*4, pba.Status) + asked(&pba.Options)
	}
	return "?"
}
