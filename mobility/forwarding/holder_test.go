package forwarding_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/forwardingtest"
)

var otherMAG = netip.MustParseAddr("2001:db8:c::12")

// visiting is a mobile node here that comes from another gateway, or goes there.
func visiting(n int, transfer forwarding.Transfer, hold bool) forwarding.Entry {
	e := forwarding.Entry{Prefix: prefix(n), Role: forwarding.Gateway, Local: netip.MustParseAddr("2001:db8:c::11"), Peer: lma, Interface: "acc0",
		MobileNodeLinkLayerID: mobility.LinkLayerID([6]byte{2, 5: byte(n)}), Transfer: transfer, Hold: hold}
	if transfer != forwarding.NoTransfer {
		e.OtherGateway = otherMAG
	}
	return e
}

// holding is a reconciler with both fakes, and what they were asked to do in its order.
type holding struct {
	*forwarding.Reconciler
	state  *forwarding.State
	kernel forwardingtest.Kernel
	holder forwardingtest.Holder
	told   []string
}

func newHolding() *holding {
	h := &holding{state: forwarding.NewState()}
	h.kernel.Fail = func(operation string, p netip.Prefix) error {
		h.told = append(h.told, strings.TrimSpace(fmt.Sprint(operation, " ", p)))
		return nil
	}
	h.holder.Told = func(operation string, p netip.Prefix) { h.told = append(h.told, fmt.Sprint(operation, " ", p)) }
	h.Reconciler = forwarding.New(&h.kernel)
	h.HoldWith(&h.holder)
	return h
}

// expect checks what was asked since the last time.
func (h *holding) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, h.told); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
	h.told = nil
}

// Packets are kept before the routes change that make them come, and let go behind the routes that they are to take.
func TestHeldBeforeTheRoutesAndReleasedBehindThem(t *testing.T) {
	h := newHolding()
	first, second := prefix(1).String(), prefix(2).String()
	sync := func(entries ...forwarding.Entry) {
		t.Helper()
		for _, e := range entries {
			h.state.Set(e)
		}
		if err := h.Sync(h.state); err != nil {
			t.Fatal(err)
		}
	}
	sync(visiting(1, forwarding.Arriving, true), visiting(2, forwarding.Arriving, true))
	h.expect(t, "both arrive", "hold "+first, "hold "+second, "apply "+first, "apply "+second)
	sync(visiting(1, forwarding.Arrived, true))
	h.expect(t, "the first is registered before it is there", "apply "+first)
	sync(visiting(1, forwarding.Arrived, false))
	h.expect(t, "the first is there", "apply "+first, "release "+first)
	h.state.Delete(prefix(2))
	sync()
	h.expect(t, "the second never comes", "apply "+second, "drop "+second)
	sync(visiting(1, forwarding.NoTransfer, true))
	sync(visiting(1, forwarding.Leaving, false))
	h.expect(t, "the first is lost and found elsewhere", "hold "+first, "apply "+first, "apply "+first, "release "+first)
}

// While there is no way to the mobile node what is held stays held; what cannot be held goes where the routes lead, and is tried again.
func TestFaultsAroundHolding(t *testing.T) {
	h := newHolding()
	h.holder.Fail = func(string, netip.Prefix) error { return errNot }
	h.state.Set(visiting(1, forwarding.Arriving, true))
	if err := h.Sync(h.state); !errors.Is(err, errNot) || h.Pending() != 1 || !strings.Contains(h.kernel.String(), "arriving") {
		t.Errorf("%v, %d pending, kernel\n%s", err, h.Pending(), &h.kernel)
	}
	h.holder.Fail = nil
	if err := h.Retry(h.state); err != nil || h.Pending() != 0 || h.holder.String() == "" {
		t.Errorf("Retry: %v, %d pending, holder %q", err, h.Pending(), &h.holder)
	}
	h.kernel.Fail = func(string, netip.Prefix) error { return errNot }
	h.state.Set(visiting(1, forwarding.Arriving, false))
	if err := h.Sync(h.state); !errors.Is(err, errNot) || h.holder.String() == "" {
		t.Errorf("%v, holder %q: what is held was let go without a way", err, &h.holder)
	}
	h.kernel.Fail = nil
	if err := h.Retry(h.state); err != nil || h.holder.String() != "" {
		t.Errorf("%v, holder %q", err, &h.holder)
	}
	h.state.Set(visiting(1, forwarding.Arriving, true))
	_ = h.Sync(h.state)
	h.kernel.Fail = func(string, netip.Prefix) error { return errNot }
	h.state.Delete(prefix(1))
	if err := h.Sync(h.state); err == nil || h.holder.String() != "" {
		t.Errorf("%v, holder %q: the entry is gone", err, &h.holder)
	}
}

// A Resync finds what is held and should not be, and the reverse, and has the holder look after itself.
func TestResyncBringsHoldingAbout(t *testing.T) {
	h := newHolding()
	h.kernel.Put(visiting(1, forwarding.Arriving, true)) // of a former run, whose packets are lost
	h.state.Set(visiting(1, forwarding.Arriving, true))
	h.holder.Fail = func(operation string, _ netip.Prefix) error {
		if operation == "mend" {
			return errNot
		}
		return nil
	}
	if err := h.Resync(h.state); !errors.Is(err, errNot) || h.holder.String() == "" {
		t.Errorf("%v, holder %q", err, &h.holder)
	}
	h.holder.Fail = nil
	h.state.Delete(prefix(1))
	h.kernel.Remove(prefix(1))
	if err := h.Resync(h.state); err != nil || h.holder.String() != "" {
		t.Errorf("%v, holder %q", err, &h.holder)
	}
}

// Any order of changes and faults ends with exactly those held that are to be.
func TestAnyHistoryEndsHoldingWhatIsWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHolding()
		h.holder.Told = nil
		countdown := -1
		fail := func(string, netip.Prefix) error {
			if countdown--; countdown == -1 {
				return errNot
			}
			return nil
		}
		h.kernel.Fail, h.holder.Fail = fail, fail
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			n := rapid.IntRange(1, 4).Draw(t, "prefix")
			switch rapid.IntRange(0, 8).Draw(t, "step") {
			case 0, 1, 2:
				h.state.Set(visiting(n, forwarding.Transfer(rapid.IntRange(0, 3).Draw(t, "transfer")), rapid.Bool().Draw(t, "hold")))
			case 3:
				h.state.Delete(prefix(n))
			case 4:
				countdown = rapid.IntRange(1, 6).Draw(t, "fault after")
			case 5, 6:
				_ = h.Sync(h.state)
			case 7:
				_ = h.Retry(h.state)
			case 8:
				_ = h.Resync(h.state)
			}
		}
		countdown = -1
		if err := errors.Join(h.Sync(h.state), h.Retry(h.state)); err != nil || h.Pending() != 0 {
			t.Fatalf("%v, %d pending", err, h.Pending())
		}
		want := forwardingtest.Holder{}
		for e := range h.state.All {
			if e.Hold {
				_ = want.Hold(e)
			}
		}
		if diff := cmp.Diff(want.String()+render(h.state), h.holder.String()+h.kernel.String()); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	})
}

func TestTransfersRender(t *testing.T) {
	for transfer, want := range map[forwarding.Transfer]string{
		forwarding.NoTransfer: "acc0, through 2001:db8:c::1 from 2001:db8:c::11, held\n",
		forwarding.Leaving:    "leaving to 2001:db8:c::12, held\n", forwarding.Arriving: "arriving from 2001:db8:c::12, held\n",
		forwarding.Arrived: "arrived from 2001:db8:c::12, held\n", 9: "unknown from 2001:db8:c::12, held\n",
	} {
		if got := forwardingtest.Render(visiting(1, transfer, true)); !strings.HasSuffix(got, want) {
			t.Errorf("%q, want it to end in %q", got, want)
		}
	}
	leaving := visiting(1, forwarding.Leaving, true).InKernel()
	_, pinned := leaving.Pinned()
	if _, known := leaving.Station(); leaving.Hold || pinned || !known || visiting(1, forwarding.Arriving, false).InKernel().MobileNodeLinkLayerID == "" {
		t.Errorf("in the kernel: %+v", leaving)
	}
}
