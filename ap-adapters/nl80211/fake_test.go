package nl80211

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"netlmm/ap-adapters/adaptertest"
	"netlmm/mih"
)

const (
	fakeFamily = 29
	fakeIndex  = 7
)

var bssid = net.HardwareAddr{2, 0, 0, 0, 0, 0xaa}

// fake is a kernel with one radio, wlan0, behind sockets of generic netlink.
type fake struct {
	t testing.TB

	mu         sync.Mutex
	there      bool
	index      int // of its interface
	order      [][6]byte
	stations   map[[6]byte]station
	mute       bool
	authorizes bool // a station may send data as soon as it is there
	sockets    []*eventSocket
	asked      int
}

// eventSocket is one that hears announcements.
type eventSocket struct {
	messages chan genetlink.Message
	closed   chan struct{}
	once     sync.Once
}

// commandSocket is one that asks.
type commandSocket struct{ *fake }

func newFake(t testing.TB) *fake {
	return &fake{t: t, there: true, index: fakeIndex, authorizes: true, stations: map[[6]byte]station{}}
}

func (f *fake) open() (kernel, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.there {
		return nil, os.ErrNotExist
	}
	s := &eventSocket{messages: make(chan genetlink.Message, 1024), closed: make(chan struct{})}
	f.sockets = append(f.sockets, s)
	return &netlinkKernel{events: s, commands: commandSocket{f}, family: fakeFamily, device: f.device}, nil
}

func (f *fake) device(name string) (*net.Interface, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.there || name != "wlan0" {
		return nil, fmt.Errorf("no such network interface")
	}
	return &net.Interface{Index: f.index, HardwareAddr: bssid}, nil
}

func (s *eventSocket) Execute(genetlink.Message, uint16, netlink.HeaderFlags) ([]genetlink.Message, error) {
	return nil, unix.EOPNOTSUPP
}

func (s *eventSocket) Receive() ([]genetlink.Message, []netlink.Message, error) {
	select {
	case m := <-s.messages:
		return []genetlink.Message{m}, nil, nil
	case <-s.closed:
		return nil, nil, unix.ENOBUFS
	}
}

func (s *eventSocket) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (commandSocket) Receive() ([]genetlink.Message, []netlink.Message, error) {
	return nil, nil, unix.EOPNOTSUPP
}
func (commandSocket) Close() error { return nil }

// Execute answers NL80211_CMD_GET_STATION.
func (c commandSocket) Execute(m genetlink.Message, family uint16, flags netlink.HeaderFlags) (answers []genetlink.Message, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	want, err := decode(m.Data)
	if err != nil || family != fakeFamily || m.Header.Command != unix.NL80211_CMD_GET_STATION || want.index < fakeIndex {
		c.t.Errorf("asked %+v of family %d", m, family)
		return nil, unix.EINVAL
	}
	if want.index != c.index { // before it was made anew
		return nil, unix.ENODEV
	}
	if flags&netlink.Dump == 0 {
		s, known := c.stations[want.mac]
		if !known {
			return nil, os.ErrNotExist
		}
		return []genetlink.Message{{Data: encode(c.t, s)}}, nil
	}
	for _, mac := range c.order {
		answers = append(answers, genetlink.Message{Data: encode(c.t, c.stations[mac])})
	}
	return answers, nil
}

// encode writes a station as the kernel does.
func encode(t testing.TB, s station) []byte {
	attributes := netlink.NewAttributeEncoder()
	attributes.Uint32(unix.NL80211_ATTR_IFINDEX, uint32(s.index))
	attributes.Bytes(unix.NL80211_ATTR_MAC, s.mac[:])
	attributes.Uint32(unix.NL80211_ATTR_GENERATION, 4)
	attributes.Nested(unix.NL80211_ATTR_STA_INFO, func(info *netlink.AttributeEncoder) error {
		info.Int8(unix.NL80211_STA_INFO_SIGNAL, -50)
		info.Uint32(unix.NL80211_STA_INFO_CONNECTED_TIME, uint32(s.age/time.Second))
		flags := make([]byte, 8)
		binary.NativeEndian.PutUint32(flags, 0xff)
		if s.authorized {
			binary.NativeEndian.PutUint32(flags[4:], 1<<unix.NL80211_STA_FLAG_AUTHORIZED)
		}
		info.Bytes(unix.NL80211_STA_INFO_STA_FLAGS, flags)
		return nil
	})
	data, err := attributes.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// announce sends to every socket that hears, and ends those that have no room.
func (f *fake) announce(command uint8, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mute {
		return
	}
	for _, s := range f.sockets {
		select {
		case s.messages <- genetlink.Message{Header: genetlink.Header{Command: command}, Data: data}:
		default:
			_ = s.Close()
		}
	}
	f.sockets = slices.DeleteFunc(f.sockets, func(s *eventSocket) bool {
		select {
		case <-s.closed:
			return true
		default:
			return false
		}
	})
}

func (f *fake) do(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) put(s station) {
	if _, known := f.stations[s.mac]; !known {
		f.order = append(f.order, s.mac)
	}
	f.stations[s.mac] = s
}

func (f *fake) Attach(address mih.LinkAddress) {
	mac, _ := address.MAC()
	index := 0
	f.do(func() {
		index = f.index
		f.put(station{index: index, mac: mac, authorized: f.authorizes})
	})
	f.announce(unix.NL80211_CMD_NEW_STATION, encode(f.t, station{index: index, mac: mac})) // it never says so there
}

func (f *fake) Detach(address mih.LinkAddress) {
	mac, _ := address.MAC()
	index := 0
	f.do(func() {
		index = f.index
		delete(f.stations, mac)
		f.order = slices.DeleteFunc(f.order, func(other [6]byte) bool { return other == mac })
	})
	f.announce(unix.NL80211_CMD_DEL_STATION, encode(f.t, station{index: index, mac: mac}))
}

func (f *fake) Repeat(address mih.LinkAddress) {
	mac, _ := address.MAC()
	here := false
	f.do(func() { _, here = f.stations[mac] })
	if here {
		f.Attach(address)
	} else {
		f.Detach(address)
	}
}

func (f *fake) Mute(mute bool) { f.do(func() { f.mute = mute }) }

func (f *fake) Garbage() {
	for _, data := range [][]byte{nil, {1}, {9, 0, 0}, {4, 0, 3, 0}, {5, 0, 3, 0, 1}, encode(f.t, station{index: 99, mac: [6]byte{2}}),
		encode(f.t, station{index: f.index}), encode(f.t, station{index: f.index, mac: [6]byte{1}})} {
		f.announce(unix.NL80211_CMD_NEW_STATION, data)
		f.announce(unix.NL80211_CMD_DEL_STATION, data)
		f.announce(200, data)
	}
}

func (f *fake) Stop() {
	f.do(func() {
		f.there, f.order = false, nil
		clear(f.stations)
		for _, s := range f.sockets {
			_ = s.Close()
		}
		f.sockets = nil
	})
}

// Start makes the interface anew, as hostapd does with all but the first of a radio.
func (f *fake) Start() {
	f.do(func() {
		f.there = true
		f.index++
	})
}

func (f *fake) config() Config {
	return Config{Radios: []Radio{{Radio: "wlan0", Interface: "acc0"}}, ResyncInterval: 100 * time.Millisecond, open: f.open, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func TestContract(t *testing.T) {
	adaptertest.Test(t, func(t *testing.T) adaptertest.Bench {
		f := newFake(t)
		a, err := New(f.config())
		if err != nil {
			t.Fatal(err)
		}
		return adaptertest.Bench{Adapter: a, AccessPoint: f, Asks: true, Maximum: 4096, Overflow: "maximum_stations_reached", Garbled: []string{"ignored"}}
	})
}
