package testbed

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestHandoversBetweenGateways: one that is foretold loses no packet and repeats none although the station is without radio for a while;
// one that is asked for afterwards, and a prediction that was wrong, cost what they cost, and leave nothing behind.
func TestHandoversBetweenGateways(t *testing.T) {
	for _, mode := range []string{ModePredictive, ModeReactive, ModeMispredict} {
		t.Run(mode, func(t *testing.T) {
			x := PredictiveExperiment{Count: 4, Rate: 500, Mode: mode, Warning: 400 * time.Millisecond} // a busy machine takes its time
			options := Options{ID: "h" + mode[:1], Handover: x.HandoverMode()}
			switch mode {
			case ModePredictive:
				options.Grace = 3 * time.Second // and so do associations
			case ModeReactive:
				x.Count = 12 // mostly the anchor is faster than the other gateway
			}
			d := upWith(t, options)
			report, err := d.RunPredictive(context.Background(), x)
			if err != nil {
				t.Fatal(err)
			}
			var table strings.Builder
			report.Print(&table)
			t.Log(table.String())
			if report.Result != "pass" || len(report.Handovers) != x.Count {
				t.Errorf("result %s of %d handovers: %s", report.Result, len(report.Handovers), strings.Join(report.Reasons, "; "))
			}
			for _, h := range report.Handovers {
				if mode == ModePredictive && h.Prepared == nil || mode == ModeMispredict && h.Prepared == nil {
					t.Errorf("%s to %s was not prepared", h.From, h.To)
				}
			}
		})
	}
}

// TestWhatAModeIsToShowMustHaveHappened: an experiment in which nothing was wrong because nothing was done fails.
func TestWhatAModeIsToShowMustHaveHappened(t *testing.T) {
	took := 3.0
	for _, c := range []struct {
		mode string
		h    PredictedHandover
		want int
	}{
		{ModePredictive, PredictedHandover{Mode: ModePredictive}, 0},
		{ModePredictive, PredictedHandover{Mode: "none"}, 1},
		{ModeReactive, PredictedHandover{Mode: ModeReactive, Lost: 3}, 0},
		{ModeReactive, PredictedHandover{Mode: "none"}, 1},
		{ModeMispredict, PredictedHandover{Mode: ModeMispredict, Prepared: &took}, 0},
		{ModeMispredict, PredictedHandover{Mode: ModeMispredict}, 1},
	} {
		r := &PredictiveReport{Handovers: []PredictedHandover{c.h}, IPsec: IPsecReport{Counts: Counts{ESP: 1}}}
		r.judge(PredictiveExperiment{Mode: c.mode})
		if len(r.Reasons) != c.want || (r.Result == "pass") != (c.want == 0) {
			t.Errorf("%s of %+v: %s, %q", c.mode, c.h, r.Result, r.Reasons)
		}
	}
}

func TestWhatIsLeftBetweenGateways(t *testing.T) {
	for text, want := range map[string]string{
		`{"forwarding":{"backend":"seg6"}}`: "",
		`{"forwarding":{"held":{"prefixes":0},"tunnels":[{"peer":"2001:db8::1","entries":3},{"peer":"2001:db8::2","entries":0}]}}`: "",
		`{"forwarding":{"held":{"prefixes":2}}}`:                          "keeps packets to 2 prefixes",
		`{"forwarding":{"tunnels":[{"peer":"2001:db8::2","entries":1}]}}`: "sends packets to 1 prefixes to the other gateway",
	} {
		var s DaemonStatus
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		if got := s.betweenGateways(netip.MustParseAddr("2001:db8::2")); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
