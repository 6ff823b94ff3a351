package nl80211

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"netlmm/mih"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 60 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// running is an adapter at work, and what it told.
type running struct {
	*Adapter
	t *testing.T

	mu   sync.Mutex
	told []mih.Indication
}

func start(t *testing.T, cfg Config) *running {
	t.Helper()
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Adapter: a, t: t}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- a.Run(ctx, func(ind mih.Indication) bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = append(r.told, ind)
			return true
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	eventually(t, "the radio is followed", func() bool { return a.Status().Peers[0].Connected })
	return r
}

// events are those told so far: the event and the station's last octet, with an asterisk what a list said.
func (r *running) events() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ind := range r.told {
		text := ind.Event.LinkTuple().Link.Address.String()
		event := strings.TrimPrefix(ind.Event.EventType().String(), "Link_") + " " + text[len(text)-2:]
		if ind.Resync {
			event += "*"
		}
		list = append(list, event)
	}
	return list
}

func (r *running) expect(want ...string) {
	r.t.Helper()
	defer func() {
		if r.t.Failed() {
			r.t.Logf("told %q; status %+v", r.events(), r.Status())
		}
	}()
	eventually(r.t, fmt.Sprint(want), func() bool { return len(r.events()) >= len(want) })
	if got := r.events(); !slices.Equal(got, want) {
		r.t.Fatalf("want %q", want)
	}
}

func sta(i byte) mih.LinkAddress { return mih.MACAddress([6]byte{2, 0, 0, 0, 0, i}) }

// TestAStationIsUpWhenItMaySendData, not when it is added: a handshake may fail.
func TestAStationIsUpWhenItMaySendData(t *testing.T) {
	f := newFake(t)
	f.authorizes = false
	cfg := f.config()
	cfg.ResyncInterval = time.Hour
	r := start(t, cfg)
	f.Attach(sta(1))
	f.Attach(sta(2))
	asked := 0
	f.do(func() { asked = f.asked })
	eventually(t, "both are looked at again and again", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.asked >= asked+6 })
	if told := r.events(); len(told) != 0 {
		t.Fatalf("told %q of stations that may not send", told)
	}
	f.Detach(sta(2)) // its handshake failed
	f.do(func() { f.put(station{index: fakeIndex, mac: [6]byte{2, 0, 0, 0, 0, 1}, authorized: true}) })
	r.expect("Up 01")
	if poa := r.told[0].Event.LinkTuple().PointOfAttachment; poa != mih.MACAddress([6]byte(bssid)) {
		t.Errorf("attached to %v, want the radio", poa)
	}
	f.do(func() { asked = f.asked })
	f.authorizes = true
	f.Attach(sta(1)) // it associates anew
	r.expect("Up 01", "Up 01")
	f.Detach(sta(1))
	r.expect("Up 01", "Up 01", "Down 01")
}

// TestStationsFromBefore: those that are there at the start are from a list, with the age of their association.
func TestStationsFromBefore(t *testing.T) {
	f := newFake(t)
	f.put(station{index: fakeIndex, mac: [6]byte{2, 0, 0, 0, 0, 1}, authorized: true, age: time.Hour})
	f.put(station{index: fakeIndex, mac: [6]byte{2, 0, 0, 0, 0, 2}, age: time.Second}) // in its handshake
	r := start(t, f.config())
	r.expect("Up 01*")
	if age := time.Since(r.told[0].Since); age < time.Hour {
		t.Errorf("an association of an hour is said to be %v old", age)
	}
	f.do(func() {
		f.put(station{index: fakeIndex, mac: [6]byte{2, 0, 0, 0, 0, 1}, authorized: true, age: time.Second})
	}) // another one, unheard
	r.expect("Up 01*", "Up 01*")
	f.do(func() { f.put(station{index: fakeIndex, mac: [6]byte{2, 0, 0, 0, 0, 1}, age: 0}) }) // on its way back
	looks := r.Status().Counters["resyncs"] + 2
	eventually(t, "two more looks", func() bool { return r.Status().Counters["resyncs"] >= looks })
	r.expect("Up 01*", "Up 01*")
}

// TestARadioMadeAnew has another index, and nothing else tells of it than its stations.
func TestARadioMadeAnew(t *testing.T) {
	f := newFake(t)
	cfg := f.config()
	cfg.ResyncInterval = time.Hour
	r := start(t, cfg)
	f.Attach(sta(1))
	r.expect("Up 01")
	f.do(func() { clear(f.stations); f.order = nil })
	f.Start()
	f.Attach(sta(2))
	r.expect("Up 01", "Up 02*", "Down 01*")
	f.Attach(sta(3))
	r.expect("Up 01", "Up 02*", "Down 01*", "Up 03")
	looks := r.Status().Counters["resyncs"]
	for range 100 { // stations of other radios bring no look at each
		f.announce(unix.NL80211_CMD_NEW_STATION, encode(t, station{index: 99, mac: [6]byte{2}}))
	}
	eventually(t, "they were heard", func() bool { return r.Status().Counters["ignored"] >= 101 })
	if n := r.Status().Counters["resyncs"]; n > looks+50 {
		t.Errorf("%d looks", n-looks)
	}
}

func TestConfigurationErrors(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("no radios, no error")
	}
	_, err := New(Config{Radios: []Radio{{}, {Radio: "a"}, {Radio: "a"}}})
	if err == nil || !strings.Contains(err.Error(), "radio 0 has no interface") || !strings.Contains(err.Error(), "listed twice") {
		t.Errorf("error %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, station{index: 7, mac: [6]byte{2, 0, 0, 0, 0, 1}, authorized: true, age: time.Hour}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decode(data)
		if err == nil && s.gone {
			t.Fatal("a station that is gone by its attributes")
		}
	})
}
