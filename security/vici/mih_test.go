package vici_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"netlmm/internal/netnstest"
	"netlmm/security"
	"netlmm/security/internal/rawtest"
)

const mihPort = 4551

// RFC 5677 section 8: MIH between two gateways, or a gateway and an access point, is under the SA that has their Mobility Headers.
func TestMIHOverUDPArrivesOnlyUnderSA(t *testing.T) {
	a, b := newPair(t)
	failsClosed(t, a, b, datagrams(t, a, b, mihPort))
}

func TestMIHOverIPv4ArrivesOnlyUnderSA(t *testing.T) {
	a, b := newPair4(t)
	failsClosed(t, a, b, datagrams(t, a, b, mihPort))
}

// Who connects has any port: the connection is under the SA all the same, in both directions.
func TestMIHOverTCPArrivesOnlyUnderSA(t *testing.T) {
	a, b := newPair(t)
	failsClosed(t, a, b, connections(t, a, b))
}

// connections go to the port of MIH, and each is answered; one that is not taken at once is given up.
func connections(t *testing.T, a, b *end) traffic {
	t.Helper()
	var listener net.Listener
	at := netip.AddrPortFrom(b.self, mihPort).String()
	netnstest.In(t, b.ns, func() (err error) {
		listener, err = net.Listen("tcp", at)
		return err
	})
	t.Cleanup(func() { listener.Close() })
	accepted := make(chan struct{}, 100)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- struct{}{}
			_, _ = c.Write([]byte{1})
			c.Close()
		}
	}()
	came := func(within time.Duration) bool {
		select {
		case <-accepted:
			return true
		case <-time.After(within):
			return false
		}
	}
	return traffic{
		send: func() (err error) {
			netnstest.In(t, a.ns, func() error {
				var c net.Conn
				if c, err = net.DialTimeout("tcp", at, 300*time.Millisecond); err != nil {
					return nil
				}
				defer c.Close()
				_ = c.SetReadDeadline(time.Now().Add(patience))
				_, err = io.ReadFull(c, make([]byte, 1))
				return nil
			})
			return err
		},
		came: came,
		drain: func() {
			for came(20 * time.Millisecond) {
			}
		},
	}
}

// The operator's connection between two gateways is found by its traffic selectors, comes up from either end, and has both the
// handover messages between them (RFC 5949) and MIH.
func TestSwanctlManagesConnectionBetweenGateways(t *testing.T) {
	for _, initiator := range []string{"a", "b"} {
		a, b := newPair(t)
		withFilters(t, a, b)
		for _, e := range []*end{a, b} {
			e.startCharon()
			e.swanctlConfWhenUp("core", "gateways")
			e.startDaemon(e.peer(security.BySwanctl, e.name == initiator))
		}
		for _, e := range []*end{a, b} {
			e.awaitState("up")
			if s := e.status(); s.Covers != everything.String() {
				t.Errorf("%s: status %+v", e.name, s)
			}
		}
		for _, way := range [][2]*end{{a, b}, {b, a}} {
			t.Run(initiator+" initiates, from "+way[0].name, func(t *testing.T) { protectedBetweenGateways(t, way[0], way[1]) })
		}
	}
}

func protectedBetweenGateways(t *testing.T, from, to *end) {
	t.Helper()
	status := func() any { return from.status() }
	mih := datagrams(t, from, to, mihPort)
	await(t, "MIH", func() bool { return mih.send() == nil && mih.came(100*time.Millisecond) }, status)
	tcp := connections(t, from, to)
	await(t, "TCP", func() bool { return tcp.send() == nil && tcp.came(100*time.Millisecond) }, status)
	sender, receiver := rawtest.Open(t, from.ns, 135), rawtest.Open(t, to.ns, 135)
	for name, mhType := range map[string]byte{"Handover Initiate": 14, "Handover Acknowledge": 15} {
		await(t, name, func() bool {
			return sender.Send(rawtest.MobilityHeaderOf(mhType, from.self, to.self), to.self) == nil && receiver.Receive(100*time.Millisecond) != nil
		}, status)
		receiver.Drain()
	}
}

// One end has the selectors of a configuration of before: what stands is narrowed to Mobility Headers, and MIH does not pass.
func TestAssociationWithoutMIH(t *testing.T) {
	a, b := newPair(t)
	withFilters(t, a, b)
	for _, e := range []*end{a, b} {
		e.startCharon()
		e.swanctlConfWhenUp("core", "signalling")
		if e == b {
			e.swanctlConfFor("core", "signalling", false)
			e.swanctl("--load-all")
		}
		e.startDaemon(e.peer(security.BySwanctl, e.name == "a"))
	}
	a.awaitState("up")
	b.awaitState("up")
	for _, e := range []*end{a, b} {
		if s := e.status(); s.Covers != security.MobilityHeaders.String() {
			t.Errorf("%s: status %+v", e.name, s)
		}
	}
	sender, receiver := rawtest.Open(t, a.ns, 135), rawtest.Open(t, b.ns, 135)
	await(t, "a Mobility Header under the SA", func() bool {
		return sender.Send(rawtest.MobilityHeader(a.self, b.self), b.self) == nil && receiver.Receive(100*time.Millisecond) != nil
	}, func() any { return a.status() })
	mih := datagrams(t, a, b, mihPort)
	for range 3 {
		_ = mih.send()
	}
	if mih.came(200 * time.Millisecond) {
		t.Error("MIH passes an SA that does not cover it")
	}
	for e, want := range map[*end]security.Traffic{a: everything, b: security.MobilityHeaders} {
		connections, err := e.client.Connections(context.Background())
		if err != nil || len(connections) != 2 || connections[1].Covers != want {
			t.Errorf("connections %+v, %v", connections, err)
		}
	}
}
