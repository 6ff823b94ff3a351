package kernel

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/hold"
)

// inTransit is how many packets may be on their way into the tunnel to the other gateway when that way is taken back: with seg6 they pass a
// pair of links, and on a busy machine it takes them their time.
const inTransit = 20

// A prediction that was wrong: what was held is dropped and counted, and nothing stays behind, neither there nor at the previous gateway,
// where the mobile node goes on.
func TestWrongPredictionLeavesNothing(t *testing.T) {
	h := newHandover(t)
	before := []string{h.mag1.snapshot(), h.mag2.snapshot()}
	h.send()
	h.at(h.mag2, forwarding.Arriving, true)
	h.at(h.mag1, forwarding.Leaving, false)
	await(t, "packets held at the new gateway", func() bool { return h.mag2.holder.Counters().Packets >= 100 })
	h.at(h.mag1, forwarding.NoTransfer, false)
	h.gone(h.mag2)
	dropped, byPrefix := 0, map[netip.Prefix]int{}
	for _, r := range h.reported(h.mag2) {
		dropped += int(r.Dropped)
		byPrefix[r.Prefix] = int(r.Dropped)
		if r.Released || r.Out != 0 || r.Dropped != uint64(r.Most) {
			t.Errorf("%+v", r)
		}
	}
	if c := h.mag2.holder.Counters(); c.Packets != 0 || c.Octets != 0 || c.Prefixes != 0 || c.Dropped["gone"] != uint64(dropped) {
		t.Errorf("%+v, %d dropped by the reports", c, dropped)
	}
	h.flow(50, true)
	lost := 0
	for i, s := range h.streams {
		n, twice := count(s.stop(byPrefix[h.prefixes[i]]), s.sent.Load())
		if lost += n; twice != 0 {
			t.Errorf("%s: %d packets came twice", s.to, twice)
		}
	}
	if lost < dropped || lost > dropped+inTransit {
		t.Errorf("%d packets are lost, %d were dropped", lost, dropped)
	}
	for i, mag := range []*router{h.mag1, h.mag2} {
		mag.resync()
		if after := mag.snapshot(); after != before[i] {
			t.Errorf("%s (-before +after):\n%s", mag.name, cmp.Diff(before[i], after))
		}
	}
	await(t, "an empty packet filter", func() bool {
		return !strings.Contains(h.mag2.sh("nft list set inet netlmm_magd_hold kept6 2>/dev/null"), "elements")
	})
}

// What a process leaves that is killed holds nothing: packets pass. The next run replaces it, and what takes the daemon off the machine
// removes it.
func TestHoldingEndsWithTheProcess(t *testing.T) {
	const table = "netlmm_magd_hold"
	h := newHandover(t)
	h.at(h.mag1, forwarding.NoTransfer, true)
	h.cn.silent(mn1Addr)
	if c := h.mag1.holder.Counters(); c.Packets == 0 {
		t.Errorf("%+v", c)
	}
	left := h.mag1.sh("nft -a list tables")
	standing := h.mag1.sh("nft list set inet " + table + " kept6 2>/dev/null")
	if err := h.mag1.holder.Close(); err != nil {
		t.Fatal(err)
	}
	if now := h.mag1.sh("nft list tables"); strings.Contains(now, table) || !strings.Contains(left, table) {
		t.Errorf("before Close: %s\nafter: %s", left, now)
	}
	h.cn.reaches(mn1Addr)

	kill := h.mag1.process(t, table)
	if now := h.mag1.sh("nft list set inet " + table + " kept6 2>/dev/null"); now != standing || !strings.Contains(now, hnp1) {
		t.Errorf("held: %s\nagain: %s", standing, now)
	}
	h.cn.silent(mn1Addr)
	kill()
	h.cn.reaches(mn1Addr)
	if err := h.holding(h.mag1, table).Close(); err != nil { // another run
		t.Fatal(err)
	}
	h.cn.reaches(mn1Addr)
	h.mag1.process(t, table)()
	h.mag1.run(func() {
		if removed, err := hold.Remove(table); err != nil || !removed {
			t.Errorf("removed %v: %v", removed, err)
		}
		if removed, err := hold.Remove(table); err != nil || removed {
			t.Errorf("once more: removed %v: %v", removed, err)
		}
	})
	if now := h.mag1.sh("nft list tables"); strings.Contains(now, table) {
		t.Errorf("%s", now)
	}
}

// process runs another one that holds hnp1, in the namespace, until kill is called.
func (r *router) process(t *testing.T, table string) (kill func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command("ip", "netns", "exec", r.name, self, "-test.run=^TestProcessThatHolds$")
	other.Env = append(os.Environ(), holdVariable+"="+table)
	out, err := other.StdoutPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	kill = func() { _ = other.Process.Kill(); _ = other.Wait() }
	t.Cleanup(kill)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return kill
}

const holdVariable = "NETLMM_TEST_HOLD"

// TestProcessThatHolds is the other process; otherwise it does nothing.
func TestProcessThatHolds(t *testing.T) {
	table := os.Getenv(holdVariable)
	if table == "" {
		return
	}
	h, err := hold.Open(hold.Config{Table: table, AccessInterfaces: []string{"acc1", "acc2"}, Tunnels: Across()})
	if err == nil {
		err = h.Hold(forwarding.Entry{Prefix: netip.MustParsePrefix(hnp1)})
	}
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("held")
	select {}
}

// A firewall that starts and takes away all rules takes away ours; they come back with the next Hold, or the next Resync.
func TestHoldingSurvivesAFlushOfAllRules(t *testing.T) {
	t.Parallel()
	h := newHandover(t)
	h.at(h.mag1, forwarding.NoTransfer, true)
	h.mag1.sh("nft flush ruleset")
	h.cn.reaches(mn1Addr)
	h.mag1.resync()
	h.cn.silent(mn1Addr)
	h.cn.silent(mn1Home)
	h.mag1.sh("nft flush ruleset")
	h.at(h.mag1, forwarding.NoTransfer, false)
	h.cn.reaches(mn1Addr)
	h.mag1.sh("nft flush ruleset")
	h.at(h.mag1, forwarding.NoTransfer, true)
	h.cn.silent(mn1Addr)
	h.at(h.mag1, forwarding.NoTransfer, false)
	h.cn.reaches(mn1Home)
}

// What was held leaves by the way to its mobile node or not at all, also when somebody took that way away: the default route, by which
// the anchor is reached, is none.
func TestWhatWasHeldLeavesByNoOtherWay(t *testing.T) {
	h := newHandover(t)
	h.attachDual(h.mn2, hnp2, mn2Addr, mn2Home, "acc2", h.mag1, false)
	h.at(h.mag1, forwarding.NoTransfer, true)
	leaks := func() string {
		return h.mag1.sh("nft list chain ip6 watch out | grep -o 'packets [0-9]*'")
	}
	h.mag1.sh("nft add table ip6 watch; nft add chain ip6 watch out '{ type filter hook postrouting priority 0; }'; nft add rule ip6 watch out oifname core0 ip6 daddr " + hnp1 + " counter")
	for range 3 {
		h.cn.plain(cnAddr, mn1Addr, "held")
	}
	await(t, "three packets", func() bool { return h.mag1.holder.Counters().Packets == 3 })
	h.mag1.sh("ip -6 route flush table all proto 213 " + hnp1)
	h.mag1.holder.Release(netip.MustParsePrefix(hnp1))
	await(t, "their end", func() bool { return h.mag1.holder.Counters().Prefixes == 1 })
	if c := h.mag1.holder.Counters(); c.Dropped["unsendable"] != 3 || c.Released != 0 || leaks() != "packets 0\n" {
		t.Errorf("%+v; by the uplink: %s", c, leaks())
	}
}

// What a tunnel brings that may not deliver it is not held, or it would be delivered later.
func TestWhatATunnelMayNotDeliverIsNotHeld(t *testing.T) {
	h := newHandover(t)
	h.attachDual(h.mn2, hnp2, mn2Addr, mn2Home, "acc2", h.mag1, false)
	h.at(h.mag1, forwarding.Leaving, false) // the tunnel to mag2 stands
	for _, p := range []string{hnp2, mn2Home + "/32"} {
		e, _ := h.mag1.state.Get(netip.MustParsePrefix(p))
		e.Hold = true
		h.mag1.state.Set(e)
	}
	h.mag1.sync()
	h.mag2.tunnelled(mag2Addr, mag1Addr, false, mark(t, cnAddr, mn2Addr, "bad"))
	h.mag2.tunnelled(mag2Addr, mag1Addr, false, markIPv4(t, cn4, mn2Home, "bad"))
	for range 5 { // by the same wires as the others
		h.cn.plain(cnAddr, mn2Addr, "good")
		h.cn.plainIPv4(cn4, mn2Home, "good")
	}
	await(t, "held packets", func() bool { return h.mag1.holder.Counters().Packets >= 10 })
	if c := h.mag1.holder.Counters(); c.Packets != 10 {
		t.Errorf("%+v", c)
	}
}

// What a neighbour on the same gateway sends to a mobile node that is held takes its way by the anchor all the same, and so does what
// comes untunnelled.
func TestNeighboursOfAHeldMobileNodeTakeTheirWayByTheAnchor(t *testing.T) {
	h := newHandover(t)
	h.attachDual(h.mn2, hnp2, mn2Addr, mn2Home, "acc2", h.mag1, false)
	h.lma.sh("nft add table ip6 watch; nft add chain ip6 watch passing '{ type filter hook forward priority 0; }'; nft add rule ip6 watch passing ip6 saddr " + hnp2 + " ip6 daddr " + hnp1 + " counter")
	h.at(h.mag1, forwarding.NoTransfer, true)
	h.mn2.plain(mn2Addr, mn1Addr, "held")
	await(t, "the packet", func() bool { return h.mag1.holder.Counters().Packets == 1 })
	if seen := h.lma.sh("nft list chain ip6 watch passing"); strings.Contains(seen, "packets 0 ") {
		t.Errorf("the anchor has not seen it:\n%s", seen)
	}
	h.lma.sh("nft add rule ip6 watch passing ip6 saddr " + evilAddr + " ip6 daddr " + hnp1 + " counter drop")
	h.evil.sh("ip -6 route replace " + hnp1 + " via " + mag1Addr)
	h.evil.plain(evilAddr, mn1Addr, "untunnelled")
	await(t, "the untunnelled packet at the anchor", func() bool {
		return strings.Contains(h.lma.sh("nft list chain ip6 watch passing | grep drop"), "packets 1 ")
	})
	if c := h.mag1.holder.Counters(); c.Packets != 1 {
		t.Errorf("%+v", c)
	}
	mn1 := h.mn1.listen()
	mn1.only("", func() {}, func() {
		h.at(h.mag1, forwarding.NoTransfer, false)
		h.cn.plain(cnAddr, mn1Addr, "good")
	})
}

// A stream of full segments, which Linux passes on in pieces far larger than any packet, is held like anything else.
func TestHeldStreamGoesOn(t *testing.T) {
	h := newHandover(t)
	content := make([]byte, 32<<20)
	for i := range content {
		content[i] = byte(i>>16 ^ i*31)
	}
	for _, addr := range []string{cnAddr, cn4} {
		var server net.Listener
		var client net.Conn
		var err error
		h.cn.run(func() { server, err = net.Listen("tcp", net.JoinHostPort(addr, "9")) })
		if err != nil {
			t.Fatalf("listen: %v", err)
		}
		defer server.Close()
		go func() {
			if c, err := server.Accept(); err == nil {
				_, _ = c.Write(content)
				c.Close()
			}
		}()
		h.mn1.run(func() { client, err = net.DialTimeout("tcp", net.JoinHostPort(addr, "9"), 20*time.Second) })
		if err != nil {
			t.Fatalf("dial: %v", err)
		}
		defer client.Close()
		_ = client.SetDeadline(time.Now().Add(60 * time.Second))
		got := make([]byte, 0, len(content))
		for part := range 4 {
			piece := make([]byte, len(content)/4)
			if part > 0 {
				h.at(h.mag1, forwarding.NoTransfer, true)
				await(t, "held segments", func() bool { return h.mag1.holder.Counters().Packets > 0 })
				h.at(h.mag1, forwarding.NoTransfer, false)
			}
			if _, err := io.ReadFull(client, piece); err != nil {
				t.Fatalf("%s, part %d: %v", addr, part, err)
			}
			got = append(got, piece...)
		}
		if !bytes.Equal(got, content) {
			t.Errorf("%s: what came is not what was sent", addr)
		}
	}
	if c := h.mag1.holder.Counters(); c.Released == 0 || c.Dropped["unsendable"] != 0 {
		t.Errorf("%+v", c)
	}
}
