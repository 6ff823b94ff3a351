package ethernet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"netlmm/internal/netnstest"
	"netlmm/mih"
)

type leaks struct{ m *testing.M }

// Run fails when goroutines are left.
func (l leaks) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Println(err)
		return 1
	}
	return code
}

func TestMain(m *testing.M) { netnstest.Main(leaks{m}, nil) }

const patience = 30 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// running is an adapter at work, and who is up by what it told.
type running struct {
	*Adapter
	t *testing.T

	mu   sync.Mutex
	up   map[mih.LinkAddress]string // access interface
	ups  int
	last mih.Indication
}

func start(t *testing.T, cfg Config) *running {
	t.Helper()
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Adapter: a, t: t, up: map[mih.LinkAddress]string{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx, r.emit) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

func (r *running) emit(ind mih.Indication) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = ind
	address := ind.Event.LinkTuple().Link.Address
	if _, up := ind.Event.(mih.LinkUp); up {
		r.ups++
		r.up[address] = ind.Interface
	} else {
		delete(r.up, address)
	}
	return true
}

// expect waits until exactly these are up, each as "last octet@interface".
func (r *running) expect(want ...string) {
	r.t.Helper()
	var got []string
	defer func() {
		if r.t.Failed() {
			r.t.Logf("up: %q, want %q; status %+v", got, want, r.Status())
		}
	}()
	eventually(r.t, fmt.Sprint(want), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		got = nil
		for address, iface := range r.up {
			text := address.String()
			got = append(got, text[len(text)-2:]+"@"+iface)
		}
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}

// latest is the last event, and how many of them were Link_Up.
func (r *running) latest() (last mih.Indication, ups int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last, r.ups
}

func host(i byte) mih.LinkAddress { return mih.MACAddress([6]byte{2, 0, 0, 0, 0, i}) }

func TestAPortWithoutCarrierHasNoStations(t *testing.T) {
	f := newFake(t)
	r := start(t, f.config(Bridge{}))
	eventually(t, "the bridge", func() bool { return r.Status().Peers[0].Connected })
	f.Attach(host(1))
	f.Attach(host(2))
	f.do(func() {
		e := f.entries[host(2)]
		e.port = 12
		f.entries[host(2)] = e
		f.said[host(2)] = change{entry: &e}
	})
	f.Repeat(host(2)) // moves, which is no news on one access link
	r.expect("01@acc0", "02@acc0")
	f.carrier(11, false)
	r.expect("02@acc0")
	last, ups := r.latest()
	if down, ok := last.Event.(mih.LinkDown); !ok || down.Reason != mih.DownExplicitDisconnect || ups != 2 {
		t.Errorf("%+v after %d Link_Up", last, ups)
	}
	f.Repeat(host(1)) // what a port without carrier says to have learned is old
	f.carrier(12, false)
	r.expect()
	f.carrier(11, true)
	f.Attach(host(1))
	r.expect("01@acc0")
}

func TestPartsOfABridge(t *testing.T) {
	f := newFake(t)
	cfg := f.config(Bridge{})
	cfg.Bridges = []Bridge{
		{Bridge: "br0", Interface: "students", VLAN: 10, PointOfAttachment: host(99)}, {Bridge: "br0", Interface: "staff", VLAN: 20, Ports: []string{"p2"}},
	}
	r := start(t, cfg)
	eventually(t, "the bridge", func() bool { return r.Status().Peers[1].Connected })
	for _, e := range []entry{
		{bridge: 10, port: 11, vlan: 10, mac: [6]byte{2, 0, 0, 0, 0, 1}}, {bridge: 10, port: 11, vlan: 20, mac: [6]byte{2, 0, 0, 0, 0, 2}},
		{bridge: 10, port: 12, vlan: 20, mac: [6]byte{2, 0, 0, 0, 0, 3}}, {bridge: 10, port: 12, mac: [6]byte{2, 0, 0, 0, 0, 4}},
	} {
		f.say(change{entry: &e})
	}
	r.expect("01@students", "03@staff")
}

// TestAStationInTwoVLANsLeavesWithTheLast: without a VLAN a bridge is one link, whatever it tells apart.
func TestAStationInTwoVLANsLeavesWithTheLast(t *testing.T) {
	f := newFake(t)
	r := start(t, f.config(Bridge{}))
	eventually(t, "the bridge", func() bool { return r.Status().Peers[0].Connected })
	say := func(vlan int, gone bool) {
		f.say(change{entry: &entry{bridge: 10, port: 11, vlan: vlan, mac: [6]byte{2, 0, 0, 0, 0, 1}, gone: gone}})
	}
	say(1, false)
	say(7, false)
	say(1, true)
	f.Attach(host(2))
	r.expect("01@acc0", "02@acc0")
	say(7, true)
	r.expect("02@acc0")
}

// TestManyAtATime: those that came too many at a time are told later, and a loss of announcements costs none.
func TestManyAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		r := start(t, f.config(Bridge{StationsPerSecond: 20}))
		eventually(t, "the bridge", func() bool { return r.Status().Peers[0].Connected })
		var want []string
		for i := range byte(30) {
			f.Attach(host(i + 1))
			want = append(want, fmt.Sprintf("%02x@acc0", i+1))
		}
		f.overrun()
		r.expect(want...)
		if c := r.Status().Counters; c["new_stations_limited"] == 0 || c["overruns"] != 1 {
			t.Errorf("counters %v", c)
		}
	})
}

func TestConfigurationErrors(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("no bridges, no error")
	}
	_, err := New(Config{Bridges: []Bridge{{}, {Bridge: "a"}, {Bridge: "a", VLAN: 7}, {Bridge: "a"}}})
	if err == nil || !strings.Contains(err.Error(), "bridge 0 has no name") || !strings.Contains(err.Error(), "listed twice") {
		t.Errorf("error %v", err)
	}
}
