package hostapd

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
)

// reports are the texts of Link_Parameters_Reports.
func reports(ind mih.Indication) string {
	report, ok := ind.Event.(mih.LinkParametersReport)
	if !ok {
		return text(ind)
	}
	var parts []string
	for _, p := range report.Parameters {
		part := fmt.Sprintf("%04x=%d", uint16(p.Type), p.Value)
		if p.Crossed != nil {
			part += fmt.Sprintf(" %s %d", p.Crossed.Direction, p.Crossed.Value)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func (s *started) expectReport(want string) {
	s.t.Helper()
	select {
	case ind := <-s.got:
		if reports(ind) != want {
			s.t.Fatalf("got  %s\nwant %s", reports(ind), want)
		}
	case <-time.After(patience):
		s.t.Fatalf("nothing came; want %s; status %+v", want, s.Status())
	}
}

func (s *started) configure(link mih.LinkID, c mih.LinkParameterConfiguration) string {
	s.t.Helper()
	done, err := s.ConfigureThresholds(context.Background(), mih.LinkTupleID{Link: link}, []mih.LinkParameterConfiguration{c})
	if err != nil {
		s.t.Fatal(err)
	}
	var parts []string
	for _, d := range done {
		parts = append(parts, fmt.Sprintf("%s %d %t", d.Threshold.Direction, d.Threshold.Value, d.Success))
	}
	return strings.Join(parts, ", ")
}

func rssi(action mih.ThresholdAction, thresholds ...mih.Threshold) mih.LinkParameterConfiguration {
	return mih.LinkParameterConfiguration{Type: mih.Parameter80211RSSI, Action: action, Thresholds: thresholds}
}

func below(v int) mih.Threshold { return mih.Threshold{Value: v, Direction: mih.ThresholdBelow} }
func above(v int) mih.Threshold { return mih.Threshold{Value: v, Direction: mih.ThresholdAbove} }

// looked waits until the station was measured twice more.
func looked(t *testing.T, f *fake, verb string) {
	t.Helper()
	from := 0
	f.do(func() { from = f.asked[verb] })
	eventually(t, "looked at again", func() (ok bool) { f.do(func() { ok = f.asked[verb] >= from+2 }); return ok })
}

func TestThresholdsOfAStation(t *testing.T) {
	f, a := pollingLab(t, "signal=-60\n", shortestPoll)
	signal := func(dBm int) { f.setDetail(fmt.Sprintf("signal=%d\n", dBm)) }
	if got := a.configure(stationLink, rssi(mih.ThresholdNormal, below(-70), below(-80), above(-50))); got != "below -70 true, below -80 true, above -50 true" {
		t.Fatal(got)
	}
	a.configure(stationLink, mih.LinkParameterConfiguration{Type: mih.ParameterDataRate, Interval: new(time.Duration), Thresholds: []mih.Threshold{below(6000)}})
	signal(-75)
	a.expectReport("0500=-75 below -70")
	signal(-72) // not back by the hysteresis
	looked(t, f, "STA")
	signal(-85)
	a.expectReport("0500=-85 below -80")
	signal(-40)
	a.expectReport("0500=-40 above -50")
	signal(-71) // both are armed again
	a.expectReport("0500=-71 below -70")

	if got := a.configure(stationLink, rssi(mih.ThresholdCancel, below(-70), below(-71))); got != "below -70 true, below -71 false" {
		t.Error(got)
	}
	f.setDetail("signal=-60\ntx_rate_info=10\n")
	a.expectReport("0000=1000 below 6000")
	signal(-90)
	a.expectReport("0500=-90 below -80")

	// Another association is told of anew; one that ended takes its thresholds along.
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:00")
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 ""`)
	a.expectReport("0500=-90 below -80")
	f.event("<3>AP-STA-DISCONNECTED 02:00:00:00:10:00")
	a.expect(`Link_Down wlan0 02:00:00:00:10:00 ""`)
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 "" resync`) // it is in the list still
	if got := a.configure(stationLink, rssi(mih.ThresholdCancel, below(-80))); got != "below -80 false" {
		t.Error(got)
	}
}

func TestOneShotThresholds(t *testing.T) {
	f, a := pollingLab(t, "signal=-60\n", shortestPoll)
	signal := func(dBm int) { f.setDetail(fmt.Sprintf("signal=%d\n", dBm)) }
	a.configure(stationLink, rssi(mih.ThresholdOneShot, below(-70)))
	a.configure(stationLink, rssi(mih.ThresholdNormal, below(-90)))
	signal(-75)
	a.expectReport("0500=-75 below -70")
	signal(-40)
	looked(t, f, "STA")
	signal(-75)
	looked(t, f, "STA")
	signal(-95)
	a.expectReport("0500=-95 below -90")
}

func TestPeriodicReports(t *testing.T) {
	f, a := commandLab(t, driverReply(-61, 540, 1000, 10, ""))
	interval := time.Millisecond // counts as shortestPoll
	a.configure(stationLink, mih.LinkParameterConfiguration{Type: mih.ParameterSignalStrength, Interval: &interval})
	a.configure(stationLink, mih.LinkParameterConfiguration{Type: mih.ParameterSINR, Interval: &interval})
	for range 3 {
		a.expectReport("0001=-61")
	}
	if got := a.configure(stationLink, mih.LinkParameterConfiguration{Type: mih.ParameterSINR, Interval: &interval}); got != "above 0 false" {
		t.Errorf("a parameter that hostapd does not measure: %s", got)
	}
	a.configure(stationLink, mih.LinkParameterConfiguration{Type: mih.ParameterSignalStrength, Action: mih.ThresholdCancel})
	for len(a.got) > 0 {
		<-a.got // those of the signal that were on their way
	}
	a.configure(pointLink, mih.LinkParameterConfiguration{Type: mih.ParameterDataRate, Interval: &interval, Thresholds: []mih.Threshold{above(1000)}})
	a.expectReport("0000=54000 above 1000, 0000=54000")
	a.expectReport("0000=54000")
	f.do(func() { f.stations = append(f.stations, mobileNode(1).String()) })
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:01")
	eventually(t, "the reports of the one that has a rate go on", func() bool { return len(a.got) > 3 })
}

func TestThresholdsOfAPointOfAttachment(t *testing.T) {
	f, a := commandLab(t, "signal=-60\n")
	if got := a.configure(pointLink, rssi(mih.ThresholdNormal, below(-70))); got != "below -70 true" {
		t.Fatal(got)
	}
	f.do(func() {
		f.stations = append(f.stations, mobileNode(1).String())
		f.detail[mobileNode(1).String()] = "signal=-77\n"
	})
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:01")
	a.expect(`Link_Up wlan0 02:00:00:00:10:01 ""`)
	a.expectReport("0500=-77 below -70")
	f.setDetail("signal=-78\n")
	a.expectReport("0500=-78 below -70")
	a.configure(pointLink, rssi(mih.ThresholdCancel))
	pace, err := ask(context.Background(), a.Adapter, pointLink, mih.LinkAddress{}, func(s *session, _ bool) (time.Duration, error) { return s.interval(), nil })
	if err != nil || pace != a.cfg.ResyncInterval {
		t.Errorf("the walks go on each %v, %v", pace, err)
	}
}

func TestAReportThatFoundNoRoomIsMadeAgain(t *testing.T) {
	p := &session{port: newPort(&Adapter{cfg: Config{ResyncInterval: time.Minute}}, Interface{LinkType: mih.LinkType80211, Hysteresis: 5})}
	w := &watch{}
	w.configure(rssi(mih.ThresholdOneShot, below(-70)), true)
	full, sent := true, 0
	p.emit = func(mih.Indication) bool {
		if !full {
			sent++
		}
		return !full
	}
	for range 3 {
		p.report(time.Unix(1000, 0), &told{}, station{address: mobileNode(0), signal: -80}, w)
		full = false
	}
	if sent != 1 {
		t.Errorf("%d reports, want the one that found no room at first", sent)
	}
}

func TestWatchedStationsAreBounded(t *testing.T) {
	f, cfg := fakeLab(t)
	a := start(t, cfg)
	connected(t, a)
	for i := range maximumWatched + 1 {
		station := mih.MACAddress([6]byte{2, 0, 0, 1, byte(i >> 8), byte(i)})
		f.do(func() { f.stations = append(f.stations, station.String()) })
		f.event("<3>AP-STA-CONNECTED %s", station)
		a.expect(fmt.Sprintf(`Link_Up wlan0 %s ""`, station))
		link := mih.LinkID{Type: mih.LinkType80211, Address: station}
		if got, want := a.configure(link, rssi(mih.ThresholdNormal, below(-70))), fmt.Sprintf("below -70 %t", i < maximumWatched); got != want {
			t.Fatalf("station %d: %s, want %s", i, got, want)
		}
		a.configure(link, rssi(mih.ThresholdCancel, below(-71))) // changes nothing, makes no room
	}
}

func TestWatchPaces(t *testing.T) {
	w := &watch{}
	w.configure(rssi(mih.ThresholdNormal, below(-70)), true)
	if got := w.pace(time.Second); got != time.Second {
		t.Errorf("thresholds alone: %v", got)
	}
	interval := 300 * time.Millisecond
	w.configure(mih.LinkParameterConfiguration{Type: mih.ParameterDataRate, Interval: &interval}, true)
	if got := w.pace(time.Second); got != interval {
		t.Errorf("with an interval: %v", got)
	}
	if got := w.pace(time.Nanosecond); got != shortestPoll {
		t.Errorf("with a signal poll that never rests: %v", got)
	}
	now := time.Unix(1000, 0)
	for _, step := range []struct {
		after time.Duration
		due   bool
	}{{0, true}, {200 * time.Millisecond, false}, {100 * time.Millisecond, true}} {
		now = now.Add(step.after)
		if w.begin(now); w.parameters[1].due != step.due || w.parameters[0].due {
			t.Errorf("after %v due: %t", step.after, w.parameters[1].due)
		}
		w.end()
	}
}
