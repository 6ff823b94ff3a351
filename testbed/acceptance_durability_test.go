package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netlmm/mobility"
	"netlmm/testbed/load"
)

const manyMobileNodes = 10000

// An lmad that is killed at any instant under load, and started again, has given no prefix to two mobile nodes, has taken no
// mobile node's prefix away, and has forgotten nothing that it acknowledged earlier than the last moments.
func TestKilledAnchorKeepsItsWord(t *testing.T) {
	a := newLoadedAnchor(t, "dk", "strict", "")
	stop := a.listen()
	defer stop()
	a.startLMAD()
	a.ready(0)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	// first while they register, then while they register again and are handed over
	for round, longest := range []time.Duration{700 * time.Millisecond, 2500 * time.Millisecond, 2500 * time.Millisecond, 2500 * time.Millisecond} {
		after := 100*time.Millisecond + time.Duration(random.Int64N(int64(longest)))
		ctx, cancel := context.WithCancel(context.Background())
		loaded := make(chan *load.Report)
		go func() {
			report, _ := a.load(ctx, load.Config{MobileNodes: manyMobileNodes, Clients: 64, Count: 100,
				Operations: []load.Operation{load.Register, load.Handover, load.Handover, load.Refresh}})
			loaded <- report
		}()
		time.Sleep(after)
		killed := time.Now() // or a little later
		if err := a.Kill9(NodeLMA, ProgramLMAD); err != nil {
			t.Fatal(err)
		}
		cancel()
		report := <-loaded
		time.Sleep(200 * time.Millisecond) // the answers that had left are heard
		if report == nil || len(report.Violations) > 0 {
			t.Errorf("round %d: the load generator says %+v", round, report)
		}
		a.startLMAD()
		a.ready(0)
		a.keptItsWord(fmt.Sprintf("round %d, killed after %s", round, after), killed)
	}
}

// An anchor writes what it acknowledged within lateWrite (store.MaxFlushDelay) on a disk that keeps up. This test must hold on
// one that others keep busy, too: what was acknowledged mayBeLate before the kill must be there, the rest is told.
const (
	lateWrite = 50 * time.Millisecond
	mayBeLate = time.Second
)

// keptItsWord compares lmad's bindings with the answers that it gave until it was killed, and to whom.
func (a *loadedAnchor) keptItsWord(when string, killed time.Time) {
	a.t.Helper()
	var bindings []mobility.BindingCacheEntry
	if err := a.get("bindings", &bindings); err != nil {
		a.t.Fatal(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	promised := map[netip.Prefix]string{}
	for id, ack := range a.acked {
		promised[ack.prefix] = id
	}
	owners, have := map[netip.Prefix]string{}, map[string]netip.Prefix{}
	for _, b := range bindings {
		id := b.MobileNodeID.String()
		for _, prefix := range b.HomeNetworkPrefixes {
			if owner, taken := owners[prefix]; taken {
				a.t.Errorf("%s: %s is of %s and of %s", when, prefix, owner, id)
			}
			if owner, known := promised[prefix]; known && owner != id {
				a.t.Errorf("%s: %s was of %s and is of %s", when, prefix, owner, id)
			}
			owners[prefix], have[id] = id, prefix
		}
	}
	kept, lost, oldest := 0, 0, time.Duration(0)
	for id, ack := range a.acked {
		if have[id] == ack.prefix {
			kept++
			continue
		}
		age := killed.Sub(ack.at)
		if age > mayBeLate {
			a.t.Errorf("%s: %s was given %s %s before, and has %v", when, id, ack.prefix, age, have[id])
		}
		lost, oldest = lost+1, max(oldest, age)
		delete(a.acked, id) // it may get another one
	}
	a.t.Logf("%s: %d bindings, %d that were acknowledged are there; %d are not, the first of them acknowledged %s before (a disk that keeps up: at most %s)",
		when, len(bindings), kept, lost, oldest, lateWrite)
}

// How long an anchor with many bindings is away: from the start of the process until it says that all bindings and all
// forwarding are there, and the kernel has the routes. Once the kernel still has them, as after a crash, and once it has
// nothing, as after a reboot.
func TestAnchorForwardsAgainAfterAStart(t *testing.T) {
	a := newLoadedAnchor(t, "df", "strict", "")
	untouched := a.links()
	a.startLMAD()
	a.ready(0)
	report, err := a.load(context.Background(), load.Config{MobileNodes: manyMobileNodes, Clients: 32, Operations: []load.Operation{load.Register}})
	if err != nil || report.Result != "pass" {
		t.Fatalf("%v: %+v", err, report)
	}
	a.ready(manyMobileNodes)
	for _, c := range []struct {
		name  string
		reset func()
	}{{"after a kill, with the routes in the kernel", func() {}}, {"after a kill, with an empty kernel", func() { a.emptyKernel(untouched) }}} {
		time.Sleep(time.Second) // what was acknowledged in the last moment may not be stored yet
		if err := a.Kill9(NodeLMA, ProgramLMAD); err != nil {
			t.Fatal(err)
		}
		c.reset()
		t.Logf("%s: %d routes to mobile nodes before the start", c.name, a.routes())
		began := time.Now()
		a.startLMAD()
		answered, complete := a.ready(manyMobileNodes)
		t.Logf("%s: lmad answers after %.2f s and forwards for %d mobile nodes after %.2f s, wanted: 1 s",
			c.name, answered.Sub(began).Seconds(), manyMobileNodes, complete.Sub(began).Seconds())
		if n := a.routes(); n != manyMobileNodes {
			t.Errorf("%s: %d routes in the kernel, want %d", c.name, n, manyMobileNodes)
		}
	}
}

// ready waits until lmad has a number of bindings, or any number if that is zero, and their forwarding is in the kernel. It
// says when lmad first answered, and when all was there.
func (a *loadedAnchor) ready(bindings int) (answered, complete time.Time) {
	a.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		var s anchorStatus
		err := a.get("status", &s)
		if err == nil && answered.IsZero() {
			answered = time.Now()
		}
		if err == nil && s.Forwarding.Pending == 0 && (bindings == 0 || s.Bindings == bindings && s.Forwarding.Entries == bindings) {
			if complete = time.Now(); bindings == 0 || a.routes() >= bindings {
				return answered, complete
			}
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("lmad is not ready: %+v, %v\n%s", s, err, a.tail(NodeLMA, ProgramLMAD))
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// links are the names of the interfaces in the anchor's namespace.
func (a *loadedAnchor) links() map[string]bool {
	a.t.Helper()
	out, err := a.execute(NodeLMA, nil, "ip", "-br", "link")
	if err != nil {
		a.t.Fatal(err)
	}
	names := map[string]bool{}
	for line := range strings.Lines(out) {
		name, _, _ := strings.Cut(strings.Fields(line)[0], "@")
		names[name] = true
	}
	return names
}

// emptyKernel takes away everything that an lmad left in the kernel.
func (a *loadedAnchor) emptyKernel(untouched map[string]bool) {
	a.t.Helper()
	for name := range a.links() {
		if !untouched[name] {
			_, _ = a.execute(NodeLMA, nil, "ip", "link", "del", name) // it may have gone with its peer
		}
	}
	for name := range a.links() {
		if !untouched[name] {
			a.t.Fatalf("interface %s is left", name)
		}
	}
	err := a.withHandle(NodeLMA, func(h *netlink.Handle) error {
		for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
			routes, err := h.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC, Protocol: routeProtocol}, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_PROTOCOL)
			if err != nil {
				return err
			}
			for _, r := range routes {
				if err := h.RouteDel(&netlink.Route{Dst: r.Dst, Table: r.Table, Type: r.Type, Protocol: r.Protocol, Family: family, Priority: r.Priority}); err != nil && !errors.Is(err, unix.ESRCH) {
					return fmt.Errorf("%v: %w", r, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, family := range []string{"-4", "-6"} {
		flush := fmt.Sprintf("while ip %s rule del protocol %d; do :; done 2>/dev/null; true", family, routeProtocol)
		if _, err := a.execute(NodeLMA, nil, "sh", "-c", flush); err != nil {
			a.t.Fatal(err)
		}
	}
	if n := a.routes(); n != 0 {
		a.t.Fatalf("%d routes are left", n)
	}
}

// A file of bindings that is damaged, cut short or somebody else's is refused with a message that says which and what to do,
// and stays as it is.
func TestUnusableStoreIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	a := newLoadedAnchor(t, "du", "strict", "")
	a.startLMAD()
	a.ready(0)
	report, err := a.load(context.Background(), load.Config{MobileNodes: 500, Clients: 32, Operations: []load.Operation{load.Register, load.Handover}})
	if err != nil || report.Result != "pass" {
		t.Fatalf("%v: %+v", err, report)
	}
	if err := a.StopProgram(NodeLMA, ProgramLMAD); err != nil {
		t.Fatal(err)
	}
	file := a.Path(NodeLMA, "lmad.db")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	identity := []byte("load.example")
	if !bytes.Contains(good, identity) {
		t.Fatal("the file does not hold the mobile nodes' identifiers: this test damages nothing")
	}
	binary, err := a.binary(ProgramLMAD)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"bindings damaged":    bytes.ReplaceAll(good, identity, []byte("loaD.example")),
		"every page damaged":  everyPageDamaged(good),
		"cut short":           good[:len(good)/2],
		"somebody else's":     []byte(strings.Repeat("this is no file of bindings\n", 1000)),
		"of another database": append([]byte("SQLite format 3\x00"), make([]byte, 8192)...),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := a.execute(NodeLMA, nil, binary, "--config", a.Path(NodeLMA, "lmad.yaml"))
			if err == nil {
				t.Fatal("lmad ran and ended without an error")
			}
			t.Log(err)
			for _, word := range []string{file, "unusable", "move the file away"} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("the message does not say %q: %v", word, err)
				}
			}
			if strings.Contains(err.Error(), "goroutine ") {
				t.Error("lmad panics")
			}
			if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, content) {
				t.Errorf("the file was changed (%v): %d octets, %d before", err, len(after), len(content))
			}
		})
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	a.startLMAD()
	a.ready(500)
}

// everyPageDamaged flips a bit in the header of each page but the first two, which say where the others are.
func everyPageDamaged(good []byte) []byte {
	const page = 4096
	damaged := bytes.Clone(good)
	for at := 2 * page; at < len(damaged); at += page {
		damaged[at+8] ^= 0x40
	}
	return damaged
}
