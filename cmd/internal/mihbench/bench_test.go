package mihbench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
)

// processVariable makes this test program one of the benchmark's processes.
const processVariable = "NETLMM_TEST_MIHBENCH_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(processVariable) == "" {
		os.Exit(m.Run())
	}
	if err := Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestTwoProcesses: every event that the link SAP of the one emits comes to the user of the other, once.
func TestTwoProcesses(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(processVariable, "yes")
	var report *Report
	for range 3 { // a machine that stands still for as long as a peer is waited for may lose some
		report, err = Bench{
			Command: []string{self}, Rates: []int{2000, 4000}, Duration: 600 * time.Millisecond, WarmUp: 100 * time.Millisecond, Stderr: os.Stderr,
		}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if report.Steps[0].Delivered == report.Steps[0].Offered && report.Steps[1].Delivered == report.Steps[1].Offered {
			break
		}
	}
	for i, want := range []uint64{1200, 2400} {
		s := report.Steps[i]
		if s.Offered != want || s.Delivered != want || s.Duplicates+s.Reordered+s.Resynced+s.Foreign != 0 || s.SourceRSS == 0 || s.SinkCPU == 0 {
			t.Errorf("%+v", s)
		}
	}
	var out bytes.Buffer
	report.Print(&out)
	if text := out.String(); !strings.Contains(text, "reached  2000 indications/s without loss or duplicate") {
		t.Error(text)
	}
}

func TestTally(t *testing.T) {
	s := &sink{first: 1000, count: 3000, seen: make([]uint64, 50)}
	deliver := func(n uint64, resync bool) {
		ind := indication(n, time.Microsecond*time.Duration(n))
		ind.Resync = resync
		s.delivered(&ind, time.Microsecond*time.Duration(n+7))
	}
	for _, n := range []uint64{1000, 1001, 3001, 2001, 3001, 1001, 999, 4000} {
		deliver(n, false)
	}
	deliver(3001, true)
	s.delivered(&mih.Indication{Identity: "somebody@example.net"}, 0)
	want := Tally{Delivered: 4, Duplicates: 2, Reordered: 1, Resynced: 1, Foreign: 3}
	if s.tally != want || s.longest != 7*time.Microsecond {
		t.Errorf("%+v, longest %v, want %+v", s.tally, s.longest, want)
	}
}

func TestStationsComeAndGo(t *testing.T) {
	up, down := indication(17, 0).Event, indication(stations+17, 0).Event
	if up.EventType() != mih.EventLinkUp || down.EventType() != mih.EventLinkDown || up.LinkTuple() != down.LinkTuple() {
		t.Errorf("%v, %v", up, down)
	}
}

func TestJudge(t *testing.T) {
	good := Step{Rate: 2000, Offered: 10, Tally: Tally{Delivered: 10, P50: 199}}
	for name, c := range map[string]struct {
		change            func(*Step)
		missed, complains bool
	}{
		"good":         {func(*Step) {}, false, false},
		"lost":         {func(s *Step) { s.Delivered-- }, true, false},
		"twice":        {func(s *Step) { s.Duplicates++ }, true, true},
		"out of order": {func(s *Step) { s.Reordered++ }, true, true},
		"slow":         {func(s *Step) { s.P50 = 200 }, true, false},
		"growth":       {func(s *Step) { s.RSSGrowth = 64 << 20 }, true, false},
		"beyond":       {func(s *Step) { s.Rate, s.Delivered, s.P50 = 30000, 5, 1e6 }, false, false},
	} {
		s := good
		c.change(&s)
		r := Report{Steps: []Step{s}}
		r.judge()
		if missed := len(r.Missed()) > 0; missed != c.missed || (len(r.Problems) > 0) != c.complains {
			t.Errorf("%s: targets %v, problems %v", name, r.Targets, r.Problems)
		}
	}
}
