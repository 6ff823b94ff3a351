package handover

import (
	"slices"
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// speaker is an MIH Function that takes Net_HO commands: a mobile node, or one at an access point.
type speaker struct {
	deaf   bool
	answer func(wire.Body) wire.Body
	asked  []Ask
}

const (
	mobileNode  = "mn1@example.net"
	accessPoint = "ap"
)

// speaking is a campus of four networks where these speak 802.21.
func speaking(t *testing.T, speakers map[mih.MIHFID]*speaker) *campus {
	c := attached(t, 4, func(cfg *Config) {
		cfg.Speaks = func(id mih.MIHFID) bool { return speakers[id] != nil }
		cfg.Weights.Preferred = 50
	})
	c.speakers = speakers
	return c
}

func agrees(body wire.Body) wire.Body {
	switch body.(type) {
	case wire.NetHOCandidateQueryRequest:
		return wire.NetHOCandidateQueryResponse{}
	case wire.NetHOCommitRequest:
		return wire.NetHOCommitResponse{}
	}
	return nil
}

func prefers(points ...mih.LinkAddress) func(wire.Body) wire.Body {
	return func(body wire.Body) wire.Body {
		if _, ok := body.(wire.NetHOCandidateQueryRequest); !ok {
			return agrees(body)
		}
		answer := wire.NetHOCandidateQueryResponse{}
		for _, p := range points {
			answer.Preferred = append(answer.Preferred, mih.QueriedResources{Candidates: mih.LinkPointsOfAttachment{Link: station, PointsOfAttachment: []mih.LinkAddress{p}}})
		}
		return answer
	}
}

// TestAMobileNodeIsConsulted: what it prefers counts, and it is told where to go. Whatever it does instead costs a counter and a moment.
func TestAMobileNodeIsConsulted(t *testing.T) {
	declined := mih.HandoverDeclined
	for name, m := range map[string]struct {
		mobile   speaker
		first    []string // before anything times out
		then     []string // after the node's time
		prepared []string
	}{
		"prefers": {speaker{answer: prefers(poa(3), poa(2))}, []string{"handover_begun", "mobile_node_consulted", "prepare n3"}, nil,
			[]string{"handover_prepared", "station_asked_to_move"}},
		"prefers what is not offered": {speaker{answer: prefers(poa(9))}, []string{"handover_begun", "mobile_node_named_no_candidate", "prepare n1"}, nil,
			[]string{"handover_prepared", "station_asked_to_move"}},
		"declines": {speaker{answer: func(wire.Body) wire.Body { return wire.NetHOCandidateQueryResponse{Handover: &declined} }},
			[]string{"handover_begun", "mobile_node_declined", "prepare n1"}, nil, []string{"handover_prepared"}},
		"refuses": {speaker{answer: func(b wire.Body) wire.Body {
			if _, ok := b.(wire.NetHOCommitRequest); ok {
				return wire.NetHOCommitResponse{Status: mih.StatusRejected}
			}
			return wire.NetHOCandidateQueryResponse{Status: mih.StatusRejected}
		}}, []string{"handover_begun", "mobile_node_refused", "prepare n1"}, nil,
			[]string{"handover_prepared", "net_handover_commit_refused", "steer to n1 within 100ms"}},
		"answers something else": {speaker{answer: func(wire.Body) wire.Body { return wire.LinkActionsResponse{} }},
			[]string{"handover_begun", "mobile_node_refused", "prepare n1"}, nil,
			[]string{"handover_prepared", "net_handover_commit_refused", "steer to n1 within 100ms"}},
		"gets nothing through": {speaker{answer: func(wire.Body) wire.Body { return nil }},
			[]string{"handover_begun", "mobile_node_did_not_answer", "prepare n1"}, nil,
			[]string{"handover_prepared", "net_handover_commit_without_an_answer", "steer to n1 within 100ms"}},
		"is deaf": {speaker{deaf: true, answer: agrees}, []string{"handover_begun"}, []string{"mobile_node_did_not_answer", "prepare n1"}, []string{"handover_prepared"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := speaking(t, map[mih.MIHFID]*speaker{mobileNode: &m.mobile})
			n := c.order[0]
			c.goingDown()
			c.want(0, m.first...)
			if m.then != nil {
				c.pass(51 * time.Millisecond) // half of what its link lasts
				c.want(0, m.then...)
			}
			c.event(n, c.order[0].ready(true))
			c.want(0, m.prepared...)
			query, ok := m.mobile.asked[0].Body.(wire.NetHOCandidateQueryRequest)
			if !ok || len(query.Suggested) != 1 || query.Suggested[0].Link != station || !slices.Equal(query.Suggested[0].PointsOfAttachment, []mih.LinkAddress{poa(1), poa(2), poa(3)}) {
				t.Errorf("asked %+v", m.mobile.asked[0])
			}
			c.pass(time.Minute)
			c.empty()
		})
	}
}

// TestAMobileNodeThatIsGoneIsNotWaitedFor.
func TestAMobileNodeThatIsGoneIsNotWaitedFor(t *testing.T) {
	c := speaking(t, map[mih.MIHFID]*speaker{mobileNode: {deaf: true, answer: agrees}})
	n := c.order[0]
	c.goingDown()
	c.event(n, n.ind(mih.LinkDown{Link: n.tuple()}))
	c.want(0, "handover_begun", "prepare n1")
	c.event(n, c.order[0].ready(true))
	c.want(0, "handover_prepared")
	c.pass(time.Minute)
	c.empty()
}

// TestANodeThatDecidesIsNotConsulted, nor told where to go.
func TestANodeThatDecidesIsNotConsulted(t *testing.T) {
	mobile := &speaker{answer: agrees}
	c := speaking(t, map[mih.MIHFID]*speaker{mobileNode: mobile})
	n := c.order[0]
	c.event(n, n.ind(mih.LinkHandoverImminent{Link: n.tuple(), NewLink: mih.LinkTupleID{Link: station, PointOfAttachment: poa(2)}}))
	c.event(n, c.order[0].ready(true))
	c.want(0, "handover_begun", "prepare n2", "handover_prepared")
	if len(mobile.asked) > 0 {
		t.Errorf("asked %+v", mobile.asked)
	}
}

// TestAStationBehindAnotherMIHFunction is steered by the access point that it is at.
func TestAStationBehindAnotherMIHFunction(t *testing.T) {
	incapable := func(wire.Body) wire.Body {
		return wire.NetHOCommitResponse{Results: []mih.LinkActionResult{{Link: station, Outcome: mih.ActionIncapable}}}
	}
	for name, a := range map[string]struct {
		access *speaker
		want   []string
		later  []string
	}{
		"steers":        {&speaker{answer: agrees}, []string{"handover_prepared", "station_asked_to_move"}, nil},
		"cannot":        {&speaker{answer: incapable}, []string{"handover_prepared", "net_handover_commit_refused", "station_moves_by_itself"}, nil},
		"is deaf":       {&speaker{deaf: true, answer: agrees}, []string{"handover_prepared"}, []string{"net_handover_commit_without_an_answer", "station_moves_by_itself"}},
		"does not know": {nil, []string{"handover_prepared", "station_moves_by_itself"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			speakers := map[mih.MIHFID]*speaker{}
			if a.access != nil {
				speakers[accessPoint] = a.access
			}
			c := speaking(t, speakers)
			n := c.order[0]
			up := n.ind(mih.LinkUp{Link: n.tuple()})
			up.Indication.Source = accessPoint
			c.event(n, up)
			down := n.ind(mih.LinkGoingDown{Link: n.tuple(), TimeInterval: time.Second})
			down.Indication.Source = "oracle" // which has no links
			c.event(n, down)
			c.pass(900 * time.Millisecond)
			c.event(n, c.order[0].ready(true))
			c.want(0, append([]string{"handover_begun", "prepare n1"}, a.want...)...)
			if a.later != nil {
				c.pass(390 * time.Millisecond)
				c.event(n, n.ind(mih.LinkGoingDown{Link: n.tuple(), TimeInterval: time.Second})) // it stays a while longer
				c.pass(390 * time.Millisecond)
				c.want(0, a.later...)
			}
			if a.access != nil {
				commit, ok := a.access.asked[0].Body.(wire.NetHOCommitRequest)
				if !ok || len(commit.Targets) != 1 || commit.Targets[0].PointOfAttachment != poa(1) || len(commit.Actions) != 1 || commit.Within != 100*time.Millisecond ||
					commit.Actions[0] != (mih.LinkActionRequest{Link: station, PointOfAttachment: n.poa, Action: mih.LinkAction{Type: mih.ActionDisconnect}, After: 100 * time.Millisecond}) {
					t.Errorf("asked %+v", a.access.asked[0])
				}
			}
			c.pass(time.Minute)
			c.empty()
		})
	}
}

// TestAPredictionOfElsewhere: the access point that has the station's link steers it, whoever said that the link is going down.
func TestAPredictionOfElsewhere(t *testing.T) {
	c := attached(t, 2, nil)
	n := c.order[0]
	down := n.ind(mih.LinkGoingDown{Link: n.tuple(), TimeInterval: 100 * time.Millisecond})
	down.Indication.Source = "oracle"
	c.event(n, down)
	c.event(n, c.order[0].ready(true))
	c.want(0, "handover_begun", "prepare n1", "handover_prepared", "steer to n1 within 100ms")
}
