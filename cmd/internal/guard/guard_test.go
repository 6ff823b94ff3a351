package guard

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"netlmm/configs"
	"netlmm/security"
	"netlmm/security/filter"
	"netlmm/security/vici"
)

var errGone = security.CharonLost{Err: errors.New("gone")}

// Whose SAs outlive charon is what charon's plugin says, not what could have been.
func TestWhatOutlivesCharon(t *testing.T) {
	for _, c := range []struct {
		dataPath, plugin, then string
	}{
		{"auto", vici.KernelNetlink, "mag1"}, {"xfrm", vici.KernelNetlink, "mag1"},
		{"auto", vici.KernelLibipsec, ""}, {"libipsec", vici.KernelLibipsec, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, newKernel(), c.plugin, protected(c.dataPath))
			g.charon.say(g.charon.list(sa("1", "mag1")))
			if got := g.Identity(mag1); got != "mag1" {
				t.Fatalf("identity %q", got)
			}
			g.charon.say(errGone)
			if got := g.Identity(mag1); got != c.then {
				t.Errorf("data_path %s with %s: identity %q after charon went, want %q", c.dataPath, c.plugin, got, c.then)
			}
		})
	}
}

// Only what charon lists after a message came says that no association stands.
func TestToldIsCharonsWordSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, newKernel(), vici.KernelNetlink, protected("xfrm"))
		since := time.Now()
		g.charon.say(errGone)
		if g.Told(since) || !g.Awaits(mag1) {
			t.Error("charon was never reached, and yet it is known what stands")
		}
		time.Sleep(time.Millisecond)
		g.charon.say(g.charon.list(sa("1", "mallory")))
		if !g.Told(since) || g.Identity(mag1) != "" {
			t.Errorf("told %v, identity %q: an SA of another identity", g.Told(since), g.Identity(mag1))
		}
		if g.Told(time.Now()) {
			t.Error("an old list counts for a new message")
		}
	})
}

func TestAwaitsAsksAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, newKernel(), vici.KernelNetlink, protected("xfrm"))
		begin := time.Now()
		for range 1000 {
			g.Awaits(mag1)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * askEvery)
		most := int(time.Since(begin)/askEvery) + 1
		if asked := g.charon.asked(); asked > most || asked < most-2 {
			t.Errorf("1000 messages in a second ask charon %d times, want about %d", asked, most)
		}
		// a message that comes just after a question is asked for as well
		before := g.charon.asked()
		g.Awaits(mag1)
		g.Awaits(mag1)
		synctest.Wait()
		g.Awaits(mag1)
		time.Sleep(2 * askEvery)
		if asked := g.charon.asked() - before; asked != 2 {
			t.Errorf("asked %d times, want 2", asked)
		}
	})
}

// Who requires what stands has missed the word, and is told again.
func TestRequireRepeatsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, newKernel(), vici.KernelNetlink, protected("xfrm"))
		g.charon.say(g.charon.list(sa("1", "mag1")))
		g.Require(mag1)
		synctest.Wait()
		if !slices.Equal(g.changes, []bool{true, true}) {
			t.Errorf("changes %v", g.changes)
		}
	})
}

func TestCountersOfTheFilterAreExported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, newKernel(), vici.KernelNetlink, protected("xfrm"))
		s := g.counters.Snapshot()
		if s[Dropped+"{in}"] != 1 || s[Dropped+"{out}"] != 2 || s[Dropped+"{forward}"] != 3 {
			t.Errorf("counters %v", s)
		}
	})
}

const ours = "netlmm_lmad"

// A rule set that somebody flushes is put back as soon as the kernel tells.
func TestTheFilterIsPutBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel()
		newRig(t, k, vici.KernelNetlink, protected("xfrm"))
		k.change(func(tables map[string]filter.Mode) { clear(tables) })
		synctest.Wait() // no time passes
		if k.mode(ours) != filter.XFRM {
			t.Errorf("the table is %q", k.mode(ours))
		}
	})
}

func TestTheFilterIsPutBackWithoutNotifications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel()
		k.deaf = true
		newRig(t, k, vici.KernelNetlink, protected("xfrm"))
		k.change(func(tables map[string]filter.Mode) { clear(tables) })
		time.Sleep(filterCheck)
		synctest.Wait()
		if k.mode(ours) != filter.XFRM {
			t.Errorf("the table is %q", k.mode(ours))
		}
	})
}

// Another program that always changes the table does not make this one busy.
func TestAFightOverTheFilterIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel()
		newRig(t, k, vici.KernelNetlink, protected("xfrm"))
		begin := k.appliedSoFar()
		for range 1000 {
			k.change(func(tables map[string]filter.Mode) { clear(tables) })
			time.Sleep(time.Millisecond)
		}
		if n := k.appliedSoFar() - begin; n > mendBurst+int(time.Second/mendEvery)+1 {
			t.Errorf("put back %d times in a second", n)
		}
	})
}

// The mode follows charon, and mending knows the new one.
func TestTheFilterFollowsCharon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel()
		g := newRig(t, k, vici.KernelNetlink, protected("auto"))
		if k.mode(ours) != filter.Libipsec {
			t.Errorf("before charon is reached the table is %q", k.mode(ours))
		}
		g.charon.say(g.charon.list())
		if k.mode(ours) != filter.XFRM {
			t.Errorf("with kernel-netlink the table is %q", k.mode(ours))
		}
		k.change(func(tables map[string]filter.Mode) { tables[ours] = filter.Libipsec })
		synctest.Wait()
		if k.mode(ours) != filter.XFRM {
			t.Errorf("it is put back as %q", k.mode(ours))
		}
	})
}

// A daemon that has no protection leaves the table of another one alone.
func TestSwitchedOffRemovesItsOwnTableOnly(t *testing.T) {
	for _, off := range []configs.Security{{None: true, Filter: true}, {DataPath: "auto"}} {
		synctest.Test(t, func(t *testing.T) {
			k := newKernel()
			k.tables["netlmm_magd"], k.tables[ours] = filter.XFRM, filter.XFRM
			newRig(t, k, vici.KernelNetlink, off)
			if k.mode("netlmm_magd") == "" || k.mode(ours) != "" {
				t.Errorf("tables %v", k.tables)
			}
		})
	}
}
