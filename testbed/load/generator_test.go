package load

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/lma"
	"netlmm/mobility/mh"
	"netlmm/mobility/signaling"
)

// network carries Mobility Headers between a generator and an anchor in memory. Its goroutine owns the anchor.
type network struct {
	anchor    *lma.LMA
	generator *generator
	mags      []netip.Addr
	requests  chan signaling.Message
	// spoil may change an answer, or drop it by returning nil. number counts from 1.
	spoil func(number int, ack *mh.BindingAcknowledgement) *mh.BindingAcknowledgement
	// lose says which requests do not arrive.
	lose func(number int) bool
}

// SendBatch implements link.
func (n *network) SendBatch(messages []signaling.Outgoing) []error {
	for _, m := range messages {
		n.requests <- signaling.Message{Source: m.Source, Destination: m.Destination, Payload: slices.Clone(m.Payload)}
	}
	return nil
}

func (n *network) run() {
	number, answers := 0, 0
	for m := range n.requests {
		if number++; n.lose != nil && n.lose(number) {
			continue
		}
		for _, action := range n.anchor.Handle(time.Now(), lma.MessageReceived{Source: m.Source, Destination: m.Destination, Payload: m.Payload}) {
			answer, ok := action.(lma.SendMessage)
			if !ok {
				continue
			}
			answers++
			if payload := n.spoiled(answers, answer.Payload); payload != nil {
				n.generator.received(slices.Index(n.mags, answer.Destination),
					signaling.Message{Source: answer.Source, Destination: answer.Destination, Payload: payload, ReceivedAt: time.Now()})
				n.generator.receivedAll()
			}
		}
	}
}

func (n *network) spoiled(number int, payload []byte) []byte {
	if n.spoil == nil {
		return payload
	}
	var ack mh.BindingAcknowledgement
	if err := ack.Decode(payload); err != nil {
		panic(err)
	}
	spoiled := n.spoil(number, &ack)
	if spoiled == nil {
		return nil
	}
	payload, err := spoiled.AppendTo(nil)
	if err != nil {
		panic(err)
	}
	return payload
}

func testConfig() Config {
	return Config{
		LMA: netip.MustParseAddr(anchorAddress), MAGs: []netip.Addr{netip.MustParseAddr(firstGateway), netip.MustParseAddr(secondGateway)},
		MobileNodes: 100, Realm: "test.example", Operations: Operations, Count: 2, Clients: 7, Lifetime: time.Hour, Compat: Strict,
	}
}

// play runs cfg against a real anchor.
func play(t *testing.T, cfg Config, spoil func(int, *mh.BindingAcknowledgement) *mh.BindingAcknowledgement, lose func(int) bool) *Report {
	t.Helper()
	if err := cfg.check(); err != nil {
		t.Fatal(err)
	}
	anchor, err := lma.New(lma.Config{
		LMAAddresses: []netip.Addr{cfg.LMA}, Pools: []netip.Prefix{netip.MustParsePrefix(anchorPool)},
		Authorized: func(netip.Addr, string) bool { return true },
		Profile: func(id mobility.MobileNodeID) (mobility.Profile, bool) {
			return mobility.Profile{MobileNodeID: id, ProxyRegistration: true}, true
		},
		Random: func(b []byte) { rand.Read(b) },
		Compat: func(netip.Addr) mobility.Compat {
			compat, err := mobility.ParseCompat(string(cfg.Compat))
			if err != nil {
				panic(err)
			}
			return compat
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &network{anchor: anchor, mags: cfg.MAGs, spoil: spoil, lose: lose, requests: make(chan signaling.Message, 2*cfg.MobileNodes)}
	n.generator = newGenerator(cfg, []link{n, n})
	done := make(chan struct{})
	go func() { defer close(done); n.run() }()
	report, err := n.generator.rounds(context.Background())
	close(n.requests)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestAGoodAnchorPasses(t *testing.T) {
	open := testConfig()
	open.Rate = 20000
	for name, cfg := range map[string]Config{"closed loop": testConfig(), "at a rate": open} {
		t.Run(name, func(t *testing.T) {
			r := play(t, cfg, nil, nil)
			if r.Result != "pass" || r.Rounds != 2 || r.Statuses["accepted"] != 800 || len(r.Statuses) != 1 {
				t.Errorf("%+v", r)
			}
			for _, op := range Operations {
				if o := r.Operations[op]; o == nil || o.Accepted != 200 || o.Retransmissions != 0 || o.Rate <= 0 || o.P50 <= 0 || o.P999 < o.P50 {
					t.Errorf("%s: %+v", op, o)
				}
			}
		})
	}
}

// What is lost is sent again with a fresh number, counted, and its latency is that of both.
func TestRetransmissionsCount(t *testing.T) {
	cfg := testConfig()
	cfg.Count, cfg.MobileNodes = 1, 10
	r := play(t, cfg, nil, func(number int) bool { return number == 3 })
	o := r.Operations[Register]
	if r.Result != "pass" || o.Retransmissions != 1 || o.Accepted != 10 || o.P999 < microseconds(firstTimeout) {
		t.Errorf("%s, %+v", r.Result, o)
	}
}

// A timestamp that the anchor finds too old is one more reason to send again, not an end.
func TestRefusedTimestampsAreRepeated(t *testing.T) {
	cfg := testConfig()
	cfg.Count, cfg.MobileNodes = 1, 10
	r := play(t, cfg, func(number int, ack *mh.BindingAcknowledgement) *mh.BindingAcknowledgement {
		if number == 2 {
			ack.Status, ack.Options.Timestamp = mobility.StatusTimestampMismatch, 1
		}
		return ack
	}, nil)
	if r.Result != "pass" || r.Operations[Register].Retransmissions != 1 || r.Statuses["timestamp_mismatch"] != 1 {
		t.Errorf("%+v, %+v", r, r.Operations[Register])
	}
}

func TestViolationsAreFound(t *testing.T) {
	first := netip.Prefix{}
	for _, test := range []struct {
		want  Violation
		spoil func(number int, ack *mh.BindingAcknowledgement)
	}{
		{NoProxyFlag, func(n int, ack *mh.BindingAcknowledgement) { ack.Flags = 0 }},
		{WrongIndicator, func(n int, ack *mh.BindingAcknowledgement) { ack.Options.HandoffIndicator = 2 }},
		{WrongTechnology, func(n int, ack *mh.BindingAcknowledgement) { ack.Options.AccessTechnologyType = 3 }},
		{WrongLinkLayerID, func(n int, ack *mh.BindingAcknowledgement) { ack.Options.MobileNodeLinkLayerID = "nobody" }},
		{WrongTimestamp, func(n int, ack *mh.BindingAcknowledgement) { ack.Options.Timestamp++ }},
		{WrongSequence, func(n int, ack *mh.BindingAcknowledgement) { ack.Sequence += 100 }},
		{WrongLifetime, func(n int, ack *mh.BindingAcknowledgement) { ack.Lifetime ^= 0xffff }},
		{UnknownMobileNode, func(n int, ack *mh.BindingAcknowledgement) {
			ack.Options.MobileNodeID = mobility.NAI("nobody@test.example")
		}},
		{PrefixMissing, func(n int, ack *mh.BindingAcknowledgement) { ack.Options.HomeNetworkPrefixes = []netip.Prefix{allZero} }},
		{PrefixOfAnotherNode, func(n int, ack *mh.BindingAcknowledgement) {
			if n == 1 {
				first = ack.Options.HomeNetworkPrefixes[0]
			}
			ack.Options.HomeNetworkPrefixes = []netip.Prefix{first}
		}},
		{PrefixChanged, func(n int, ack *mh.BindingAcknowledgement) {
			if n > 4 { // the registrations are right
				ack.Options.HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("2001:db8:ff:%x::/64", n))}
			}
		}},
	} {
		t.Run(string(test.want), func(t *testing.T) {
			cfg := testConfig()
			cfg.Count, cfg.MobileNodes, cfg.Operations = 1, 4, []Operation{Register, Refresh, Handover}
			var good atomic.Bool // the last tries are left alone, so that the run ends soon
			r := play(t, cfg, func(number int, ack *mh.BindingAcknowledgement) *mh.BindingAcknowledgement {
				if number > 8 {
					good.Store(true)
				}
				if !good.Load() {
					test.spoil(number, ack)
				}
				return ack
			}, nil)
			if r.Result != "fail" || r.Violations[test.want] == 0 || len(r.Examples) == 0 || !strings.Contains(r.Examples[0], string(test.want)) {
				t.Errorf("%s: %v, %v", r.Result, r.Violations, r.Examples)
			}
		})
	}
}

// Against this project's own anchor, with the profile of such gateways, and against answers of such anchors.
func TestPeersThatDeviate(t *testing.T) {
	for _, test := range []struct {
		name       string
		compat     Compat
		operations []Operation
		spoil      func(int, *mh.BindingAcknowledgement) *mh.BindingAcknowledgement
	}{
		{"oai", OAI, Operations, nil},
		{"opmip", OPMIP, Operations, nil},
		{"an oai anchor", OAI, Operations, func(_ int, ack *mh.BindingAcknowledgement) *mh.BindingAcknowledgement {
			ack.Flags, ack.Options.HandoffIndicator, ack.Options.AccessTechnologyType = 0, 0, 0
			return ack
		}},
		{"an opmip anchor", OPMIP, []Operation{Register}, func(_ int, ack *mh.BindingAcknowledgement) *mh.BindingAcknowledgement {
			ack.Options.HomeNetworkPrefixes = []netip.Prefix{allZero}
			return ack
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Compat, cfg.Operations, cfg.Count = test.compat, test.operations, 1
			if r := play(t, cfg, test.spoil, nil); r.Result != "pass" || r.Operations[Register].Retransmissions != 0 {
				t.Errorf("%v %v", r.Violations, r.Examples)
			}
		})
	}
}

// The octets are those of the captures, but for what differs from update to update.
func TestUpdatesOfOtherKindsLookLikeTheirs(t *testing.T) {
	for compat, want := range map[Compat]string{
		OAI:   "3b09050000000001820003840809010000024c00000001010300000016120080000000000000000000000000000000001702000318020004190a0000004c00fffe0000010104000000001b08d2040000155e0369",
		OPMIP: "3b0805000000000182000384" + "0817016d6e3030303030303140746573742e6578616d706c65" + "16120040" + strings.Repeat("00", 16) + "17020004" + "18020000" + "00000000000000",
	} {
		n := newNode(1, "test.example", compat, 0)
		var update mh.BindingUpdate
		n.prepare(Register, 1)
		n.fill(&update, compat, Register, time.Unix(0x69035e15, 1234000), 900)
		payload, err := encode(&update, compat, nil)
		if got := fmt.Sprintf("%x", payload); err != nil || got != want {
			t.Errorf("%s: %s, %v", compat, got, err)
		}
	}
}

func TestConfigurationErrorsComeTogether(t *testing.T) {
	err := (&Config{Operations: []Operation{Handover, "dance"}, Compat: "other", MAGs: []netip.Addr{netip.IPv6Loopback()}}).check()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"LMA address", "mobile nodes", "dance", "second address", "count", "clients", "lifetime", "compat", "realm"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}
