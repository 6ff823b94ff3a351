package radius

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	codec "layeh.com/radius"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// moods stand in for servers that answer about everybody but some. None of them waits: who is silent is so at once, and a question that is to
// take long does until the test ends it.
type moods struct {
	mu     sync.Mutex
	mute   map[string][]string      // by server: about whom it is silent
	asked  []string                 // server and mobile node
	ending map[string]chan struct{} // by server and mobile node: the end of a question that takes long
	begun  chan struct{}            // one began
}

// silentAbout says about whom a server is silent from now on; "*": about all.
func (m *moods) silentAbout(server string, nais ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mute[server] = nais
}

// lasts has a question to a server about a mobile node take until end is called.
func (m *moods) lasts(question string) (end func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ending := make(chan struct{})
	m.ending[question] = ending
	return sync.OnceFunc(func() { close(ending) })
}

func (m *moods) exchange(ctx context.Context, s *server, q policy.Query) (*codec.Packet, error) {
	nai := q.MobileNodeID.String()
	m.mu.Lock()
	m.asked = append(m.asked, s.Name+" "+nai)
	ending := m.ending[s.Name+" "+nai]
	m.mu.Unlock()
	if ending != nil {
		m.begun <- struct{}{}
		select {
		case <-ending:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if mute := m.mute[s.Name]; slices.Contains(mute, nai) || slices.Contains(mute, "*") {
		return nil, errSilent
	}
	return codec.New(codec.CodeAccessAccept, []byte(secret)), nil
}

// said are the questions that servers were asked since the last call.
func (m *moods) said() (list []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list, m.asked = m.asked, nil
	return list
}

// outage is a client that runs, with servers aaa1, aaa2 and so on.
type outage struct {
	*moods
	t        *testing.T
	c        *Client
	n        *counts
	mu       sync.Mutex
	last     policy.QueryID
	outcomes map[policy.QueryID]chan policy.Outcome
}

func newOutage(t *testing.T, servers int, deadTime time.Duration) *outage {
	o := &outage{moods: &moods{mute: map[string][]string{}, ending: map[string]chan struct{}{}, begun: make(chan struct{}, 100)}, t: t, outcomes: map[policy.QueryID]chan policy.Outcome{}}
	o.c, o.n = newClient(t, Config{Servers: make([]Server, servers), DeadTime: deadTime})
	o.c.exchange = o.exchange
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = o.c.Run(ctx, func(id policy.QueryID, v policy.Verdict) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.outcomes[id] <- v.Outcome
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return o
}

// post asks about a mobile node, without waiting.
func (o *outage) post(nai string, change func(*policy.Query)) chan policy.Outcome {
	o.t.Helper()
	outcome := make(chan policy.Outcome, 2)
	o.mu.Lock()
	o.last++
	q := policy.Query{ID: o.last, MobileNodeID: mobility.NAI(nai)}
	o.outcomes[o.last] = outcome
	o.mu.Unlock()
	if change != nil {
		change(&q)
	}
	if !o.c.Post(q) {
		o.t.Fatal("no room")
	}
	return outcome
}

// get waits for what becomes of a question.
func (o *outage) get(outcome chan policy.Outcome) policy.Outcome {
	o.t.Helper()
	select {
	case got := <-outcome:
		return got
	case <-time.After(patience):
		o.t.Fatalf("no outcome; %v", o.n.all())
		return 0
	}
}

func anyway(q *policy.Query) { q.Anyway = true }
func atOnce(q *policy.Query) { q.AtOnce = true }

// ask asks about a mobile node, and waits.
func (o *outage) ask(nai string, change func(*policy.Query)) policy.Outcome {
	o.t.Helper()
	return o.get(o.post(nai, change))
}

// wantDead are the names of the servers that are taken for dead.
func (o *outage) wantDead(names ...string) {
	o.t.Helper()
	if got := o.c.Silent(); !slices.Equal(got, names) {
		o.t.Errorf("dead: %v, want %v; %v", got, names, o.n.all())
	}
}

func (o *outage) wantAsked(questions ...string) {
	o.t.Helper()
	if got := o.said(); !slices.Equal(got, questions) {
		o.t.Errorf("asked: %q, want %q; %v", got, questions, o.n.all())
	}
}

// counts waits until something happened so many times.
func (o *outage) counts(name string, times int) {
	o.t.Helper()
	o.until(func() bool { return o.n.of(name) == times })
}

// until waits for what nothing tells of.
func (o *outage) until(come func() bool) {
	o.t.Helper()
	for deadline := time.Now().Add(patience); !come(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatalf("dead: %v; %v", o.c.Silent(), o.n.all())
		}
	}
}

// killed has all servers silent, and taken for dead.
func (o *outage) killed() *outage {
	o.t.Helper()
	for _, s := range o.c.servers {
		o.silentAbout(s.Name, "*")
	}
	for _, nai := range []string{"first@x", "second@x"} {
		if got := o.ask(nai, nil); got != policy.Silent {
			o.t.Fatalf("outcome %v", got)
		}
	}
	if !o.c.allDead() {
		o.t.Fatalf("dead: %v", o.c.Silent())
	}
	o.said()
	return o
}

// A server that has nothing to say about one mobile node is asked about all others, however often that one comes; an answer takes what was
// suspected away.
func TestAServerIsNotDeadForOneMobileNode(t *testing.T) {
	for _, deadTime := range []time.Duration{time.Hour, 0} {
		o := newOutage(t, 1, deadTime)
		o.silentAbout("aaa1", "odd@x", "odder@x")
		for _, step := range []struct {
			nai  string
			want policy.Outcome
		}{
			{"odd@x", policy.Silent}, {"odd@x", policy.Silent}, {"a@x", policy.Accepted}, {"odd@x", policy.Silent}, {"b@x", policy.Accepted}, {"odder@x", policy.Silent},
		} {
			if got := o.ask(step.nai, nil); got != step.want {
				t.Errorf("about %s: outcome %v", step.nai, got)
			}
			o.wantDead()
		}
		if got := o.ask("odd@x", nil); got != policy.Silent { // the second one that is not answered for, and nobody else is
			t.Errorf("outcome %v", got)
		}
		if deadTime == 0 {
			o.wantDead()
		} else {
			o.wantDead("aaa1")
		}
	}
}

// What a server answers to others while a question waits in vain shows that it lives.
func TestAServerThatAnswersOthersMeanwhileLives(t *testing.T) {
	o := newOutage(t, 1, time.Hour)
	o.silentAbout("aaa1", "odd@x", "odder@x")
	o.ask("odd@x", nil)
	end := o.lasts("aaa1 odder@x")
	waits := o.post("odder@x", nil)
	<-o.begun
	if got := o.ask("a@x", nil); got != policy.Accepted {
		t.Errorf("outcome %v", got)
	}
	end()
	if got := o.get(waits); got != policy.Silent {
		t.Errorf("outcome %v", got)
	}
	o.wantDead()
}

// When all are dead nobody is asked, but about a mobile node that has just come and would be refused: one of them is, the one that is due
// next, and when it answers it lives.
func TestADeadServerIsAskedRatherThanNobody(t *testing.T) {
	o := newOutage(t, 2, time.Hour).killed()
	for _, step := range []struct {
		change func(*policy.Query)
		asked  []string
	}{{nil, nil}, {atOnce, nil}, {anyway, []string{"aaa1 c@x"}}} { // the first one died first
		if got := o.ask("c@x", step.change); got != policy.Silent {
			t.Errorf("outcome %v", got)
		}
		o.wantAsked(step.asked...)
	}
	o.silentAbout("aaa2")
	if got := o.ask("c@x", anyway); got != policy.Accepted { // its turn, now that the first was asked again
		t.Errorf("outcome %v", got)
	}
	o.wantDead("aaa1")
	o.said()
	if got := o.ask("d@x", nil); got != policy.Accepted {
		t.Errorf("outcome %v", got)
	}
	o.wantAsked("aaa2 d@x")
}

// However many mobile nodes come that would be refused, dead servers are asked one question at a time, and who is served without an answer
// waits for none of them. What comes of the one counts for all that waited, which are not too many.
func TestNobodyIsServedLateForADeadServer(t *testing.T) {
	for _, back := range []bool{false, true} {
		o := newOutage(t, 1, time.Hour).killed()
		room := cap(o.c.held)
		end := o.lasts("aaa1 slow@x")
		held := []chan policy.Outcome{o.post("slow@x", anyway)}
		<-o.begun
		for i := range room {
			held = append(held, o.post(fmt.Sprint("mn", i, "@x"), anyway))
		}
		o.counts("dead_server_awaited", 1+room)
		for i := range workers {
			if got := o.ask(fmt.Sprint("too many", i, "@x"), anyway); got != policy.Silent {
				t.Errorf("one that there is no room for: outcome %v", got)
			}
			if got := o.ask("known@x", atOnce); got != policy.Silent {
				t.Errorf("one that can be served: outcome %v", got)
			}
		}
		o.counts("dead_server_crowded", workers)
		o.wantAsked("aaa1 slow@x")
		want := policy.Silent
		if back {
			o.silentAbout("aaa1")
			want = policy.Accepted
		}
		end()
		for i, outcome := range held {
			if got := o.get(outcome); got != want {
				t.Errorf("back: %v, question %d: outcome %v; %v", back, i, got, o.n.all())
			}
		}
		if !back {
			o.wantAsked()
			o.wantDead("aaa1")
		}
	}
}

// A dead server whose time is over is asked by the way: nobody waits for it who has another one, or is served without; only who neither has
// nor attaches does.
func TestADeadServerComesBack(t *testing.T) {
	const overAtOnce = time.Nanosecond
	o := newOutage(t, 2, overAtOnce)
	o.silentAbout("aaa1", "*")
	o.ask("first@x", nil)
	o.ask("second@x", nil)
	o.wantDead("aaa1")
	end := o.lasts("aaa1 a@x")
	for range 3 { // one of them is taken to the dead server as well
		if got := o.ask("a@x", nil); got != policy.Accepted {
			t.Errorf("with another server: outcome %v", got)
		}
	}
	<-o.begun
	o.silentAbout("aaa1")
	end()
	o.until(func() bool { return len(o.c.Silent()) == 0 })

	o.killed()
	end = o.lasts("aaa1 b@x")
	if got := o.ask("b@x", atOnce); got != policy.Silent {
		t.Errorf("served without: outcome %v", got)
	}
	<-o.begun
	o.silentAbout("aaa1")
	end()
	if got := o.ask("c@x", nil); got != policy.Accepted {
		t.Errorf("looked at again: outcome %v", got)
	}
}
