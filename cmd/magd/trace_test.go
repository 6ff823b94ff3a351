package main

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netlmm/cmd/internal/api"
	"netlmm/mobility"
	"netlmm/mobility/forwarding/hold"
)

func TestATraceNamesItsPhases(t *testing.T) {
	traces := newTraces(prometheus.NewRegistry())
	up := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	after := func(ms int) time.Time { return up.Add(time.Duration(ms) * time.Millisecond) }
	id := traces.begin(api.Handover{MobileNodeID: mobility.NAI("mn1@example.net"), LinkUp: up})
	traces.sent(id, after(1))
	traces.sent(id, after(1001)) // a retransmission counts from the first
	traces.accepted(id, after(1003), nil)
	traces.applied(id, after(1004))
	h, first := traces.advertised(id, after(1006))
	if !first || h.L2AttachToPBU != 1 || h.PBUToPBA != 1002 || h.PBAToRA != 3 || h.ForwardingApplied != 1 || h.Total != 1006 || h.Attempts != 2 || h.Outcome != "complete" {
		t.Errorf("first %v: %+v", first, h)
	}
	if _, first := traces.advertised(id, after(9000)); first {
		t.Error("a periodic advertisement completed the trace again")
	}
	refused := traces.begin(api.Handover{LinkUp: up})
	traces.ended(refused, "refused")
	if list := traces.newest(1); len(list) != 1 || list[0].Outcome != "refused" || list[0].CorrelationID != refused {
		t.Errorf("newest: %+v", list)
	}
}

func TestTracesAreBounded(t *testing.T) {
	traces := newTraces(prometheus.NewRegistry())
	for range remembered + 10 {
		traces.begin(api.Handover{})
	}
	if n := len(traces.newest(0)); n != remembered || len(traces.byID) != remembered {
		t.Errorf("%d traces, %d by id; want %d", n, len(traces.byID), remembered)
	}
}

// An attachment that is overtaken by the next one of its station does not wait for ever.
func TestTracesOfAStationSupersedeEachOther(t *testing.T) {
	traces := newTraces(prometheus.NewRegistry())
	h := api.Handover{Interface: "acc0", MobileNodeLinkLayerID: "\x02\x00\x00\x00\x00\x01"}
	first := traces.begin(h)
	second := traces.begin(h)
	traces.begin(api.Handover{Interface: "acc1", MobileNodeLinkLayerID: h.MobileNodeLinkLayerID})
	traces.accepted(second, time.Now(), nil)
	traces.advertised(second, time.Now())
	traces.begin(h)
	var got []string
	for _, tr := range traces.newest(0) {
		got = append(got, tr.Outcome)
	}
	if !slices.Equal(got, []string{superseded, "forwarding pending", waiting, waiting}) {
		t.Errorf("outcomes %q", got)
	}
	traces.ended(first, "too late")
	for range remembered {
		traces.begin(api.Handover{})
	}
	if len(traces.of) != 1 {
		t.Errorf("%d stations are remembered", len(traces.of))
	}
}

// What was kept for a mobile node is told with its attachment, for all of its prefixes; what was dropped is not.
func TestTraceOfWhatWasKept(t *testing.T) {
	traces := newTraces(prometheus.NewRegistry())
	traces.begin(api.Handover{Interface: "acc0", MobileNodeLinkLayerID: "a"})
	traces.begin(api.Handover{Interface: "acc1", MobileNodeLinkLayerID: "a"})
	for _, r := range []hold.Report{
		{Interface: "acc0", MobileNodeLinkLayerID: "a", Released: true, Most: 3, Out: 5}, {Interface: "acc0", MobileNodeLinkLayerID: "a", Released: true, Most: 2, Out: 2},
		{Interface: "acc1", MobileNodeLinkLayerID: "a", Most: 7}, {Interface: "acc2", MobileNodeLinkLayerID: "a", Released: true, Most: 9, Out: 9},
	} {
		traces.released(r)
	}
	if list := traces.newest(0); list[0].BufferedMost != 5 || list[0].Buffered != 7 || list[1].BufferedMost != 0 {
		t.Errorf("%+v", list)
	}
}
