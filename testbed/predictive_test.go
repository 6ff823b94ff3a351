package testbed

import (
	"context"
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
			d := upWith(t, Options{ID: "h" + mode[:1], Handover: x.HandoverMode()})
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
