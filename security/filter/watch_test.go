package filter

import (
	"context"
	"testing"
	"time"
)

// What somebody else does to the table is told; what is done to other tables is not.
func TestWatchTellsOfChanges(t *testing.T) {
	a, _, f := namespaces(t, XFRM)
	if err := f.Apply(); err != nil {
		t.Fatal(err)
	}
	changes, ended := make(chan struct{}, 1000), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- f.Watch(ctx, func() { changes <- struct{}{} }) }()
	told := func(what string) {
		t.Helper()
		select {
		case <-changes:
		case <-time.After(patience):
			t.Fatalf("nothing is told of %s", what)
		}
	}
	drain := func() {
		for {
			select {
			case <-changes:
			case <-time.After(silence):
				return
			}
		}
	}
	told("the beginning")
	nft := func(words ...string) {
		t.Helper()
		run(t, append([]string{"ip", "netns", "exec", a, "nft"}, words...)...)
	}
	nft("add table inet operator; add set inet operator s { type ipv6_addr; }; add element inet operator s { 2001:db8::1 }; add chain inet operator c; add rule inet operator c accept")
	select {
	case <-changes:
		t.Error("a change of another table is told")
	case <-time.After(silence):
	}
	for _, damage := range []string{"flush ruleset", "delete table inet netlmm", "flush chain inet netlmm out", "insert rule inet netlmm in accept", "add chain inet netlmm more"} {
		nft(damage)
		told(damage)
		if err := f.Apply(); err != nil {
			t.Fatal(err)
		}
		drain()
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("Watch does not end with its context")
	}
}

// Two daemons of one namespace, as in a small laboratory, have a table each: who switches its own off takes no other's away.
func TestEachDaemonHasItsOwnTable(t *testing.T) {
	_, _, f := namespaces(t, XFRM)
	other, err := New(Config{Mode: XFRM, Table: "netlmm_other", NetNS: f.cfg.NetNS})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []*Filter{f, other} {
		if err := table.Apply(); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := f.Verify(); err != nil {
		t.Error(err)
	}
}
