package load

import (
	"cmp"
	"slices"
	"time"

	"netlmm/mobility/mh"
)

// restart is the anchor's heartbeat and what it does about its own restart (RFC 5847).
type restart struct {
	counter  uint32
	greeted  bool // the gateway was told the counter of this run
	done     bool
	at, last time.Time // of the restart, and of the last registration that it caused
	missing  int       // bindings not registered again yet
}

// heartbeat answers a request with the restart counter.
func (a *anchor) heartbeat(payload []byte) {
	var m mh.Heartbeat
	if err := m.Decode(payload); err != nil {
		a.violation(Malformed, "heartbeat: %v", err)
		return
	}
	switch {
	case m.Flags&mh.HeartbeatResponse == 0:
		a.report.Heartbeats++
		a.sendHeartbeat(mh.HeartbeatResponse, m.Sequence)
	case m.Flags&mh.HeartbeatUnsolicited == 0:
		a.violation(WrongHeartbeat, "a response to a request that was never sent, sequence number %d", m.Sequence)
	}
}

func (a *anchor) sendHeartbeat(flags mh.HeartbeatFlags, sequence uint32) {
	m := mh.Heartbeat{Flags: flags, Sequence: sequence}
	m.Options.Present.Add(mh.OptionRestartCounter)
	m.Options.RestartCounter = a.restart.counter
	a.send(m.AppendTo)
}

// send queues a message of the anchor's own.
func (a *anchor) send(encode func([]byte) ([]byte, error)) {
	payload, err := encode(a.out.next())
	if err != nil {
		a.report.SendErrors++
		a.report.example("message not encoded: %v", err)
		return
	}
	a.out.add(a.cfg.LMA, a.cfg.MAG, payload)
}

// tick does what the clock says. The gateway is told the counter of this run at the start, so that it can notice another.
func (a *anchor) tick(now time.Time) {
	if !a.restart.greeted && a.cfg.Compat == Strict {
		a.restart.greeted = true
		a.sendHeartbeat(mh.HeartbeatResponse|mh.HeartbeatUnsolicited, 0)
	}
	if after := a.cfg.RestartAfter; after > 0 && !a.restart.done && now.Sub(a.started) >= after {
		a.restartNow(now)
	}
	if after := a.cfg.RevokeAfter; after > 0 && !a.revocation.begun && now.Sub(a.started) >= after {
		a.revokeAll(now)
	}
	a.repeatRevocations(now)
	a.flush(now)
}

// restartNow loses every binding, as a restart would that could not keep them, and says so (section 3.2).
func (a *anchor) restartNow(now time.Time) {
	r := &a.restart
	r.done, r.at, r.counter = true, now, r.counter+1
	for _, s := range a.sessions {
		if s.registered {
			s.registered, s.lost = false, true
			r.missing++
		}
	}
	a.report.Restart = &RestartReport{Bindings: r.missing}
	a.sendHeartbeat(mh.HeartbeatResponse|mh.HeartbeatUnsolicited, 0)
}

// registeredAgain counts a binding that is back.
func (r *restart) registeredAgain(now time.Time) { r.missing, r.last = r.missing-1, now }

// How an indication is repeated: RFC 5846 section 11, with its defaults.
const (
	revocationTimeout = time.Second // InitMINDelayBRIs, doubling up to MAX_BRACK_TIMEOUT
	revocationRetries = 1           // BRIMaxRetriesNumber
)

// revocation is what was revoked and not acknowledged yet, by sequence number.
type revocation struct {
	begun   bool
	next    uint16
	pending map[uint16]*indication
}

type indication struct {
	session  *session
	sent     time.Time // first
	deadline time.Time
	attempts int
}

func newRevocation() revocation { return revocation{pending: map[uint16]*indication{}} }

// maximumRevocations is how many indications there are numbers for without taking one twice.
const maximumRevocations = 1 << 15

// revokeAll revokes every binding that stands, one by one (RFC 5846 section 9.1).
func (a *anchor) revokeAll(now time.Time) {
	a.revocation.begun = true
	a.report.Revocation = &RevocationReport{Statuses: map[string]uint64{}}
	for _, s := range a.sortedSessions() {
		if !s.registered || len(a.revocation.pending) == maximumRevocations {
			continue
		}
		a.revocation.next++
		i := &indication{session: s, sent: now}
		a.revocation.pending[a.revocation.next] = i
		a.report.Revocation.Indications++
		a.indicate(now, a.revocation.next, i)
	}
}

// sortedSessions gives runs an order that can be repeated.
func (a *anchor) sortedSessions() []*session {
	list := make([]*session, 0, len(a.sessions))
	for _, s := range a.sessions {
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y *session) int {
		return cmp.Or(cmp.Compare(x.id.Value, y.id.Value), cmp.Compare(x.linkLayerID, y.linkLayerID))
	})
	return list
}

func (a *anchor) indicate(now time.Time, sequence uint16, i *indication) {
	m := mh.BindingRevocationIndication{Trigger: mh.TriggerAdministrativeReason, Sequence: sequence, Flags: mh.RevocationProxy}
	m.Options.MobileNodeID, m.Options.HomeNetworkPrefixes = i.session.id, i.session.prefixes
	m.Options.Present.Add(mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix)
	a.send(m.AppendTo)
	i.deadline = now.Add(revocationTimeout << i.attempts)
	i.attempts++
}

// repeatRevocations sends again what was not acknowledged in time; the bindings are gone in the end either way.
func (a *anchor) repeatRevocations(now time.Time) {
	for sequence, i := range a.revocation.pending {
		switch {
		case now.Before(i.deadline):
		case i.attempts <= revocationRetries:
			a.report.Revocation.Repeated++
			a.indicate(now, sequence, i)
		default:
			a.report.Revocation.Unanswered++
			a.report.example("%v: revocation not acknowledged", i.session.id)
			a.endRevocation(sequence, i)
		}
	}
}

func (a *anchor) endRevocation(sequence uint16, i *indication) {
	delete(a.revocation.pending, sequence)
	i.session.registered, i.session.lost, i.session.revoked = false, false, true
}

// acknowledged takes a Binding Revocation Acknowledgement.
func (a *anchor) acknowledged(now time.Time, payload []byte) {
	var m mh.BindingRevocationAcknowledgement
	if t := mh.RevocationTypeOf(payload); t != mh.RevocationAcknowledgement {
		a.violation(UnexpectedType, "binding revocation of type %d", t)
		return
	}
	if err := m.Decode(payload); err != nil {
		a.violation(Malformed, "revocation acknowledgement: %v", err)
		return
	}
	i := a.revocation.pending[m.Sequence]
	if i == nil || m.Flags&mh.RevocationProxy == 0 {
		a.violation(WrongRevocation, "sequence number %d, flags %#x", m.Sequence, uint16(m.Flags))
		return
	}
	a.report.Revocation.Statuses[m.Status.String()]++
	a.report.Revocation.latency.Add(now.Sub(i.sent))
	a.endRevocation(m.Sequence, i)
}
