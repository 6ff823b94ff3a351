package load

import "netlmm/mobility/mh"

// generatorRestartCounter is the same in every run: no generator has bindings that it could have lost.
const generatorRestartCounter = 1

// heartbeat answers an anchor that asks whether a gateway is there (RFC 5847 section 3.1). What it says of restarts, of its own
// accord or in a response, is of no interest here.
func (g *generator) heartbeat(mag int, payload []byte) {
	var m mh.Heartbeat
	if err := m.Decode(payload); err != nil {
		g.violation(Malformed, "heartbeat: %v", err)
		return
	}
	g.tally.heartbeats++
	if m.Flags&mh.HeartbeatResponse != 0 {
		return
	}
	answer := mh.Heartbeat{Flags: mh.HeartbeatResponse, Sequence: m.Sequence}
	answer.Options.Present.Add(mh.OptionRestartCounter)
	answer.Options.RestartCounter = generatorRestartCounter
	o := &g.out[mag]
	if payload, err := answer.AppendTo(o.next()); err != nil {
		g.notSent(err)
	} else {
		o.add(g.cfg.MAGs[mag], g.cfg.LMA, payload)
	}
}
