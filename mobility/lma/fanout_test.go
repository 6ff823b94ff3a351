package lma

import (
	"testing"

	"netlmm/mobility/mh"
)

// refusedGlobally is an anchor whose one MAG was told to release all of that many mobile nodes, and wants to be told of each.
func refusedGlobally(t *testing.T, nodes int) (*population, []Action) {
	p := populate(t, nodes, 0)
	told := indicationsIn(t, p.lma.Handle(p.now, Revoke{ProxyCareOfAddress: magAddress(1)}))
	if len(told) != 1 || told[0].Flags&mh.RevocationGlobal == 0 {
		t.Fatalf("told %+v, want one global indication", told)
	}
	ack := mh.BindingRevocationAcknowledgement{Status: mh.RevocationGlobalNotAuthorized, Sequence: told[0].Sequence, Flags: mh.RevocationProxy}
	payload, err := ack.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, p.lma.Handle(p.now, MessageReceived{Source: magAddress(1), Destination: lmaAddress, Payload: payload})
}

func indicationsIn(t *testing.T, actions []Action) (all []mh.BindingRevocationIndication) {
	t.Helper()
	for _, a := range actions {
		if sent, ok := a.(SendMessage); ok && sent.Type == mh.TypeBindingRevocation {
			var m mh.BindingRevocationIndication
			if err := m.Decode(sent.Payload); err != nil {
				t.Fatal(err)
			}
			all = append(all, m)
		}
	}
	return all
}

// expireNext goes to the next deadline.
func (p *population) expireNext() []Action {
	at, ok := p.lma.NextDeadline()
	if !ok {
		p.tb.Fatal("nothing is due any more")
	}
	p.now = at
	return p.lma.Expire(at)
}

// A MAG that takes no global revocation is told of each mobile node, in bursts, and of none that attached there anew meanwhile.
func TestAFanOutIsPaced(t *testing.T) {
	const nodes = 10*burstSize + 3
	p, actions := refusedGlobally(t, nodes)
	if n := p.lma.Counters().Revocations; n != nodes {
		t.Errorf("%d revocations are under way, want %d", n, nodes)
	}
	told := map[string]int{}
	note := func(actions []Action) {
		t.Helper()
		all := indicationsIn(t, actions)
		if len(all) > burstSize {
			t.Fatalf("%d indications at once", len(all))
		}
		for _, m := range all {
			told[m.Options.MobileNodeID.Value]++
		}
	}
	note(actions)
	if len(told) != burstSize {
		t.Fatalf("%d were told of at once", len(told))
	}
	again := 0
	for ; told[p.ids[again].Value] > 0; again++ {
	}
	p.register(again, 1)
	for len(p.lma.fanOut.queue) > 0 {
		note(p.expireNext())
	}
	for i, id := range p.ids {
		if want := map[bool]int{true: 0, false: 1}[i == again]; told[id.Value] != want {
			t.Errorf("the MAG was told %d times of %s, want %d", told[id.Value], id, want)
		}
	}
	for p.lma.Counters().Revocations > 0 {
		p.expireNext()
	}
	if n := p.lma.Len(); n != 1 {
		t.Errorf("%d bindings stand, want the one that is new", n)
	}
}

// There are 65,536 sequence numbers. What finds none free waits for one, and its bindings stay for as long.
func TestAFanOutWaitsForSequenceNumbers(t *testing.T) {
	const nodes = burstSize + 1
	p, actions := refusedGlobally(t, nodes)
	told := len(indicationsIn(t, actions))
	for n := range 1 << 16 {
		if p.lma.revocations[uint16(n)] == nil {
			p.lma.revocations[uint16(n)] = &revocation{}
		}
	}
	waiting := p.lma.fanOut.queue[0].sessions[0]
	p.lma.timers.set(waiting, p.lma.nowAt) // as after a long wait
	told += len(indicationsIn(t, p.expireNext()))
	told += len(indicationsIn(t, p.expireNext()))
	if told != burstSize || waiting.state != deregistered {
		t.Errorf("%d indications without a number for the last one, whose binding is %v", told, waiting.state)
	}
	for n, v := range p.lma.revocations {
		if v.payload == nil {
			delete(p.lma.revocations, n)
		}
	}
	if told += len(indicationsIn(t, p.expireNext())); told != nodes {
		t.Errorf("%d were told of, want all %d", told, nodes)
	}
}
