package heartbeat

import (
	"time"

	"netlmm/mobility/mh"
)

// received takes a message: from a configured peer to this end's address, under an association.
func (m *Machine) received(now time.Time, ev MessageReceived) {
	p := m.peers[ev.Source]
	switch {
	case p == nil:
		m.ignore(UnknownPeer, ev.Source, nil)
	case ev.Destination != m.cfg.local(ev.Source):
		m.ignore(NotOurAddress, ev.Source, nil)
	case !p.up:
		m.ignore(NoAssociation, ev.Source, nil)
	default:
		m.read(now, p, ev.Payload)
	}
}

func (m *Machine) read(now time.Time, p *peer, payload []byte) {
	header, err := mh.DecodeHeader(payload)
	if err != nil {
		m.ignore(Malformed, p.Address, err)
		return
	}
	switch header.Type {
	case mh.TypeHeartbeat:
		if err := m.message.Decode(payload); err != nil {
			m.ignore(Malformed, p.Address, err)
			return
		}
		m.heard(now, p)
	case mh.TypeBindingError:
		if err := m.failure.Decode(payload); err != nil {
			m.ignore(Malformed, p.Address, err)
			return
		}
		m.bindingError(p)
	default:
		m.ignore(UnexpectedMessageType, p.Address, nil)
	}
}

// heard sorts a heartbeat. U without R means nothing and is ignored as the reserved bits are.
func (m *Machine) heard(now time.Time, p *peer) {
	flags := m.message.Flags
	switch {
	case flags&mh.HeartbeatResponse == 0: // what asks is alive
		m.note(now, p)
		m.answer(now, p, m.message.Sequence)
	case flags&mh.HeartbeatUnsolicited != 0:
		m.note(now, p)
		m.unsolicited(now, p)
	case !p.waiting || m.message.Sequence != p.sequence:
		m.ignore(UnmatchedResponse, p.Address, nil)
	default:
		m.note(now, p)
		m.matched(now, p)
	}
}

func (m *Machine) note(now time.Time, p *peer) {
	p.lastHeard, p.spoke, p.told, p.refused = now, true, false, false
	m.becomeAlive(p)
}

// matched is the response to the last request. Its counter is of a time after that request, and any other than the known one
// tells of a restart (RFC 5847 section 3.2): also a lower one, of a peer that lost its own.
func (m *Machine) matched(now time.Time, p *peer) {
	p.waiting = false
	if !m.message.Options.Present.Has(mh.OptionRestartCounter) {
		return
	}
	counter := m.message.Options.RestartCounter
	switch {
	case !p.Known:
		m.learn(p, counter)
		m.emit(PeerSeen{p.Address, counter})
	case counter != p.RestartCounter:
		m.becomeRestarted(now, p, counter)
	}
}

// unsolicited is a response that nobody asked for (RFC 5847 section 3.2). Its sequence number says nothing, and so nothing
// but its counter tells a late one, or a copy, from a new one: a counter before the known one (they wrap around) is left to
// the next exchange. So is one that comes too soon after the last restart: what follows from a restart costs much.
func (m *Machine) unsolicited(now time.Time, p *peer) {
	if !m.message.Options.Present.Has(mh.OptionRestartCounter) {
		return
	}
	counter := m.message.Options.RestartCounter
	newer := !p.Known || int32(counter-p.RestartCounter) > 0
	switch {
	case newer && p.restarts > 0 && now.Sub(p.restartedAt) < restartInterval:
		m.ignore(RestartsPaced, p.Address, nil)
	case newer:
		m.becomeRestarted(now, p, counter)
	case counter != p.RestartCounter:
		m.ignore(FormerRestartCounter, p.Address, nil)
	}
}

// becomeRestarted: a response that is still under way is of the peer's life before, and matches no more.
func (m *Machine) becomeRestarted(now time.Time, p *peer, counter uint32) {
	p.waiting = false
	p.restarts++
	p.restartedAt = now
	m.learn(p, counter)
	m.emit(PeerRestarted{p.Address, counter})
}

func (m *Machine) learn(p *peer, counter uint32) { p.RestartCounter, p.Known = counter, true }

// bindingError is an answer to a heartbeat if its status says that the type is not known, and one is unanswered. A peer that
// has spoken knows heartbeats; a Binding Error of such a one is believed only if the request stays unanswered, for it may be
// about another message.
func (m *Machine) bindingError(p *peer) {
	unanswered := p.waiting || p.told
	switch {
	case m.failure.Status != mh.UnknownMHType || !unanswered || p.mute():
		m.ignore(UnrelatedBindingError, p.Address, nil)
	case p.spoke:
		p.refused = true
	default:
		m.becomeMuted(p)
	}
}
