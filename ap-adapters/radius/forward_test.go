package radius

import (
	"strings"
	"testing"
	"time"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"netlmm/internal/ingress"
	"netlmm/internal/radiusauth"
	"netlmm/mih"
)

var upstreamSecret = Secret("secret-of-the-accounting-server")

// bench is a server that forwards, and a clock, in the hands of a test.
type bench struct {
	t     *testing.T
	now   time.Time
	s     *server
	up    [][]byte // sent to the other server
	back  [][]byte // sent to clients
	taken int
}

func newBench(t *testing.T, always bool) *bench {
	cfg := config()
	cfg.Forward = &Forward{Server: loopbackPort, Secret: upstreamSecret, Always: always}
	cfg.RateLimit = 1 << 20
	b := &bench{t: t, now: time.Unix(1000, 0)}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.s = newServer(a, func(mih.Indication) bool { b.taken++; return true })
	b.s.send = func(_ ingress.Datagram, packet []byte) { b.back = append(b.back, packet) }
	b.s.forward.send = func(packet []byte) { b.up = append(b.up, packet) }
	return b
}

func (b *bench) receive(packet []byte) {
	b.s.receive(b.now, ingress.Datagram{From: loopbackPort, Interface: "lo", Payload: packet})
}

// pass lets time pass, a second at a time.
func (b *bench) pass(d time.Duration) {
	for ; d > 0; d -= time.Second {
		b.now = b.now.Add(time.Second)
		b.s.tick(b.now)
	}
}

// decoded is a packet that the other server got.
func (b *bench) decoded(packet []byte) *codec.Packet {
	b.t.Helper()
	p, err := authentic(packet, upstreamSecret, false)
	if err != nil {
		b.t.Fatalf("%x: %v", packet, err)
	}
	return p
}

// replies answers a packet as the other server does.
func (b *bench) replies(packet []byte, secret Secret, more ...*codec.AVP) {
	b.t.Helper()
	request := b.decoded(packet)
	p := request.Response(codec.CodeAccountingResponse)
	p.Secret = secret
	p.Attributes = append(p.Attributes, more...)
	for _, a := range request.Attributes {
		if a.Type == rfc2865.ProxyState_Type {
			p.Add(a.Type, a.Attribute)
		}
	}
	answer, err := radiusauth.Encode(p)
	if err != nil {
		b.t.Fatal(err)
	}
	b.s.forwarded(b.now, answer)
}

func (b *bench) counts(want map[string]uint64) {
	b.t.Helper()
	got := b.s.a.Status().Counters
	for name, n := range want {
		if got[name] != n {
			b.t.Errorf("%s is %d, want %d; all: %v", name, got[name], n, got)
		}
	}
}

func TestForwardsAndAnswersWhenAnswered(t *testing.T) {
	b := newBench(t, false)
	packet := request(t, accounting, secret, of(start, "1", station(0), attribute{rfc2865.ProxyState_Type, "of a proxy before"}, delay(2), signed())...)
	b.receive(packet)
	b.receive(packet)
	if len(b.up) != 1 || len(b.back) != 0 || b.taken != 1 {
		t.Fatalf("%d to the server, %d back, %d events", len(b.up), len(b.back), b.taken)
	}
	p := b.decoded(b.up[0])
	states, _ := rfc2865.ProxyState_GetStrings(p)
	if len(states) != 2 || states[0] != "of a proxy before" || !strings.HasPrefix(states[1], string(b.s.forward.own[:])) {
		t.Errorf("Proxy-State %q", states)
	}
	if rfc2866.AcctSessionID_GetString(p) != "1" || rfc2866.AcctDelayTime_Get(p) != 2 {
		t.Errorf("attributes %v", p.Attributes)
	}
	b.replies(b.up[0], Secret("another"))
	b.s.forwarded(b.now, []byte("x"))
	if len(b.back) != 0 {
		t.Fatal("a forged answer was passed on")
	}
	b.replies(b.up[0], upstreamSecret, &codec.AVP{Type: rfc2865.VendorSpecific_Type, Attribute: codec.Attribute("\x00\x00\x00\x09x")})
	if len(b.back) != 1 {
		t.Fatal("no answer")
	}
	answer, err := authenticAnswer(b.back[0], packet, secret)
	if err != nil {
		t.Fatal(err)
	}
	states, _ = rfc2865.ProxyState_GetStrings(answer)
	if len(states) != 1 || states[0] != "of a proxy before" || answer.Get(rfc2865.VendorSpecific_Type) == nil {
		t.Errorf("answer %v", answer.Attributes)
	}
	b.receive(packet)
	if len(b.up) != 1 || len(b.back) != 2 || string(b.back[0]) != string(b.back[1]) {
		t.Error("a repeated request did not get its answer again")
	}
	b.counts(map[string]uint64{"forwarded": 1, "forward_answered": 1, "forward_bad_answer": 2, "duplicates": 2, "answered": 1})
}

func TestAServerThatDoesNotAnswer(t *testing.T) {
	b := newBench(t, false)
	packet := request(t, accounting, secret, of(start, "1", station(0))...)
	b.receive(packet)
	b.pass(29 * time.Second)
	if len(b.up) != 4 || len(b.back) != 0 { // after 2, 4 and 8 seconds; then after 16
		t.Errorf("%d to the server, %d back", len(b.up), len(b.back))
	}
	if string(b.up[0]) != string(b.up[1]) || rfc2866.AcctDelayTime_Get(b.decoded(b.up[3])) != 14 {
		t.Errorf("repeated as %x with a delay of %d", b.up[1], rfc2866.AcctDelayTime_Get(b.decoded(b.up[3])))
	}
	b.pass(2 * time.Second)
	b.counts(map[string]uint64{"forward_unanswered": 1, "forwarded": 1, "forward_retransmitted": 3, "answered": 0})
	b.receive(packet) // the client tries again, and that counts
	if len(b.up) != 5 || b.taken != 1 {
		t.Errorf("%d to the server, %d events", len(b.up), b.taken)
	}
	b.replies(b.up[4], upstreamSecret)
	if len(b.back) != 1 || b.s.forward.flying != 0 || b.s.forward.octets != 0 {
		t.Errorf("%d back, %d on their way", len(b.back), b.s.forward.flying)
	}
}

func TestAnswersAlways(t *testing.T) {
	b := newBench(t, true)
	packet := request(t, accounting, secret, of(start, "1", station(0))...)
	b.receive(packet)
	b.receive(packet)
	if len(b.up) != 1 || len(b.back) != 2 {
		t.Fatalf("%d to the server, %d back", len(b.up), len(b.back))
	}
	b.pass(time.Hour) // the server is away
	last := b.up[len(b.up)-1]
	if late := rfc2866.AcctDelayTime_Get(b.decoded(last)); late < 3500 {
		t.Errorf("after an hour the record says that it is %d seconds late", late)
	}
	if n := len(b.up); n > 3600/16+5 {
		t.Errorf("sent %d times", n)
	}
	b.replies(last, upstreamSecret)
	if b.s.forward.flying != 0 || len(b.back) != 2 {
		t.Errorf("%d on their way, %d back", b.s.forward.flying, len(b.back))
	}
	b.counts(map[string]uint64{"forward_answered": 1, "forward_unanswered": 0})
}

// A record that the server leaves while it answers others is given up; one that nobody could answer is not.
func TestARecordThatTheServerDoesNotWant(t *testing.T) {
	b := newBench(t, true)
	b.receive(request(t, accounting, secret, of(start, "bad", station(0))...))
	b.pass(3 * time.Hour)
	b.counts(map[string]uint64{"forward_unanswered": 0})
	for i := range 400 {
		b.receive(request(t, accounting, secret, of(start, "good", station(1), attribute{rfc2865.NASPort_Type, uint32(i)})...))
		for _, packet := range b.up[max(0, len(b.up)-3):] {
			if p := b.decoded(packet); rfc2866.AcctSessionID_GetString(p) == "good" && b.s.forward.flight[p.Identifier] != nil {
				b.replies(packet, upstreamSecret)
			}
		}
		b.pass(time.Second)
	}
	b.counts(map[string]uint64{"forward_unanswered": 1, "forward_answered": 400})
}

// What waits is bounded; a client beyond that gets no answer, and keeps its record.
func TestForwardIsBoundedAndPaced(t *testing.T) {
	b := newBench(t, true)
	for i := range maximumForward + 500 {
		b.receive(request(t, accounting, secret, of(start, "1", station(0), attribute{rfc2865.NASPort_Type, uint32(i)})...))
	}
	if len(b.up) != firstWindow {
		t.Errorf("%d are on their way, want %d", len(b.up), firstWindow)
	}
	b.counts(map[string]uint64{"forward_queue_full": 500 - firstWindow, "answered": maximumForward + firstWindow})
	b.pass(10 * time.Minute)
	if n := len(b.up); n > firstWindow*(4+600/16) {
		t.Errorf("%d packets to a server that does not answer", n)
	}
	if b.s.forward.window != 1 {
		t.Errorf("window %d", b.s.forward.window)
	}
	for answered := 0; answered < len(b.up); answered++ {
		if p := b.decoded(b.up[answered]); b.s.forward.flight[p.Identifier] != nil && string(b.s.forward.flight[p.Identifier].wire) == string(b.up[answered]) {
			b.replies(b.up[answered], upstreamSecret)
		}
	}
	if b.s.forward.queue.Len() != 0 || b.s.forward.flying != 0 || b.s.forward.octets != 0 {
		t.Errorf("left: %d in the queue, %d on their way, %d octets", b.s.forward.queue.Len(), b.s.forward.flying, b.s.forward.octets)
	}
}

func TestARequestThatComesBackIsRefused(t *testing.T) {
	b := newBench(t, true)
	b.receive(request(t, accounting, secret, of(start, "1", station(0))...))
	p := b.decoded(b.up[0])
	p.Secret, p.Authenticator = secret, [16]byte{}
	p.Add(rfc2865.ProxyState_Type, codec.Attribute("of the other one"))
	packet, err := radiusauth.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	b.receive(packet)
	if len(b.up) != 1 || len(b.back) != 1 {
		t.Errorf("%d to the server, %d back", len(b.up), len(b.back))
	}
	b.counts(map[string]uint64{"refused_loop": 1})
}

// A request that leaves no room for Proxy-State cannot be forwarded, and that holds nothing else up.
func TestARequestTooLongToForward(t *testing.T) {
	b := newBench(t, false)
	long := of(start, "1", station(0))
	for missing := codec.MaxPacketLength - len(request(t, accounting, secret, long...)); missing > 2; missing -= 255 {
		long = append(long, attribute{rfc2865.ReplyMessage_Type, strings.Repeat("x", min(missing-2, 253))})
	}
	b.receive(request(t, accounting, secret, long...))
	b.receive(request(t, accounting, secret, of(start, "2", station(1))...))
	if len(b.up) != 1 || b.s.forward.flying != 1 {
		t.Errorf("%d to the server", len(b.up))
	}
	b.counts(map[string]uint64{"forward_too_long": 1})
}
