package ethernet

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"netlmm/ap-adapters/adaptertest"
	"netlmm/mih"
)

// fake is a kernel with one bridge of two ports, in the hands of a test.
type fake struct {
	t testing.TB

	mu        sync.Mutex
	bridge    int // its index; 0: there is none
	ports     map[int]port
	entries   map[mih.LinkAddress]entry
	mute      bool
	followers map[chan change]context.Context
	said      map[mih.LinkAddress]change
}

func newFake(t testing.TB) *fake {
	f := &fake{t: t, followers: map[chan change]context.Context{}, said: map[mih.LinkAddress]change{}}
	f.Start()
	return f
}

func (f *fake) close() {}

func (f *fake) follow(ctx context.Context) (<-chan change, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := make(chan change, announcements)
	f.followers[c] = ctx
	context.AfterFunc(ctx, func() { f.overrun() })
	return c, nil
}

// overrun ends all announcements.
func (f *fake) overrun() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.followers {
		close(c)
	}
	clear(f.followers)
}

func (f *fake) look(bridge string) (view, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bridge == 0 || bridge != "br0" {
		return view{}, fmt.Errorf("%w: %s", errNoBridge, bridge)
	}
	v := view{index: f.bridge, ports: map[int]port{}}
	for i, p := range f.ports {
		v.ports[i] = p
	}
	for _, e := range f.entries {
		v.entries = append(v.entries, e)
	}
	return v, nil
}

// say announces a change, and ends the announcements when there is no room for it, as the kernel does.
func (f *fake) say(c change) {
	full := false
	f.mu.Lock()
	for out := range f.followers {
		if f.mute {
			continue
		}
		select {
		case out <- c:
		default:
			full = true
		}
	}
	f.mu.Unlock()
	if full {
		f.overrun()
	}
}

func (f *fake) do(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) Attach(station mih.LinkAddress) {
	mac, _ := station.MAC()
	f.do(func() {
		f.entries[station] = entry{bridge: f.bridge, port: 11, mac: mac}
		e := f.entries[station]
		f.said[station] = change{entry: &e}
	})
	f.Repeat(station)
}

func (f *fake) Detach(station mih.LinkAddress) {
	f.do(func() {
		e := f.entries[station]
		e.gone = true
		delete(f.entries, station)
		f.said[station] = change{entry: &e}
	})
	f.Repeat(station)
}

func (f *fake) Repeat(station mih.LinkAddress) {
	var c change
	f.do(func() { c = f.said[station] })
	f.say(c)
}

func (f *fake) Mute(mute bool) { f.do(func() { f.mute = mute }) }

func (f *fake) Garbage() {
	for _, e := range []entry{{}, {bridge: 10, port: 11}, {bridge: 10, port: 11, mac: [6]byte{1, 2, 3}}, {bridge: 99, port: 11, mac: [6]byte{2, 2, 3}}, {bridge: 10, port: 99, mac: [6]byte{2, 2, 3}}} {
		f.say(change{entry: &e})
	}
	f.say(change{})
	f.say(change{port: &port{index: 50, bridge: 51, name: "other"}})
}

func (f *fake) Stop() {
	f.do(func() { f.bridge, f.ports, f.entries = 0, nil, nil })
	f.say(change{port: &port{index: 10, name: "br0", gone: true}})
}

func (f *fake) Start() {
	f.do(func() {
		f.bridge, f.entries = 10, map[mih.LinkAddress]entry{}
		f.ports = map[int]port{11: {index: 11, bridge: 10, name: "p1", carrier: true}, 12: {index: 12, bridge: 10, name: "p2", carrier: true}}
	})
	f.say(change{port: &port{index: 10, name: "br0", carrier: true}})
}

// carrier changes that of a port.
func (f *fake) carrier(index int, carrier bool) {
	var p port
	f.do(func() {
		p = f.ports[index]
		p.carrier = carrier
		f.ports[index] = p
	})
	f.say(change{port: &p})
}

func (f *fake) config(b Bridge) Config {
	b.Bridge, b.Interface = "br0", "acc0"
	return Config{Bridges: []Bridge{b}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), open: func() (kernel, error) { return f, nil }}
}

func TestContract(t *testing.T) {
	adaptertest.Test(t, func(t *testing.T) adaptertest.Bench {
		f := newFake(t)
		cfg := f.config(Bridge{StationsPerSecond: 100_000})
		cfg.ResyncInterval = 100 * time.Millisecond
		a, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return adaptertest.Bench{Adapter: a, AccessPoint: f, Asks: true, Maximum: 4096, Overflow: "maximum_stations_reached", Garbled: []string{"ignored"}}
	})
}
