package vici_test

import (
	"os"
	"testing"
	"time"

	"netlmm/security"
	"netlmm/security/filter"
	"netlmm/security/internal/rawtest"
)

// With the filter in place a Mobility Header arrives only under an SA: not before charon has loaded anything, and not
// after it was killed; seen on the receiving socket, which gets it decrypted, and in the counters.
func TestMobilityHeaderArrivesOnlyUnderSA(t *testing.T) {
	a, b := newPair(t)
	filters := map[*end]*filter.Filter{}
	for _, e := range []*end{a, b} {
		handle, err := os.Open("/run/netns/" + e.ns)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { handle.Close() })
		mode := filter.XFRM
		if e.libipsec {
			mode = filter.Libipsec
		}
		f, err := filter.New(filter.Config{Mode: mode, Table: "netlmm", NetNS: int(handle.Fd())})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Apply(); err != nil {
			t.Fatal(err)
		}
		filters[e] = f
	}
	sender, receiver := rawtest.Open(t, a.ns, 135), rawtest.Open(t, b.ns, 135)
	mh := rawtest.MobilityHeader(a.self, b.self)
	mustNotArrive := func(when string) {
		t.Helper()
		receiver.Drain()
		for range 3 {
			_ = sender.Send(mh, b.self)
		}
		if receiver.Receive(200*time.Millisecond) != nil {
			t.Errorf("%s a Mobility Header arrives in clear", when)
		}
	}
	mustNotArrive("before charon runs")
	for _, e := range []*end{a, b} {
		psk(e, sharedSecret)
		e.startCharon()
	}
	mustNotArrive("before charon has an SA")
	for _, e := range []*end{a, b} {
		e.startDaemon(e.peer(security.ByNetlmm, e.name == "a"))
	}
	a.awaitState("up")
	b.awaitState("up")
	await(t, "a Mobility Header under the SA", func() bool {
		return sender.Send(mh, b.self) == nil && receiver.Receive(100*time.Millisecond) != nil
	}, func() any { return a.status() })
	a.killCharon()
	if a.libipsec {
		mustNotArrive("after charon was killed")
	} else { // the kernel goes on; take its SAs away as their lifetime would
		run(t, "ip", "-n", a.ns, "xfrm", "state", "flush")
		run(t, "ip", "-n", a.ns, "xfrm", "policy", "flush")
		mustNotArrive("after the kernel lost its SAs and policies")
	}
	dropped, err := filters[a].Counters()
	if err != nil || dropped.Out == 0 {
		t.Errorf("counters %+v, %v", dropped, err)
	}
}
