package testbed

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The whole experiment with each trigger: every handover has a complete trace, every node keeps address and connection.
func TestHandoverExperiment(t *testing.T) {
	for _, trigger := range []string{TriggerHostapd, TriggerSyslog, TriggerRadius, TriggerMIH, TriggerND} {
		t.Run(trigger, func(t *testing.T) {
			t.Parallel()
			d := upWith(t, Options{ID: "x" + trigger[:1], Trigger: trigger})
			report, err := d.RunHandovers(context.Background(), HandoverExperiment{Count: 2, Rate: 200})
			if err != nil {
				t.Fatal(err)
			}
			if report.Result != "pass" {
				t.Errorf("result %s: %s", report.Result, strings.Join(report.Reasons, "; "))
			}
			if want := 2 * 2 * len(d.MobileNodes); len(report.Handovers) != want {
				t.Errorf("%d handovers, want %d", len(report.Handovers), want)
			}
			var table strings.Builder
			report.Print(&table)
			t.Log(table.String())
		})
	}
}

// The names are a contract: `make demo` promises them.
func TestReportHasThePromisedFields(t *testing.T) {
	phase := 1.5
	r := &Report{
		MobileNodes: []MobileNodeReport{{}},
		Handovers:   []HandoverReport{{L2AttachToPBU: &phase, PBUToPBA: &phase, PBAToRA: &phase, Total: &phase}},
	}
	r.summarise()
	r.judge()
	file := filepath.Join(t.TempDir(), "out", "demo.json")
	if err := r.Write(file); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(content, &decoded); err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(`kernel forwarding ipsec.kernel_plugin ipsec.mode ipsec.ike ipsec.esp_packets
		ipsec.mh_clear_packets ipsec.mih_clear_packets mobile_nodes.id mobile_nodes.address mobile_nodes.kept handovers.mobile_node handovers.from
		handovers.to handovers.trigger handovers.l2_attach_to_pbu_ms handovers.pbu_to_pba_ms handovers.pba_to_ra_ms
		handovers.total_ms handovers.lost handovers.gap_ms summary.total_ms.p50 summary.total_ms.p99 traffic.sent
		traffic.received traffic.lost result`) {
		var at any = decoded
		for _, key := range strings.Split(path, ".") {
			if list, ok := at.([]any); ok {
				at = list[0]
			}
			object, _ := at.(map[string]any)
			var found bool
			if at, found = object[key]; !found {
				t.Errorf("the report has no %s", path)
			}
		}
	}
}

func TestDisturbance(t *testing.T) {
	at := func(milliseconds int) time.Time { return time.UnixMilli(1_000_000 + int64(milliseconds)) }
	// one packet every 10 ms; those sent at 20 and 30 are lost, the move is at 15, the association at 28
	f := &Flow{seen: []bool{true, true, false, false, true, true}}
	for i := range f.seen {
		f.sentAt = append(f.sentAt, at(10*i))
		if f.seen[i] {
			f.arrived = append(f.arrived, arrival{at(10*i + 1), uint64(i)})
		}
	}
	for _, test := range []struct {
		name                   string
		moved, associated, end int
		want                   Disturbance
	}{
		{"a handover", 15, 28, 52, Disturbance{Lost: 2, Gap: 13 * time.Millisecond, Pause: 30 * time.Millisecond, Outage: 30 * time.Millisecond, Resumed: true}},
		{"traffic does not come back", 15, 28, 38, Disturbance{Lost: 2, Gap: 10 * time.Millisecond, Pause: 30 * time.Millisecond, Outage: 27 * time.Millisecond}},
		{"nothing happened", 42, 43, 52, Disturbance{Gap: 8 * time.Millisecond, Pause: 10 * time.Millisecond, Outage: 10 * time.Millisecond, Resumed: true}},
	} {
		if got := f.Disturbance(at(test.moved), at(test.associated), at(test.end)); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	values := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for p, want := range map[float64]float64{0.50: 5, 0.99: 10, 0.90: 9, 0.001: 1} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile %v is %v, want %v", p, got, want)
		}
	}
}
