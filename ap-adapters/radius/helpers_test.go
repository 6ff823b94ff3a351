package radius

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"netlmm/internal/netnstest"
	"netlmm/internal/radiusauth"
	"netlmm/mih"
)

// leakChecked fails when a test leaves a goroutine.
type leakChecked struct{ *testing.M }

func (l leakChecked) Run() int {
	code := l.M.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestMain(m *testing.M) {
	netnstest.Main(leakChecked{m}, func() error { return netnstest.Command("ip link set lo up") })
}

const patience = 30 * time.Second

const (
	start      = rfc2866.AcctStatusType_Value_Start
	interim    = rfc2866.AcctStatusType_Value_InterimUpdate
	stop       = rfc2866.AcctStatusType_Value_Stop
	accounting = codec.CodeAccountingRequest
)

var (
	secret   = Secret("shared-secret-of-an-access-point")
	loopback = netip.MustParsePrefix("127.0.0.0/8")
	quiet    = newTextLogger(io.Discard)

	loopbackPort = netip.MustParseAddrPort("127.0.0.1:4000")
)

func newTextLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func station(i int) mih.LinkAddress { return mih.MACAddress([6]byte{2, 0, 0, 0, 0x10, byte(i)}) }

// attribute is one of a request: its type and what it holds.
type attribute struct {
	codec.Type
	value any // uint32 or a text
}

// request encodes a request as an access point does.
func request(t testing.TB, code codec.Code, secret Secret, attributes ...attribute) []byte {
	t.Helper()
	return numbered(t, codec.New(code, secret), attributes)
}

// numbered encodes a request whose identifier is given.
func numbered(t testing.TB, p *codec.Packet, attributes []attribute) []byte {
	t.Helper()
	if p.Code == accounting {
		p.Authenticator = [16]byte{}
	}
	for _, a := range attributes {
		switch v := a.value.(type) {
		case uint32:
			p.Add(a.Type, codec.NewInteger(v))
		case string:
			p.Add(a.Type, codec.Attribute(v))
		}
	}
	packet, err := radiusauth.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

// of are the attributes of a session's record.
func of(status rfc2866.AcctStatusType, session string, station mih.LinkAddress, more ...attribute) []attribute {
	return append([]attribute{
		{rfc2866.AcctStatusType_Type, uint32(status)}, {rfc2866.AcctSessionID_Type, session}, {rfc2865.CallingStationID_Type, station.String()},
		{rfc2865.NASIdentifier_Type, "ap1"},
	}, more...)
}

func delay(n int) attribute { return attribute{rfc2866.AcctDelayTime_Type, uint32(n)} }

func signed() attribute { return attribute{rfc2869.MessageAuthenticator_Type, ""} }

// running is a running adapter and what it emitted.
type running struct {
	*Adapter
	t    testing.TB
	got  chan mih.Indication
	stop func()
}

func config() Config {
	return Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Log: quiet,
		Clients: []Client{{Address: loopback, Secret: secret, Links: []Link{{Interface: "acc0"}}}}}
}

func run(t testing.TB, cfg Config) *running {
	t.Helper()
	r := begin(t, cfg)
	eventually(t, "the adapter listens", func() bool { return r.ListenAddress().IsValid() })
	return r
}

// begin is run without waiting until the adapter listens.
func begin(t testing.TB, cfg Config) *running {
	t.Helper()
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Adapter: a, t: t, got: make(chan mih.Indication, 1000)}
	done := make(chan error, 1)
	go func() {
		done <- a.Run(ctx, func(ind mih.Indication) bool {
			select {
			case r.got <- ind:
				return true
			default:
				return false
			}
		})
	}()
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		done <- nil
	}
	t.Cleanup(r.stop)
	return r
}

// expect waits for the next indication and compares its text.
func (r *running) expect(want string) mih.Indication {
	r.t.Helper()
	select {
	case ind := <-r.got:
		if text(ind) != want {
			r.t.Fatalf("got  %s\nwant %s", text(ind), want)
		}
		return ind
	case <-time.After(patience):
		r.t.Fatalf("nothing came; want %s; status %+v", want, r.Status())
	}
	panic("not reached")
}

func (r *running) counter(name string) uint64 { return r.Status().Counters[name] }

func text(ind mih.Indication) string {
	resync := ""
	if ind.Resync {
		resync = " resync"
	}
	link := ind.Event.LinkTuple()
	return fmt.Sprintf("%s %s %s %s %q%s", ind.Event.EventType(), ind.Interface, link.Link.Address, link.PointOfAttachment, ind.Identity, resync)
}

// dial opens a socket of an access point.
func dial(t testing.TB, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ask sends a request until it is answered, and checks the answer.
func ask(t testing.TB, conn *net.UDPConn, packet []byte, secret Secret) *codec.Packet {
	t.Helper()
	var last error
	for end := time.Now().Add(patience); time.Now().Before(end); {
		write(t, conn, packet)
		for answer := hear(t, conn, 200*time.Millisecond); answer != nil; answer = hear(t, conn, 200*time.Millisecond) {
			p, err := authenticAnswer(answer, packet, secret)
			if err == nil {
				return p
			}
			last = fmt.Errorf("answer %x: %w", answer, err) // or a second one to what was sent twice before
		}
	}
	t.Fatalf("no answer that is good: %v", last)
	return nil
}

func write(t testing.TB, conn *net.UDPConn, packet []byte) {
	t.Helper()
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
}

// hear returns what comes next; nil when nothing does for a while.
func hear(t testing.TB, conn *net.UDPConn, while time.Duration) []byte {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(while)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, codec.MaxPacketLength)
	n, err := conn.Read(buf)
	if err != nil {
		return nil
	}
	return buf[:n]
}

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
