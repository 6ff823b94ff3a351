package ciscosyslog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"netlmm/mih"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// started is a running adapter, what it emitted, and whether there is room for more.
type started struct {
	*Adapter
	t    *testing.T
	got  chan mih.Indication
	full atomic.Bool
}

func start(t *testing.T, listen string, sources ...Source) *started {
	t.Helper()
	return startWith(t, Config{Listen: netip.MustParseAddrPort(listen), Sources: sources})
}

func startWith(t *testing.T, cfg Config) *started {
	t.Helper()
	cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &started{Adapter: a, t: t, got: make(chan mih.Indication, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- a.Run(ctx, func(ind mih.Indication) bool {
			if s.full.Load() {
				return false
			}
			s.got <- ind
			return true
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s
}

func (s *started) expect(want string) {
	s.t.Helper()
	select {
	case ind := <-s.got:
		tuple := ind.Event.LinkTuple()
		if got := fmt.Sprintf("%s %s %s %s %q", ind.Event.EventType(), ind.Interface, tuple.Link.Address, tuple.PointOfAttachment, ind.Identity); got != want {
			s.t.Fatalf("got  %s\nwant %s", got, want)
		}
	case <-time.After(patience):
		s.t.Fatalf("nothing came; want %s; status %+v", want, s.Status())
	}
}

// sender writes datagrams from an address to the adapter.
func (s *started) sender(from string) func(text string) {
	s.t.Helper()
	eventually(s.t, "the adapter listens", func() bool { return s.ListenAddress().IsValid() })
	to := netip.AddrPortFrom(netip.MustParseAddr(from), s.ListenAddress().Port())
	if strings.HasPrefix(from, "127.") {
		to = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.ListenAddress().Port())
	}
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, net.UDPAddrFromAddrPort(to))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return func(text string) {
		s.t.Helper()
		if _, err := conn.Write([]byte(text)); err != nil {
			s.t.Fatal(err)
		}
	}
}

const (
	attached = "<190>1: *Mar  1 00:01:02.345: %DOT11-6-ASSOC: Interface Dot11Radio1, Station   0200.5e10.0001 Associated KEY_MGMT[NONE]"
	forged   = "%DOT11-6-ASSOC: Interface Dot11Radio1, Station 0200.dead.beef Associated"
	detached = "<190>2: *Mar  1 00:01:09.345: %DOT11-6-DISASSOC: Interface Dot11Radio1, Deauthenticating Station 0200.5e10.0001"
)

func TestSourcesOverTheSocket(t *testing.T) {
	poa := mih.MACAddress([6]byte{2, 0, 0x5e, 0x20, 0, 9})
	s := start(t, "[::]:0",
		Source{Address: netip.MustParsePrefix("127.0.0.2/32"), Interface: "acc0", PointOfAttachment: poa},
		Source{Address: netip.MustParsePrefix("127.0.0.4/31"), Interface: "acc1"},
		Source{Address: netip.MustParsePrefix("127.0.0.6/32"), AccessPoint: "roof", Interface: "acc2", UserNameIsAddress: true},
		Source{Address: netip.MustParsePrefix("127.0.0.6/32"), AccessPoint: "hall", Interface: "acc2"},
		Source{Address: netip.MustParsePrefix("::1/128"), Interface: "acc3"})
	ap0, ap1, controller, six, stranger := s.sender("127.0.0.2"), s.sender("127.0.0.5"), s.sender("127.0.0.6"), s.sender("::1"), s.sender("127.0.0.1")

	ap0(attached)
	s.expect(`Link_Up acc0 02:00:5e:10:00:01 02:00:5e:20:00:09 ""`)
	ap1(attached)
	s.expect(`Link_Up acc1 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	ap1(attached + "\n") // twice by the network, with or without what ends a line
	six(attached + "\n")
	s.expect(`Link_Up acc3 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	six(detached + "\r\n\x00")
	s.expect(`Link_Down acc3 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	const client = "%%CLIENT_ORCH_LOG-6-CLIENT_ADDED_TO_RUN_STATE: R0/0: wncd: Username entry (0200.5e10.0002) joined with ssid (s) for device with AP name (%s) AP mac (0200.5e20.0003) channel (36)"
	controller(fmt.Sprintf(client, "roof"))
	s.expect(`Link_Up acc2 02:00:5e:10:00:02 02:00:5e:20:00:03 ""`)

	controller(fmt.Sprintf(client, "hall")) // with 802.1X, this may be another's address
	controller(fmt.Sprintf(client, "cellar"))
	stranger(attached) // who may not write
	ap0("%DOT11-6-ASSOC: Interface Dot11Radio1, Station 0200.5e10.0001 Ass")
	ap0(strings.Replace(attached, "Station   ", "Station x\n"+forged+"\n", 1)) // its name forges a line
	ap0("hello")
	ap0("%SYS-5-RESTART: System restarted")
	ap0("\xff\x00" + strings.Repeat("A", 9000))
	want := map[string]uint64{"refused_user_name": 1, "refused_access_point": 1, "refused_source": 1, "ignored_truncated": 1, "ignored_foreign": 1,
		"ignored_other_mnemonic": 1, "ignored_too_long": 1, "ignored_control_characters": 1, "event_up": 4, "event_down": 1, "duplicates": 1, "lines": 14}
	eventually(t, "every line counted", func() bool {
		return s.Status().Counters["lines"] == want["lines"] && s.Status().Counters["ignored_too_long"] == 1
	})
	for name, n := range want {
		if got := s.Status().Counters[name]; got != n {
			t.Errorf("%s: %d, want %d", name, got, n)
		}
	}
	if p := s.Status().Peers; p[0].Stations != 1 || p[3].Stations != 0 || !p[0].Connected || p[2].Name != "roof" {
		t.Errorf("peers %+v", p)
	}
}

func TestListenIsTriedAgain(t *testing.T) {
	other, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s := start(t, other.LocalAddr().String(), Source{Address: netip.MustParsePrefix("::1/128"), Interface: "acc0"})
	eventually(t, "the failure shown", func() bool { return strings.Contains(s.Status().Peers[0].Detail, "another syslog server") })
	other.Close()
	s.sender("::1")(attached)
	s.expect(`Link_Up acc0 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
}

func TestConfigurationErrors(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("no sources, no error")
	}
	_, err := New(Config{Sources: []Source{{Interface: "acc0"}, {Address: netip.MustParsePrefix("::1/128")}}})
	for _, want := range []string{"source 0", "source 1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}
