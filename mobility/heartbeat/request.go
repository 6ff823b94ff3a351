package heartbeat

import (
	"time"

	"netlmm/mobility/mh"
)

// schedule puts the next request of p into its slot: the first after now.
func (m *Machine) schedule(now time.Time, p *peer) {
	if m.cfg.Passive {
		return
	}
	interval := m.cfg.HeartbeatInterval
	since := now.Sub(m.epoch.Add(p.phase))
	gone := since % interval
	if gone < 0 { // the clock was set back to before the first event
		gone += interval
	}
	m.timers.Set(&p.request, now.Add(interval-gone))
}

// slot counts what the last request brought and sends the next (RFC 5847 section 3.1).
func (m *Machine) slot(now time.Time, p *peer) {
	if p.refused {
		m.becomeMuted(p)
		return
	}
	m.schedule(now, p)
	if m.cfg.Sessions != nil && !m.cfg.Sessions(p.Address) { // RFC 5847 section 3: no request without a binding
		p.waiting, p.missing = false, 0
		return
	}
	if p.waiting {
		p.missing++
		if p.missing > m.cfg.MissingHeartbeatsAllowed && !p.failed {
			m.becomeFailed(p)
		}
	}
	p.sequence++
	p.waiting = true
	p.asked++
	m.send(p, mh.Heartbeat{Sequence: p.sequence})
}

// sendAnnouncement tells the peer of the restart that this run began with (RFC 5847 section 3.2). Once is enough: a peer that
// does not hear it learns of the restart from its next request.
func (m *Machine) sendAnnouncement(p *peer) {
	p.announced, p.told = true, true
	m.send(p, m.response(mh.HeartbeatResponse|mh.HeartbeatUnsolicited, p.sequence))
}

// answer sends the response to a request, if the peer does not ask too fast.
func (m *Machine) answer(now time.Time, p *peer, sequence uint32) {
	if !p.mayBeAnswered(now) {
		m.ignore(RequestsPaced, p.Address, nil)
		return
	}
	p.answered++
	m.send(p, m.response(mh.HeartbeatResponse, sequence))
}

// mayBeAnswered is a bucket of answerBurst answers that gains one each answerInterval.
func (p *peer) mayBeAnswered(now time.Time) bool {
	if now.Before(p.answeredAt) { // the clock was set back
		p.answeredAt = now
	}
	gained := int64(max(0, now.Sub(p.answeredAt)) / answerInterval)
	if p.answers < answerBurst && gained > 0 {
		p.answers = int(min(int64(p.answers)+gained, answerBurst))
		p.answeredAt = p.answeredAt.Add(time.Duration(gained) * answerInterval)
	}
	if p.answers == 0 {
		return false
	}
	if p.answers == answerBurst {
		p.answeredAt = now
	}
	p.answers--
	return true
}

func (m *Machine) response(flags mh.HeartbeatFlags, sequence uint32) mh.Heartbeat {
	h := mh.Heartbeat{Flags: flags, Sequence: sequence}
	h.Options.RestartCounter = m.cfg.RestartCounter
	h.Options.Present.Add(mh.OptionRestartCounter)
	return h
}

func (m *Machine) send(p *peer, h mh.Heartbeat) {
	payload, err := h.AppendTo(make([]byte, 0, 24))
	if err != nil { // cannot be: neither form is longer than a Mobility Header may be
		m.ignore(Malformed, p.Address, err)
		return
	}
	m.emit(SendMessage{Source: m.cfg.local(p.Address), Destination: p.Address, Payload: payload, Response: h.Flags&mh.HeartbeatResponse != 0})
}
