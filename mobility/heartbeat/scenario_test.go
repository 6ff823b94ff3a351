package heartbeat

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"netlmm/mobility/mh"
)

// The scenario files in testdata/scenarios drive one machine and record what it does. Every file says which clauses of RFC
// 5847 it shows. Peer N is 2001:db8:f::N, peer 4N is 192.0.2.N.
//
//	new [interval=D] [missing=N] [counter=N] [peers=(N,...)] [known=(N,...)] [mute=(N,...)] [kept] [passive] [laboratory] [local=A] [local4=A]
//	association peer=N up|down
//	doubt peer=N
//	sessions peer=N yes|no        (yes from the start)
//	request peer=N [seq=N] [u] [times=N] [to=A] [counter=N]
//	response peer=N [back=N] [seq=N] [counter=N] [u]     to the last request, or that before, or the Nth before
//	error peer=N [status=N]
//	raw peer=N HEX
//	tick D                        from deadline to deadline
//	leap D                        at once
//	show
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		s := &scenario{now: epoch}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.d = t, d
			s.out.Reset()
			s.run()
			if s.out.Len() == 0 {
				return "ok\n"
			}
			return s.out.String()
		})
	})
}

var (
	epoch      = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	localHere  = netip.MustParseAddr("2001:db8:a::1")
	local4Here = netip.MustParseAddr("192.0.2.100")
)

func address(n int) netip.Addr {
	if n >= 40 && n < 50 {
		return netip.AddrFrom4([4]byte{192, 0, 2, byte(n - 40)})
	}
	return netip.MustParseAddr(fmt.Sprintf("2001:db8:f::%d", n))
}

type scenario struct {
	t       *testing.T
	d       *datadriven.TestData
	now     time.Time
	machine *Machine
	without map[netip.Addr]bool // peers without a session
	out     strings.Builder
}

func (s *scenario) run() {
	switch s.d.Cmd {
	case "new":
		s.fresh()
	case "association":
		s.handle(AssociationChanged{Peer: s.peer(), Up: s.d.HasArg("up")})
	case "doubt":
		s.handle(Doubted{Peer: s.peer()})
	case "sessions":
		s.without[s.peer()] = s.d.HasArg("no")
	case "request":
		for range s.number("times", 1) {
			s.receive(s.heartbeat(0, uint32(s.number("seq", 1))))
		}
	case "response":
		s.receive(s.heartbeat(mh.HeartbeatResponse, s.sequence()))
	case "error":
		message := mh.BindingError{Status: mh.BindingErrorStatus(s.number("status", 2)), HomeAddress: netip.IPv6Unspecified()}
		s.receive(must(s.t, &message))
	case "raw":
		payload, err := hex.DecodeString(strings.Join(strings.Fields(s.d.Input), ""))
		if err != nil {
			s.t.Fatal(err)
		}
		s.receive(payload)
	case "tick":
		s.tick(s.span())
	case "leap":
		s.now = s.now.Add(s.span())
		s.write(s.machine.Expire(s.now))
	case "show":
		s.show()
	default:
		s.d.Fatalf(s.t, "unknown command %q", s.d.Cmd)
	}
}

func (s *scenario) fresh() {
	*s = scenario{t: s.t, d: s.d, now: epoch, without: map[netip.Addr]bool{}}
	interval, err := time.ParseDuration(s.text("interval", "60s"))
	if err != nil {
		s.t.Fatal(err)
	}
	cfg := Config{
		RestartCounter: uint32(s.number("counter", 7)), HeartbeatInterval: interval, MissingHeartbeatsAllowed: s.number("missing", 0),
		StateKept: s.d.HasArg("kept"), Passive: s.d.HasArg("passive"), Laboratory: s.d.HasArg("laboratory"),
		Sessions: func(peer netip.Addr) bool { return !s.without[peer] },
	}
	if local := s.text("local", localHere.String()); local != "none" {
		cfg.Local = netip.MustParseAddr(local)
	}
	if local := s.text("local4", "none"); local != "none" {
		cfg.LocalIPv4 = netip.MustParseAddr(local)
	}
	for _, n := range s.numbers("peers") {
		cfg.Peers = append(cfg.Peers, Peer{Address: address(n)})
	}
	for _, n := range s.numbers("known") {
		cfg.Peers = append(cfg.Peers, Peer{Address: address(n), Known: true, RestartCounter: 100})
	}
	for _, n := range s.numbers("mute") {
		cfg.Peers = append(cfg.Peers, Peer{Address: address(n), Mute: true})
	}
	if s.machine, err = New(cfg); err != nil {
		fmt.Fprintln(&s.out, err)
	}
}

func (s *scenario) heartbeat(flags mh.HeartbeatFlags, sequence uint32) []byte {
	h := mh.Heartbeat{Flags: flags, Sequence: sequence}
	if s.d.HasArg("u") {
		h.Flags |= mh.HeartbeatUnsolicited
	}
	if s.d.HasArg("counter") {
		h.Options.Present.Add(mh.OptionRestartCounter)
		h.Options.RestartCounter = uint32(s.number("counter", 0))
	}
	return must(s.t, &h)
}

// sequence is that of the last request to the peer unless the test says otherwise.
func (s *scenario) sequence() uint32 {
	last := s.machine.peers[s.peer()].sequence
	return uint32(s.number("seq", int(last)-s.number("back", 0)))
}

func must(t *testing.T, m interface{ AppendTo([]byte) ([]byte, error) }) []byte {
	t.Helper()
	payload, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func (s *scenario) receive(payload []byte) {
	to := localHere
	if s.peer().Is4() {
		to = local4Here
	}
	if s.d.HasArg("to") {
		to = netip.MustParseAddr(s.text("to", ""))
	}
	s.handle(MessageReceived{Source: s.peer(), Destination: to, Payload: payload})
}

func (s *scenario) handle(ev Event) { s.write(s.machine.Handle(s.now, ev)) }

// tick lets time pass from deadline to deadline.
func (s *scenario) tick(d time.Duration) {
	end := s.now.Add(d)
	for {
		next, ok := s.machine.NextDeadline()
		if !ok || next.After(end) {
			break
		}
		s.now = next
		s.write(s.machine.Expire(s.now))
	}
	s.now = end
}

func (s *scenario) write(actions []Action) {
	for _, a := range actions {
		fmt.Fprintf(&s.out, "%8.4fs %s\n", s.now.Sub(epoch).Seconds(), s.describe(a))
	}
}

func (s *scenario) describe(a Action) string {
	switch a := a.(type) {
	case SendMessage:
		return s.message(a)
	case PeerRestarted:
		return fmt.Sprintf("%v restarted, counter %d", a.Peer, a.RestartCounter)
	case PeerSeen:
		return fmt.Sprintf("%v seen, counter %d", a.Peer, a.RestartCounter)
	case PeerFailed:
		return fmt.Sprintf("%v failed", a.Peer)
	case PeerBack:
		return fmt.Sprintf("%v back", a.Peer)
	case PeerHeard:
		return fmt.Sprintf("%v heard", a.Peer)
	case PeerMuted:
		return fmt.Sprintf("%v muted", a.Peer)
	case Ignored:
		if a.Err != nil {
			return fmt.Sprintf("ignored of %v: %s (%v)", a.Source, a.Reason, a.Err)
		}
		return fmt.Sprintf("ignored of %v: %s", a.Source, a.Reason)
	}
	return fmt.Sprintf("%T", a)
}

func (s *scenario) message(a SendMessage) string {
	var h mh.Heartbeat
	if err := h.Decode(a.Payload); err != nil {
		s.t.Fatal(err)
	}
	if response := h.Flags&mh.HeartbeatResponse != 0; response != a.Response {
		s.t.Errorf("action says response=%t, its message %t", a.Response, response)
	}
	text := fmt.Sprintf("%v -> %v: U=%d R=%d seq=%d+%d", a.Source, a.Destination, h.Flags>>1, h.Flags&1, h.Sequence>>20, h.Sequence&(1<<20-1))
	if h.Options.Present.Has(mh.OptionRestartCounter) {
		text += fmt.Sprintf(" counter=%d", h.Options.RestartCounter)
	}
	return text
}

func (s *scenario) show() {
	for _, p := range s.machine.Peers() {
		fmt.Fprintf(&s.out, "%v up=%t failed=%t mute=%t", p.Address, p.Up, p.Failed, p.Mute)
		if p.RestartCounter != nil {
			fmt.Fprintf(&s.out, " counter=%d", *p.RestartCounter)
		}
		if !p.LastHeard.IsZero() {
			fmt.Fprintf(&s.out, " heard=%v", p.LastHeard.Sub(epoch))
		}
		fmt.Fprintf(&s.out, " unanswered=%d asked=%d answered=%d restarts=%d\n", p.Unanswered, p.Asked, p.Answered, p.Restarts)
	}
	next := "none"
	if at, ok := s.machine.NextDeadline(); ok {
		next = at.Sub(epoch).String()
	}
	fmt.Fprintf(&s.out, "next deadline %s\n", next)
}

func (s *scenario) peer() netip.Addr { return address(s.number("peer", 1)) }

func (s *scenario) text(key, otherwise string) string {
	for _, a := range s.d.CmdArgs {
		if a.Key == key && len(a.Vals) > 0 {
			return a.Vals[0]
		}
	}
	return otherwise
}

func (s *scenario) number(key string, otherwise int) int {
	n, err := strconv.Atoi(s.text(key, strconv.Itoa(otherwise)))
	if err != nil {
		s.d.Fatalf(s.t, "%s: %v", key, err)
	}
	return n
}

func (s *scenario) numbers(key string) (numbers []int) {
	for _, a := range s.d.CmdArgs {
		if a.Key != key {
			continue
		}
		for _, v := range a.Vals {
			n, err := strconv.Atoi(v)
			if err != nil {
				s.t.Fatal(err)
			}
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// span is the first argument, a duration.
func (s *scenario) span() time.Duration {
	d, err := time.ParseDuration(s.d.CmdArgs[0].Key)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}
