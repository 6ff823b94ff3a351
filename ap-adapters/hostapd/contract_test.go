package hostapd

import (
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/ap-adapters/adaptertest"
	"netlmm/mih"
)

// fakePoint is a fake in the hands of the contract's tests.
type fakePoint struct{ *fake }

func (p fakePoint) Attach(station mih.LinkAddress) {
	p.do(func() {
		if !slices.Contains(p.stations, station.String()) {
			p.stations = append(p.stations, station.String())
		}
	})
	p.event("<3>AP-STA-CONNECTED %s", station)
}

func (p fakePoint) Detach(station mih.LinkAddress) {
	p.do(func() {
		if at := slices.Index(p.stations, station.String()); at >= 0 {
			p.stations = slices.Delete(p.stations, at, at+1)
		}
	})
	p.event("<3>AP-STA-DISCONNECTED %s", station)
}

func (p fakePoint) Repeat(station mih.LinkAddress) {
	here := false
	p.do(func() { here = slices.Contains(p.stations, station.String()) })
	if here {
		p.Attach(station)
	} else {
		p.Detach(station)
	}
}

func (p fakePoint) Mute(mute bool) { p.do(func() { p.mute = mute }) }

func (p fakePoint) Garbage() {
	for _, bad := range []string{"", "x", "<3>", "<>AP-STA-CONNECTED", "<3>AP-STA-CONNECTED", "<3>AP-STA-CONNECTED zz", "<3>AP-STA-DISCONNECTED 02:00:00",
		"<3>BSS-TM-RESP", "<3>BSS-TM-RESP zz status_code=0", strings.Repeat("A", 7000), "\x00\xff"} {
		p.event("%s", bad)
	}
}

func (p fakePoint) Stop() {
	p.do(func() {
		p.conn.Close()
		p.monitors, p.stations = nil, nil
		os.Remove(p.path)
	})
}

func (p fakePoint) Start() {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: p.path, Net: "unixgram"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	p.do(func() { p.conn = conn })
	go p.serve(conn)
}

func openBench(t *testing.T) adaptertest.CommandBench {
	f, cfg := fakeLab(t)
	cfg.SocketDirectory, cfg.ResyncInterval, cfg.ReturnGrace = shortDir(t), 100*time.Millisecond, time.Millisecond
	cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return adaptertest.CommandBench{
		Bench:    adaptertest.Bench{Adapter: a, AccessPoint: fakePoint{f}, Asks: true, Maximum: maximumStations, Overflow: "maximum_stations_reached", Garbled: []string{"garbled"}},
		LinkType: mih.LinkType80211, PointOfAttachment: mih.MACAddress([6]byte{2, 0, 0, 0, 0, 2}),
	}
}

func TestContract(t *testing.T) {
	adaptertest.Test(t, func(t *testing.T) adaptertest.Bench { return openBench(t).Bench })
}

func TestCommanderContract(t *testing.T) { adaptertest.TestCommander(t, openBench) }
