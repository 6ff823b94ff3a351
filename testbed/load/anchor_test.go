package load

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
	"netlmm/mobility/signaling"
)

var (
	playedAnchor  = netip.MustParseAddr(anchorAddress)
	playedGateway = netip.MustParseAddr(firstGateway)
)

func anchorTestConfig() AnchorConfig {
	return AnchorConfig{LMA: playedAnchor, MAG: playedGateway, Pool: DefaultPool, Lifetime: time.Hour, RestartCounter: 7, Compat: Strict, Seed: 1}
}

// pipe carries messages between a generator and a played anchor in memory; its goroutine owns the anchor.
type pipe struct {
	anchor    *anchor
	generator *generator
	requests  chan signaling.Message
}

// SendBatch is the generator's link.
func (p *pipe) SendBatch(messages []signaling.Outgoing) []error {
	for _, m := range messages {
		p.requests <- signaling.Message{Source: m.Source, Destination: m.Destination, Payload: slices.Clone(m.Payload), ReceivedAt: time.Now()}
	}
	return nil
}

// toGenerator is the anchor's link.
type toGenerator struct{ *pipe }

func (p toGenerator) SendBatch(messages []signaling.Outgoing) []error {
	for _, m := range messages {
		if header, err := mh.DecodeHeader(m.Payload); err == nil && header.Type == mh.TypeHeartbeat {
			continue // the generator knows none
		}
		p.generator.received(0, signaling.Message{Source: m.Source, Destination: m.Destination, Payload: m.Payload, ReceivedAt: time.Now()})
	}
	p.generator.receivedAll()
	return nil
}

func (p *pipe) run() {
	clock := time.NewTicker(time.Millisecond)
	defer clock.Stop()
	for {
		select {
		case m, open := <-p.requests:
			if !open {
				return
			}
			p.anchor.received(time.Now(), m)
			p.anchor.flush(time.Now())
		case now := <-clock.C:
			p.anchor.tick(now)
		}
	}
}

// playBoth runs the generator, as one gateway, against a played anchor.
func playBoth(t *testing.T, cfg Config, anchorConfig AnchorConfig) (*Report, *AnchorReport) {
	t.Helper()
	cfg.MAGs, cfg.Operations = []netip.Addr{playedGateway}, []Operation{Register, Refresh, Deregister}
	if err := cfg.check(); err != nil {
		t.Fatal(err)
	}
	if err := anchorConfig.check(); err != nil {
		t.Fatal(err)
	}
	p := &pipe{requests: make(chan signaling.Message, 4*cfg.MobileNodes)}
	p.anchor, p.generator = newAnchor(anchorConfig, toGenerator{p}, time.Now()), newGenerator(cfg, []link{p})
	done := make(chan struct{})
	go func() { defer close(done); p.run() }()
	report, err := p.generator.rounds(context.Background())
	close(p.requests)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	return report, p.anchor.finish(time.Now())
}

// The two players are each other's judges.
func TestThePlayersFindNoFaultInEachOther(t *testing.T) {
	for _, compat := range []Compat{Strict, OAI, OPMIP} {
		t.Run(string(compat), func(t *testing.T) {
			cfg, anchorConfig := testConfig(), anchorTestConfig()
			cfg.Compat, anchorConfig.Compat = compat, compat
			cfg.Count = 1 // the second round would be beyond MAX_UPDATE_RATE
			r, a := playBoth(t, cfg, anchorConfig)
			if r.Result != "pass" || a.Result != "pass" || a.Updates != 300 || a.Acknowledgements != 300 || a.Bindings != 0 {
				t.Errorf("generator %s %v, anchor %+v", r.Result, r.Examples, a)
			}
			for _, op := range []Operation{Register, Refresh, Deregister} {
				if o := a.Operations[op]; o == nil || o.Accepted != 100 || o.P50 <= 0 || o.P999 < o.P50 || o.Rate <= 0 {
					t.Errorf("%s: %+v", op, o)
				}
			}
		})
	}
}

func TestScenarioOfTheAnchor(t *testing.T) {
	cfg, anchorConfig := testConfig(), anchorTestConfig()
	cfg.MobileNodes, cfg.Count = 20, 1
	anchorConfig.Delay, anchorConfig.DropRate = 20*time.Millisecond, 0.1
	r, a := playBoth(t, cfg, anchorConfig)
	if r.Result != "pass" || a.Result != "pass" || a.Unanswered == 0 || a.Updates != a.Unanswered+60 {
		t.Errorf("generator %s %v, anchor %+v", r.Result, r.Examples, a)
	}
	// The generator's own clock says what the delay and the losses were.
	for _, op := range []Operation{Register, Refresh, Deregister} {
		if a.Operations[op].P50 < microseconds(anchorConfig.Delay) || r.Operations[op].P50 < microseconds(anchorConfig.Delay) {
			t.Errorf("%s: %+v, %+v", op, a.Operations[op], r.Operations[op])
		}
	}
	anchorConfig.Delay, anchorConfig.DropRate, anchorConfig.StatusShare, anchorConfig.Status = 0, 0, 0.5, mobility.StatusInsufficientResources
	r, a = playBoth(t, cfg, anchorConfig)
	if n := a.Statuses["insufficient_resources"]; n == 0 || n != r.Statuses["insufficient_resources"] || a.Result != "pass" || a.Operations[Register].Refused == 0 {
		t.Errorf("refusals %v and %v, anchor %+v", a.Statuses, r.Statuses, a)
	}
}

// outbasket is a link that keeps what was sent.
type outbasket struct{ sent [][]byte }

func (o *outbasket) SendBatch(messages []signaling.Outgoing) []error {
	for _, m := range messages {
		o.sent = append(o.sent, slices.Clone(m.Payload))
	}
	return nil
}

// take empties the basket.
func (o *outbasket) take() [][]byte {
	sent := o.sent
	o.sent = nil
	return sent
}

// byHand is a played anchor to which a test speaks message by message.
type byHand struct {
	*anchor
	t    *testing.T
	out  *outbasket
	now  time.Time
	node *node
}

func newByHand(t *testing.T, cfg AnchorConfig) *byHand {
	t.Helper()
	if err := cfg.check(); err != nil {
		t.Fatal(err)
	}
	h := &byHand{t: t, out: &outbasket{}, now: time.Now(), node: newNode(0, "test.example", Strict, 0)}
	h.anchor = newAnchor(cfg, h.out, h.now)
	return h
}

// ask has the anchor take an update for op, after change was applied to it, and returns the acknowledgements.
func (h *byHand) ask(op Operation, change func(*mh.BindingUpdate)) []mh.BindingAcknowledgement {
	h.t.Helper()
	var update mh.BindingUpdate
	h.node.prepare(op, 1)
	h.node.fill(&update, Strict, op, h.now, 900)
	if change != nil {
		change(&update)
	}
	return h.hand(update.AppendTo)
}

// hand gives the anchor a message and returns the acknowledgements that it sends.
func (h *byHand) hand(encode func([]byte) ([]byte, error)) (answers []mh.BindingAcknowledgement) {
	h.t.Helper()
	payload, err := encode(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.received(h.now, signaling.Message{Source: playedGateway, Destination: playedAnchor, Payload: payload, ReceivedAt: h.now})
	h.flush(h.now)
	for _, sent := range h.out.take() {
		var ack mh.BindingAcknowledgement
		if ack.Decode(sent) == nil {
			answers = append(answers, ack)
			if ack.Status.Accepted() {
				h.node.prefix = ack.Options.HomeNetworkPrefixes[0]
			}
		}
	}
	h.now = h.now.Add(time.Second)
	return answers
}

func TestViolationsOfAGatewayAreFound(t *testing.T) {
	without := func(option mh.OptionType) func(*mh.BindingUpdate) {
		return func(u *mh.BindingUpdate) { u.Options.Present &^= 1 << option }
	}
	for _, test := range []struct {
		want   Violation
		before []Operation
		op     Operation
		change func(*mh.BindingUpdate)
	}{
		{WrongFlags, nil, Register, func(u *mh.BindingUpdate) { u.Flags &^= mh.UpdateAcknowledge }},
		{MissingMobileNodeID, nil, Register, without(mh.OptionMobileNodeID)},
		{MissingPrefix, nil, Register, without(mh.OptionHomeNetworkPrefix)},
		{MissingIndicator, nil, Register, without(mh.OptionHandoffIndicator)},
		{MissingTechnology, nil, Register, without(mh.OptionAccessTechnologyType)},
		{AllZeroBesideOthers, nil, Register, func(u *mh.BindingUpdate) { u.Options.HomeNetworkPrefixes = []netip.Prefix{allZero, allZero} }},
		{ReservedIndicator, nil, Register, func(u *mh.BindingUpdate) { u.Options.HandoffIndicator = 0 }},
		{ReservedIndicator, nil, Register, func(u *mh.BindingUpdate) { u.Options.HandoffIndicator = 99 }},
		{ReservedTechnology, nil, Register, func(u *mh.BindingUpdate) { u.Options.AccessTechnologyType = 0 }},
		{ZeroLinkLayerID, nil, Register, func(u *mh.BindingUpdate) { u.Options.MobileNodeLinkLayerID = "\x00\x00\x00\x00\x00\x00" }},
		{DeregisterIndicator, []Operation{Register}, Deregister, func(u *mh.BindingUpdate) { u.Options.HandoffIndicator = 5 }},
		{OtherPrefixes, []Operation{Register}, Refresh, func(u *mh.BindingUpdate) { u.Options.HomeNetworkPrefixes = []netip.Prefix{allZero} }},
		{OtherPrefixes, []Operation{Register}, Deregister, func(u *mh.BindingUpdate) {
			u.Options.HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:ffff::/64")}
		}},
		{NotRegistered, nil, Refresh, nil},
		{NotRegistered, []Operation{Register, Deregister}, Refresh, nil},
		{OldTimestamp, []Operation{Register}, Refresh, func(u *mh.BindingUpdate) { u.Options.Timestamp -= 1 << 16 }},
		{FarTimestamp, nil, Register, func(u *mh.BindingUpdate) { u.Options.Timestamp += 1 << 16 }},
		{OldSequence, []Operation{Register}, Refresh, func(u *mh.BindingUpdate) {
			u.Sequence--
			u.Options.Present &^= 1 << mh.OptionTimestamp
		}},
	} {
		t.Run(string(test.want), func(t *testing.T) {
			h := newByHand(t, anchorTestConfig())
			for _, op := range test.before {
				if answers := h.ask(op, nil); len(answers) != 1 || !answers[0].Status.Accepted() || len(h.report.Violations) > 0 {
					t.Fatalf("%s: %+v %v", op, answers, h.report.Examples)
				}
			}
			answers := h.ask(test.op, test.change)
			if h.report.Violations[test.want] == 0 || len(answers) != 1 || !strings.Contains(h.report.Examples[0], string(test.want)) {
				t.Errorf("%v %q, answers %+v", h.report.Violations, h.report.Examples, answers)
			}
			if r := h.finish(h.now); r.Result != "fail" {
				t.Error("a violation passes")
			}
		})
	}
}

// A gateway that was there before the play, with bindings of another run, extends them (RFC 5213 section 6.9.1.3): no fault of its.
func TestBindingsOfBeforeThePlayAreExtended(t *testing.T) {
	h := newByHand(t, anchorTestConfig())
	h.node.prefix = netip.MustParsePrefix("2001:db8:7::/64")
	for range 2 {
		if answers := h.ask(Refresh, nil); len(answers) != 1 || !answers[0].Status.Accepted() || answers[0].Options.HomeNetworkPrefixes[0] != h.node.prefix {
			t.Fatalf("answers %+v", answers)
		}
	}
	if r := h.finish(h.now); r.Result != "pass" || r.RegisteredEarlier != 1 || r.Bindings != 1 {
		t.Errorf("%+v", r)
	}
	h.ask(Deregister, nil)
	h.ask(Refresh, nil)
	if r := h.finish(h.now); r.Violations[NotRegistered] != 1 || r.RegisteredEarlier != 1 {
		t.Errorf("%+v", r)
	}
}

// After the first lifetime of the play none of those can stand that were not extended in it.
func TestNoBindingOfBeforeThePlayOutlivesItsFirstLifetime(t *testing.T) {
	for after, violations := range map[time.Duration]uint64{time.Hour - time.Second: 0, time.Hour: 1} {
		h := newByHand(t, anchorTestConfig())
		h.node.prefix = netip.MustParsePrefix("2001:db8:7::/64")
		h.now = h.now.Add(after)
		h.ask(Refresh, nil)
		if r := h.finish(h.now); r.Violations[NotRegistered] != violations || r.RegisteredEarlier != 1-violations {
			t.Errorf("extended after %v: %+v", after, r)
		}
	}
}

func TestTooManyUpdatesAreAViolation(t *testing.T) {
	h := newByHand(t, anchorTestConfig())
	for range maximumUpdateRate + 1 {
		h.ask(Register, nil)
	}
	if len(h.report.Violations) != 0 {
		t.Fatalf("%v", h.report.Examples)
	}
	for range maximumUpdateRate {
		h.now = h.now.Add(-900 * time.Millisecond) // the updates follow each other after 100 ms
		h.ask(Register, nil)
	}
	if h.report.Violations[UpdateRate] == 0 {
		t.Errorf("%v", h.report.Violations)
	}
}

// RFC 5844 section 3.2: an update may ask for an IPv4 home address only. This anchor has none, and says so.
func TestAnUpdateForIPv4Only(t *testing.T) {
	h := newByHand(t, anchorTestConfig())
	answers := h.ask(Register, func(u *mh.BindingUpdate) {
		u.Options.Present &^= 1 << mh.OptionHomeNetworkPrefix
		u.Options.Present.Add(mh.OptionIPv4HomeAddressRequest)
		u.Options.IPv4HomeAddressRequest = netip.MustParsePrefix("0.0.0.0/0")
	})
	if len(answers) != 1 || answers[0].Status != mobility.StatusNotAuthorizedForIPv4Mobility || len(h.report.Violations) != 0 {
		t.Errorf("%+v %v", answers, h.report.Examples)
	}
}

// RFC 5847 section 3.2: after a restart the gateway is told the next counter, and every binding counts that comes back.
func TestRestartOfTheAnchor(t *testing.T) {
	cfg := anchorTestConfig()
	cfg.RestartAfter = time.Minute
	h := newByHand(t, cfg)
	counterOf := func(flags mh.HeartbeatFlags) uint32 {
		t.Helper()
		sent := h.out.take()
		var m mh.Heartbeat
		if len(sent) != 1 || m.Decode(sent[0]) != nil || m.Flags != flags {
			t.Fatalf("sent %d messages, want one heartbeat with flags %d", len(sent), flags)
		}
		return m.Options.RestartCounter
	}
	h.tick(h.now)
	if n := counterOf(mh.HeartbeatResponse | mh.HeartbeatUnsolicited); n != 7 {
		t.Errorf("restart counter %d", n)
	}
	h.ask(Register, nil)
	h.tick(h.now)
	if len(h.out.take()) != 0 {
		t.Error("too early")
	}
	h.now = h.now.Add(time.Minute)
	h.tick(h.now)
	if n := counterOf(mh.HeartbeatResponse | mh.HeartbeatUnsolicited); n != 8 {
		t.Errorf("restart counter %d", n)
	}
	request := mh.Heartbeat{Sequence: 5}
	payload, _ := request.AppendTo(nil)
	h.received(h.now, signaling.Message{Source: playedGateway, Destination: playedAnchor, Payload: payload, ReceivedAt: h.now})
	h.flush(h.now)
	if n := counterOf(mh.HeartbeatResponse); n != 8 {
		t.Errorf("restart counter %d", n)
	}
	if r := h.finish(h.now); r.Result != "fail" || r.Restart.Bindings != 1 || r.Restart.Registered != 0 {
		t.Errorf("%+v %+v", r, r.Restart)
	}
	h.ask(Refresh, nil)
	if r := h.finish(h.now); r.Result != "pass" || r.Restart.Registered != 1 || r.Heartbeats != 1 || r.RestartCounter != 8 {
		t.Errorf("%+v %+v", r, r.Restart)
	}
}

// RFC 5846: an indication is repeated once; what is not acknowledged is gone all the same.
func TestRevocationByTheAnchor(t *testing.T) {
	cfg := anchorTestConfig()
	cfg.RevokeAfter = time.Minute
	for _, acknowledge := range []bool{true, false} {
		h := newByHand(t, cfg)
		h.ask(Register, nil)
		h.tick(h.now)
		h.out.take()
		h.now = h.now.Add(time.Minute)
		h.tick(h.now)
		sent := h.out.take()
		var m mh.BindingRevocationIndication
		if len(sent) != 1 || m.Decode(sent[0]) != nil || m.Flags != mh.RevocationProxy || m.Options.MobileNodeID != h.node.id ||
			!slices.Equal(m.Options.HomeNetworkPrefixes, []netip.Prefix{h.node.prefix}) {
			t.Fatalf("sent %x: %+v", sent, m)
		}
		want := "pass"
		if acknowledge {
			ack := mh.BindingRevocationAcknowledgement{Sequence: m.Sequence, Flags: m.Flags}
			h.hand(ack.AppendTo)
			h.hand(ack.AppendTo) // once too often
			if h.report.Violations[WrongRevocation] != 1 {
				t.Errorf("%v", h.report.Violations)
			}
			delete(h.report.Violations, WrongRevocation)
		} else {
			want = "fail"
			for range 10 {
				h.now = h.now.Add(time.Second)
				h.tick(h.now)
			}
			if n := len(h.out.take()); n != revocationRetries {
				t.Errorf("repeated %d times", n)
			}
		}
		r := h.finish(h.now)
		if r.Result != want || r.Bindings != 0 || r.Revocation.Indications != 1 || (r.Revocation.Statuses["success"] == 1) != acknowledge {
			t.Errorf("%+v %+v", r, r.Revocation)
		}
	}
}

func TestAnchorConfigurationErrorsComeTogether(t *testing.T) {
	err := (&AnchorConfig{DropRate: 2, StatusShare: 0.5, Delay: -1, RevokeAfter: 1, Compat: "other"}).check()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"LMA address", "MAG address", "pool", "lifetime", "drop rate", "no refusal", "delay", "compat", "nor revocations"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}
