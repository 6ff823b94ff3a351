package hostapd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

var (
	stationLink = mih.LinkID{Type: mih.LinkType80211, Address: mobileNode(0)}
	pointLink   = mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress([6]byte{2, 0, 0, 0, 0, 2})}
)

// commandLab is a fake with one station attached, of whose reply detail are the lines.
func commandLab(t testing.TB, detail string) (*fake, *started) {
	t.Helper()
	return pollingLab(t, detail, 0)
}

// pollingLab is a commandLab whose signals are read so often.
func pollingLab(t testing.TB, detail string, poll time.Duration) (*fake, *started) {
	t.Helper()
	f, cfg := fakeLab(t)
	cfg.Interfaces[0].SignalPollInterval = poll
	f.do(func() {
		f.stations = []string{mobileNode(0).String()}
		f.detail[mobileNode(0).String()] = detail
	})
	a := start(t, cfg)
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 "" resync`)
	return f, a
}

func (f *fake) setDetail(detail string) { f.do(func() { f.detail[mobileNode(0).String()] = detail }) }

// driverReply is what nl80211 has of a station, as hostapd 2.10 writes it; failed only where a vendor added it.
func driverReply(signal, rate, octets, packets int, failed string) string {
	return fmt.Sprintf("aid=1\nrx_packets=%d\ntx_packets=%d\nrx_bytes=%d\ntx_bytes=%d\ninactive_msec=20\nsignal=%d\n%srx_rate_info=60\n"+
		"tx_rate_info=%d mcs 7 shortGI\nht_mcs_bitmask=ffff0000000000000000\nconnected_time=100\next_capab=0000080000000040\n",
		packets, packets, octets/2, octets-octets/2, signal, failed, rate)
}

func describe(s mih.LinkStatus) string {
	var parts []string
	for _, st := range s.States {
		if st.Channel != nil {
			parts = append(parts, fmt.Sprintf("channel=%d", *st.Channel))
		} else {
			parts = append(parts, "mode="+st.Mode.String())
		}
	}
	for _, p := range s.Parameters {
		value := p.Value
		if p.QoS != nil {
			value = int(p.QoS.Classes)
		}
		parts = append(parts, fmt.Sprintf("%04x=%d", uint16(p.Type), value))
	}
	for _, d := range s.Descriptors {
		parts = append(parts, fmt.Sprintf("queues=%t:%d", d.Queues, d.Count))
	}
	return strings.Join(parts, " ")
}

var everything = mih.LinkStatusRequest{
	States: mih.AskOperationMode | mih.AskChannel, Descriptors: mih.AskClassesOfService | mih.AskQueues,
	Parameters: append(slices.Clone(watchable), mih.ParameterQoSClasses, mih.ParameterSINR),
}

func TestParameters(t *testing.T) {
	for _, test := range []struct{ name, flags, detail, want string }{
		{"all", "[SHORT_PREAMBLE][WMM][PS][HT]", driverReply(-61, 722, 1_000_000, 2000, "tx_failed=100\n"),
			"mode=power_save channel=6 0001=-61 0500=-61 0000=72200 0003=80 0004=5 0100=4 queues=false:4 queues=true:4"},
		{"stock hostapd tells no failures", "[WMM]", driverReply(-61, 722, 1_000_000, 2000, ""),
			"mode=normal channel=6 0001=-61 0500=-61 0000=72200 0003=80 0100=4 queues=false:4 queues=true:4"},
		{"a driver that measures nothing", "", "", "mode=normal channel=6 0100=1 queues=false:1 queues=true:1"},
		{"nonsense", "", "signal=loud\ntx_rate_info=99999999999\nrx_bytes=-1\ntx_bytes=x\ntx_packets=\next_capab=zz\n", "mode=normal channel=6 0100=1 queues=false:1 queues=true:1"},
		{"an identity that forges a signal", "", "signal=-10\nsignal=-90\n", "mode=normal channel=6 0001=-90 0500=-90 0100=1 queues=false:1 queues=true:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, a := commandLab(t, "")
			f.do(func() { f.flags, f.detail[mobileNode(0).String()] = test.flags, test.detail })
			got, err := a.Parameters(context.Background(), stationLink, everything)
			if err != nil || describe(got) != test.want {
				t.Errorf("got  %s, %v\nwant %s", describe(got), err, test.want)
			}
		})
	}
	f, a := commandLab(t, "")
	if got, err := a.Parameters(context.Background(), pointLink, everything); err != nil || describe(got) != "mode=normal channel=6" {
		t.Errorf("of the access point: %s, %v", describe(got), err)
	}
	f.do(func() {
		f.answer = func(command string) (string, bool) {
			return "state=DISABLED\nbss[0]=wlan0\nchannel=7\nssid[0]=x\nchannel=9\n", command == "STATUS"
		}
	})
	if got, err := a.Parameters(context.Background(), pointLink, everything); err != nil || describe(got) != "mode=power_down channel=7" {
		t.Errorf("of an access point that is off: %s, %v", describe(got), err)
	}
	f.do(func() { f.stations = nil }) // it left, and that is not told yet
	if got, err := a.Parameters(context.Background(), stationLink, everything); !errors.Is(err, apadapters.ErrNoSuchLink) {
		t.Errorf("of a station that left: %s, %v", describe(got), err)
	}
}

func TestTraffic(t *testing.T) {
	at := time.Unix(1000, 0)
	reading := func(octets, packets, failed uint64, age time.Duration) station {
		return station{age: age, measured: measured{counters: counters{true, octets, packets, failed, true}}}
	}
	var tr traffic
	for _, step := range []struct {
		after      time.Duration
		station    station
		throughput int // -1: not known
		errorRate  int
	}{
		{0, station{age: -1}, -1, -1},
		{0, reading(1000, 10, 1, 0), -1, -1},
		{100 * time.Millisecond, reading(9000, 20, 2, 0), -1, -1}, // too early to tell
		{100 * time.Millisecond, reading(26000, 30, 11, 0), 1000, 50},
		{50 * time.Millisecond, reading(9_000_000, 31, 11, 0), 1000, 50}, // what was known stays
		{time.Second, reading(26000+131250, 30, 11, 1), 1000, -1},        // nothing was sent
		{time.Second, reading(5, 5, 0, 0), -1, -1},                       // another association
		{time.Second, reading(125_005, 1005, 5000, 0), 1000, 100},
	} {
		at = at.Add(step.after)
		tr.read(at, step.station)
		throughput, errorRate := -1, -1
		if tr.known {
			throughput = tr.throughput
		}
		if tr.failing {
			errorRate = tr.errorRate
		}
		if throughput != step.throughput || errorRate != step.errorRate {
			t.Errorf("after %+v: %d kb/s and %d %%, want %d and %d", step.station.counters, throughput, errorRate, step.throughput, step.errorRate)
		}
	}
}

func TestCommandsToASilentHostapd(t *testing.T) {
	f, a := commandLab(t, "")
	f.do(func() { f.silent = true })
	_, err := a.Parameters(context.Background(), stationLink, everything)
	if !errors.Is(err, apadapters.ErrNoAnswer) {
		t.Errorf("error %v", err)
	}
	f.do(func() { f.silent = false })
	eventually(t, "an answer again", func() bool {
		_, err := a.Parameters(context.Background(), stationLink, everything)
		return err == nil
	})
}

// The queue of commands ends: who comes then is told so at once.
func TestCommandQueueIsBounded(t *testing.T) {
	a, err := New(Config{Interfaces: []Interface{{ControlSocket: "/nowhere", Interface: "wlan0", PointOfAttachment: pointLink.Address}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Parameters(context.Background(), pointLink, everything); !errors.Is(err, apadapters.ErrNoAnswer) {
		t.Errorf("without a session: %v", err)
	}
	p := a.ports[0]
	p.setPeer(true, "nobody takes commands out")
	failed := 0
	for i := range commandQueue + 1 {
		err := p.submit(command{ctx: context.Background(), fail: func(error) { failed++ }})
		if (err != nil) != (i == commandQueue) || err != nil && !errors.Is(err, apadapters.ErrBusy) {
			t.Fatalf("command %d: %v", i, err)
		}
	}
	p.leaveCommands()
	if failed != commandQueue || a.Status().Counters["commands_refused"] != 1 {
		t.Errorf("%d commands were told that nobody answers, want %d; counters %v", failed, commandQueue, a.Status().Counters)
	}
}

// A station that two interfaces have is where it came last.
func TestFindTakesTheLatestAccessPoint(t *testing.T) {
	a, err := New(Config{Interfaces: []Interface{{ControlSocket: "/a", Interface: "wlan0", PointOfAttachment: mobileNode(100)}, {ControlSocket: "/b", Interface: "wlan1", PointOfAttachment: mobileNode(101)}}})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1000, 0)
	a.ports[0].setStation(mobileNode(0), &told{since: at.Add(time.Second)})
	a.ports[1].setStation(mobileNode(0), &told{since: at})
	for poa, want := range map[mih.LinkAddress]*port{{}: a.ports[0], mobileNode(101): a.ports[1], mobileNode(102): nil} {
		if got, _ := a.find(stationLink, poa); got != want {
			t.Errorf("at %s: %v", poa, got)
		}
	}
}

func BenchmarkParameters(b *testing.B) {
	_, a := commandLab(b, driverReply(-61, 722, 1_000_000, 2000, ""))
	for b.Loop() {
		if _, err := a.Parameters(context.Background(), stationLink, everything); err != nil {
			b.Fatal(err)
		}
	}
}
