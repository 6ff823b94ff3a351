package forwarding_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/forwardingtest"
)

var (
	lma    = netip.MustParseAddr("2001:db8:c::1")
	errNot = errors.New("the kernel says no")
)

func prefix(n int) netip.Prefix {
	return netip.MustParsePrefix(fmt.Sprintf("2001:db8:100:%d::/64", n))
}

func anchored(n, mag int) forwarding.Entry {
	return forwarding.Entry{Prefix: prefix(n), Role: forwarding.Anchor, Local: lma, Peer: netip.MustParseAddr(fmt.Sprintf("2001:db8:c::1%d", mag))}
}

// render is the desired state in the fake kernel's words.
func render(s *forwarding.State) string {
	var want forwardingtest.Kernel
	for e := range s.All {
		want.Put(e)
	}
	return want.String()
}

func TestSyncAppliesOnlyWhatChanged(t *testing.T) {
	var k forwardingtest.Kernel
	s, r := forwarding.NewState(), forwarding.New(&k)
	s.Set(anchored(1, 1))
	s.Set(anchored(2, 1))
	s.Set(forwarding.Entry{Prefix: prefix(3), Role: forwarding.Discard})
	s.Set(forwarding.Entry{Prefix: prefix(4), Role: forwarding.Gateway, Local: lma, Peer: netip.MustParseAddr("2001:db8:c::9"), Interface: "acc0"})
	if err := r.Sync(s); err != nil {
		t.Fatal(err)
	}
	want := "2001:db8:100:1::/64 to 2001:db8:c::11 from 2001:db8:c::1\n" +
		"2001:db8:100:2::/64 to 2001:db8:c::11 from 2001:db8:c::1\n" +
		"2001:db8:100:3::/64 discarded\n" +
		"2001:db8:100:4::/64 on acc0, through 2001:db8:c::9 from 2001:db8:c::1\n"
	if diff := cmp.Diff(want, k.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	k.Remove(prefix(2)) // which Sync must not notice
	s.Set(anchored(1, 2))
	s.Delete(prefix(4))
	if err := r.Sync(s); err != nil {
		t.Fatal(err)
	}
	want = "2001:db8:100:1::/64 to 2001:db8:c::12 from 2001:db8:c::1\n2001:db8:100:3::/64 discarded\n"
	if diff := cmp.Diff(want, k.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := r.Sync(s); err != nil || k.Calls != 2 {
		t.Errorf("Sync without a change: %v, %d calls of Apply, want 2", err, k.Calls)
	}
	if err := r.Resync(s); err != nil || k.String() != render(s) {
		t.Errorf("Resync: %v, kernel\n%s", err, &k)
	}
	if st := r.Status(); st.Mended != 1 {
		t.Errorf("mended %d, want the entry that was deleted behind our back", st.Mended)
	}
}

func TestRefusedChangesStayDesired(t *testing.T) {
	k := forwardingtest.Kernel{Fail: func(_ string, p netip.Prefix) error {
		if p == prefix(1) {
			return errNot
		}
		return nil
	}}
	s, r := forwarding.NewState(), forwarding.New(&k)
	s.Set(anchored(1, 1))
	s.Set(anchored(2, 1))
	err := r.Sync(s)
	if !errors.Is(err, errNot) || !strings.Contains(err.Error(), prefix(1).String()) {
		t.Errorf("Sync = %v, want what the kernel said, with the prefix", err)
	}
	want := forwarding.Status{Applied: 1, Failed: 1, Pending: []forwarding.Failure{{Prefix: prefix(1), Error: errNot.Error()}}}
	if diff := cmp.Diff(want, r.Status(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("Status (-want +got):\n%s", diff)
	}
	s.Set(anchored(3, 1))
	if err := r.Sync(s); err != nil {
		t.Errorf("an earlier failure shows in the Sync of another prefix: %v", err)
	}
	k.Fail = nil
	if err := r.Retry(s); err != nil || r.Pending() != 0 || k.String() != render(s) {
		t.Errorf("Retry: %v, %d pending, kernel\n%s", err, r.Pending(), &k)
	}
}

func TestResyncAdoptsAndRemoves(t *testing.T) {
	var k forwardingtest.Kernel
	k.Put(anchored(1, 1)) // still right
	k.Put(anchored(2, 1)) // moved meanwhile
	k.Put(anchored(3, 1)) // gone meanwhile
	s, r := forwarding.NewState(), forwarding.New(&k)
	right := anchored(1, 1)
	right.MobileNodeLinkLayerID = "abcdef" // no kernel stores it
	s.Set(right)
	s.Set(anchored(2, 2))
	s.Set(anchored(4, 2))
	if err := r.Resync(s); err != nil || k.String() != render(s) {
		t.Fatalf("Resync: %v, kernel\n%s", err, &k)
	}
	if st := r.Status(); st.Mended != 3 {
		t.Errorf("mended %d, want 3", st.Mended)
	}
	k.Fail = func(operation string, _ netip.Prefix) error {
		if operation == "applied" {
			return errNot
		}
		return nil
	}
	if err := r.Resync(s); !errors.Is(err, errNot) {
		t.Errorf("Resync = %v, want what the kernel said", err)
	}
}

// Any order of changes, faults and repairs ends in the desired state.
func TestAnyHistoryEndsInTheDesiredState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k forwardingtest.Kernel
		s, r := forwarding.NewState(), forwarding.New(&k)
		countdown := -1
		k.Fail = func(string, netip.Prefix) error {
			if countdown--; countdown == -1 {
				return errNot
			}
			return nil
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			n, mag := rapid.IntRange(1, 5).Draw(t, "prefix"), rapid.IntRange(1, 3).Draw(t, "mag")
			switch rapid.IntRange(0, 8).Draw(t, "step") {
			case 0, 1, 2:
				s.Set(anchored(n, mag))
			case 3:
				s.Delete(prefix(n))
			case 4:
				countdown = rapid.IntRange(1, 6).Draw(t, "fault after")
			case 5, 6:
				_ = r.Sync(s)
			case 7:
				_ = r.Retry(s)
			case 8:
				_ = r.Resync(s)
			}
		}
		k.Fail = nil
		if err := errors.Join(r.Sync(s), r.Retry(s)); err != nil || r.Pending() != 0 {
			t.Fatalf("%v, %d pending", err, r.Pending())
		}
		if diff := cmp.Diff(render(s), k.String()); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	})
}
