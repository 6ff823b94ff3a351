package ciscosyslog

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"netlmm/ap-adapters/adaptertest"
	"netlmm/mih"
)

// writer is an access point in the hands of the contract's tests: what writes its lines.
type writer struct {
	t        *testing.T
	adapter  *Adapter
	network  string
	conn     net.Conn
	number   int
	mute     bool
	said     map[mih.LinkAddress]string
	expected uint64
}

// say writes a line, not faster than the adapter reads: the socket would drop some.
func (w *writer) say(line string) {
	w.t.Helper()
	if w.mute {
		return
	}
	w.connect()
	if w.network == "tcp" {
		line = fmt.Sprintf("%d %s\n", len(line), line)
	}
	if _, err := w.conn.Write([]byte(line)); err != nil {
		w.t.Fatal(err)
	}
	if w.expected++; w.expected%100 == 0 {
		eventually(w.t, "the lines are read", func() bool { return w.adapter.Status().Counters["lines"] >= w.expected })
	}
}

func (w *writer) connect() {
	w.t.Helper()
	if w.conn != nil {
		return
	}
	at := w.adapter.ListenAddress
	if w.network == "tcp" {
		at = w.adapter.ListenAddressTCP
	}
	eventually(w.t, "the adapter listens", func() bool { return at().IsValid() })
	conn, err := net.Dial(w.network, netip.AddrPortFrom(netip.IPv6Loopback(), at().Port()).String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.conn = conn
	w.t.Cleanup(func() { conn.Close() })
}

func (w *writer) tell(station mih.LinkAddress, format string) {
	w.t.Helper()
	w.number++
	w.said[station] = fmt.Sprintf(format, w.number, station)
	w.say(w.said[station])
}

func (w *writer) Attach(station mih.LinkAddress) {
	w.tell(station, "<190>%d: *Mar  1 00:01:02.345: %%DOT11-6-ASSOC: Interface Dot11Radio1, Station   %s Associated KEY_MGMT[NONE]")
}

func (w *writer) Detach(station mih.LinkAddress) {
	w.tell(station, "<190>%d: *Mar  1 00:01:09.345: %%DOT11-6-DISASSOC: Interface Dot11Radio1, Deauthenticating Station %s")
}

func (w *writer) Repeat(station mih.LinkAddress) { w.say(w.said[station]) }

func (w *writer) Mute(mute bool) { w.mute = mute }

func (w *writer) Garbage() {
	for _, line := range []string{"x", "\x00\xff", "%DOT11-6-ASSOC: Interface Dot11Radio1, Station 0200.5e10.0001 Ass", "%DOT11-6-ASSOC:", strings.Repeat("A", 9000)} {
		w.say(line)
	}
}

func (w *writer) Stop() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

func (w *writer) Start() {
	w.say("<189>3: *Mar  1 00:00:07.345: %SYS-5-RESTART: System restarted --")
}

func TestContract(t *testing.T) {
	for network, cfg := range map[string]Config{
		"udp": {Listen: netip.MustParseAddrPort("[::1]:0")}, "tcp": {ListenTCP: netip.MustParseAddrPort("[::1]:0")},
	} {
		t.Run(network, func(t *testing.T) {
			adaptertest.Test(t, func(t *testing.T) adaptertest.Bench {
				cfg.Log, cfg.Sources = slog.New(slog.NewTextHandler(io.Discard, nil)), []Source{{Address: netip.MustParsePrefix("::1/128"), Interface: "acc0"}}
				a, err := New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				return adaptertest.Bench{
					Adapter: a, AccessPoint: &writer{t: t, adapter: a, network: network, said: map[mih.LinkAddress]string{}}, Maximum: maximumStations,
					Garbled: []string{"ignored_foreign", "ignored_truncated", "ignored_too_long"},
				}
			})
		})
	}
}
