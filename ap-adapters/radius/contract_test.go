package radius

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2866"

	"netlmm/ap-adapters/adaptertest"
	"netlmm/mih"
)

// nas is an access point in the hands of the contract's tests: it repeats what is not answered.
type nas struct {
	t       *testing.T
	adapter *Adapter
	session map[mih.LinkAddress]string
	said    map[mih.LinkAddress][]byte
	begun   int

	mu      sync.Mutex
	mute    bool
	conn    *net.UDPConn
	waiting map[byte][]byte // by identifier
}

const nasWindow = 200 // of the 256 identifiers

func newNAS(t *testing.T, a *Adapter) *nas {
	n := &nas{t: t, adapter: a, session: map[mih.LinkAddress]string{}, said: map[mih.LinkAddress][]byte{}}
	t.Cleanup(n.Stop)
	return n
}

// connect opens the socket and keeps repeating.
func (n *nas) connect() {
	n.t.Helper()
	if n.conn != nil {
		return
	}
	eventually(n.t, "the adapter listens", func() bool { return n.adapter.ListenAddress().IsValid() })
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(n.adapter.ListenAddress()))
	if err != nil {
		n.t.Fatal(err)
	}
	n.mu.Lock()
	n.conn, n.waiting = conn, map[byte][]byte{}
	n.mu.Unlock()
	go n.listen(conn)
	go n.repeat(conn)
}

func (n *nas) listen(conn *net.UDPConn) {
	for buf := make([]byte, codec.MaxPacketLength); ; {
		length, err := conn.Read(buf)
		if err != nil {
			return
		}
		n.mu.Lock()
		if asked := n.waiting[buf[1]]; asked != nil && n.conn == conn && codec.IsAuthenticResponse(buf[:length], asked, secret) {
			delete(n.waiting, buf[1])
		}
		n.mu.Unlock()
	}
}

func (n *nas) repeat(conn *net.UDPConn) {
	for range time.Tick(50 * time.Millisecond) {
		n.mu.Lock()
		if n.conn != conn {
			n.mu.Unlock()
			return
		}
		for _, packet := range n.waiting {
			if !n.mute {
				_, _ = conn.Write(packet)
			}
		}
		n.mu.Unlock()
	}
}

// say sends a request once there is an identifier for it.
func (n *nas) say(packet []byte) {
	n.t.Helper()
	n.connect()
	eventually(n.t, "an identifier is free", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		if len(n.waiting) >= nasWindow || n.waiting[packet[1]] != nil {
			return false
		}
		n.waiting[packet[1]] = packet
		if !n.mute {
			_, _ = n.conn.Write(packet)
		}
		return true
	})
}

func (n *nas) tell(status rfc2866.AcctStatusType, station mih.LinkAddress) {
	n.t.Helper()
	p := codec.New(accounting, secret)
	p.Identifier = byte(n.begun)
	packet := numbered(n.t, p, of(status, n.session[station], station))
	n.said[station] = packet
	n.say(packet)
}

func (n *nas) Attach(station mih.LinkAddress) {
	n.begun++
	n.session[station] = fmt.Sprint("session-", n.begun)
	n.tell(start, station)
}

func (n *nas) Detach(station mih.LinkAddress) {
	n.begun++
	n.tell(stop, station)
}

func (n *nas) Repeat(station mih.LinkAddress) { n.say(n.said[station]) }

func (n *nas) Mute(mute bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mute = mute
}

func (n *nas) Garbage() {
	n.connect()
	forged := request(n.t, accounting, Secret("another"), of(start, "1", station(9))...)
	truncated := request(n.t, accounting, secret, of(start, "1", station(9))...)[:30]
	for _, packet := range [][]byte{{}, {0}, []byte(strings.Repeat("A", 9000)), forged, truncated, request(n.t, codec.CodeAccessRequest, secret)} {
		_, _ = n.conn.Write(packet)
	}
}

func (n *nas) Stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn != nil {
		n.conn.Close()
		n.conn, n.waiting = nil, nil
	}
}

// Start is that of an access point which sends no Accounting-On; what that does is for TestAccountingOn.
func (n *nas) Start() { n.connect() }

func TestContract(t *testing.T) {
	adaptertest.Test(t, func(t *testing.T) adaptertest.Bench {
		a, err := New(config())
		if err != nil {
			t.Fatal(err)
		}
		return adaptertest.Bench{Adapter: a, AccessPoint: newNAS(t, a), Maximum: maximumSessions,
			Garbled: []string{"malformed", "bad_authenticator", "refused_code"}}
	})
}
