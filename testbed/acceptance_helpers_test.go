package testbed

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// patience is for whatever must happen; nothing here asserts how long it took.
const patience = 60 * time.Second

// eventually fails the test with what the daemons say when something does not come about. An error is not the last word: a daemon of a busy
// machine may answer too late.
func eventually(t *testing.T, d *Domain, what string, f func() (bool, error)) {
	t.Helper()
	var last error
	err := poll(patience, what, func() (done bool, _ error) {
		done, last = f()
		return done && last == nil, nil
	})
	if err != nil {
		t.Fatalf("%v\n%s", errors.Join(err, last), d.logs())
	}
}

// ask is Ask that must succeed, in the end.
func (d *Domain) ask(t *testing.T, node string, result any, arguments ...string) {
	t.Helper()
	eventually(t, d, daemonOf(node)+" of "+node+" answers "+strings.Join(arguments, " "), func() (bool, error) {
		err := d.Ask(node, result, arguments...)
		return err == nil, err
	})
}

// logs are the last words of every daemon.
func (d *Domain) logs() string {
	var text strings.Builder
	for _, node := range []string{NodeMAG1, NodeMAG2, NodeLMA} {
		text.WriteString(daemonOf(node) + " of " + node + ":\n" + d.tail(node, daemonOf(node)) + "\n")
	}
	return text.String()
}

// status is Status that must succeed, in the end.
func (d *Domain) status(t *testing.T, node string) (s DaemonStatus) {
	t.Helper()
	d.ask(t, node, &s, "status")
	return s
}

// counter is one counter of a node's daemon.
func (d *Domain) counter(t *testing.T, node, name string) uint64 {
	t.Helper()
	return d.status(t, node).Counters[name]
}

// sum adds up the counters of a node's daemon whose names begin with prefix.
func (d *Domain) sum(t *testing.T, node, prefix string) (n uint64) {
	t.Helper()
	for name, count := range d.status(t, node).Counters {
		if strings.HasPrefix(name, prefix) {
			n += count
		}
	}
	return n
}

// bindings is the LMA's binding cache.
func (d *Domain) bindings(t *testing.T) []mobility.BindingCacheEntry {
	t.Helper()
	var list []mobility.BindingCacheEntry
	d.ask(t, NodeLMA, &list, "bindings")
	slices.SortFunc(list, func(a, b mobility.BindingCacheEntry) int {
		return strings.Compare(a.MobileNodeID.String(), b.MobileNodeID.String())
	})
	return list
}

// handOverAll moves every mobile node to the other MAG; each must be served there.
func (a *arrived) handOverAll(after string) {
	a.t.Helper()
	for _, traffic := range a.running {
		a.move(traffic.mn)
		gateway, _ := a.coreAddress(traffic.mn.At())
		a.waitGateway(traffic.mn, gateway)
	}
	a.trafficFlows("a handover after " + after)
}

// nothingInClear checks that the core link has seen neither a Mobility Header nor MIH in clear.
func (a *arrived) nothingInClear(when string) {
	a.t.Helper()
	if c := a.capture.Counts(); c.MHInClear != 0 || c.MIHInClear != 0 {
		a.t.Errorf("%s: %d Mobility Headers and %d packets of MIH in clear on the core link: %x", when, c.MHInClear, c.MIHInClear, a.capture.InClear())
	}
}

// update is a registration of a mobile node, complete and fresh, as a MAG would send it.
func update(t *testing.T, binding mobility.BindingCacheEntry, change func(*mh.BindingUpdate)) []byte {
	t.Helper()
	u := mh.BindingUpdate{Sequence: 4711, Flags: mh.UpdateAcknowledge | mh.UpdateProxy, Lifetime: 75, Options: mh.Options{
		MobileNodeID: binding.MobileNodeID, HomeNetworkPrefixes: binding.HomeNetworkPrefixes, HandoffIndicator: mobility.HandoffStateUnknown,
		AccessTechnologyType: binding.AccessTechnologyType, MobileNodeLinkLayerID: binding.MobileNodeLinkLayerID, Timestamp: mh.TimestampOf(time.Now()),
	}}
	u.Options.Present.Add(mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix, mh.OptionHandoffIndicator, mh.OptionAccessTechnologyType,
		mh.OptionMobileNodeLinkLayerID, mh.OptionTimestamp)
	if change != nil {
		change(&u)
	}
	payload, err := u.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// edit changes a daemon's configuration file: each pair of strings is an old text, which must be there, and the new one.
func (d *Domain) edit(t *testing.T, node string, replacements ...string) {
	t.Helper()
	path := d.Path(node, daemonOf(node)+".yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(text, replacements[i]) {
			t.Fatalf("%s does not hold %q:\n%s", path, replacements[i], text)
		}
		text = strings.ReplaceAll(text, replacements[i], replacements[i+1])
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// restarted stops a node's daemon as an operator does, changes its configuration, and starts it again.
func (d *Domain) restarted(t *testing.T, node string, replacements ...string) {
	t.Helper()
	if err := d.StopProgram(node, daemonOf(node)); err != nil {
		t.Fatal(err)
	}
	d.edit(t, node, replacements...)
	if err := d.Restart(node, daemonOf(node)); err != nil {
		t.Fatal(err)
	}
}

// startUnloaded runs a node's charon, which has ended, again without giving it its connections.
func (d *Domain) startUnloaded(t *testing.T, node string) {
	t.Helper()
	charon, err := d.process(node, ProgramCharon)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.launch(charon); err != nil {
		t.Fatal(err)
	}
	eventually(t, d, "charon of "+node+" answers", func() (bool, error) {
		_, err := d.swanctl(node, "--stats")
		return err == nil, nil
	})
}

// flowsSince waits until every mobile node receives a packet that came after now, without looking at anything else.
func (a *arrived) flowsSince(when string) {
	a.t.Helper()
	now := time.Now()
	for _, traffic := range a.running {
		eventually(a.t, a.Domain, traffic.mn.Node+" receives packets "+when, func() (bool, error) { return traffic.flow.Received(now), nil })
	}
}

// kernelState is what a daemon could have left in a node's kernel. Not among it: the packet filter, which is to stay, and how
// an interface takes Router Advertisements and makes its own addresses, which the daemons set for good.
func (d *Domain) kernelState(t *testing.T, node string) string {
	t.Helper()
	var text strings.Builder
	for _, command := range []string{
		"ip -o link", "ip -o -6 addr show scope global", "ip -6 rule", "ip -6 route show table all", "ip -6 neigh show nud permanent",
		"ip -o -4 addr", "ip -4 rule", "ip -4 route show table all", "ip -4 neigh show nud permanent",
		"cd /proc/sys/net/ipv6/conf && grep -s . {all,default,acc0,core0,cn0}/{forwarding,proxy_ndp,seg6_enabled,disable_ipv6}; true",
	} {
		out, err := d.execute(node, nil, "bash", "-c", command)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(volatile.ReplaceAllString(out, "")), "\n")
		lines = slices.DeleteFunc(lines, func(line string) bool {
			return strings.Contains(line, "ipsec0") || strings.Contains(line, "table 4135")
		})
		slices.Sort(lines)
		text.WriteString("# " + command + "\n" + strings.Join(lines, "\n") + "\n")
	}
	return text.String()
}

// volatile is what changes by itself: interface numbers and lifetimes.
var volatile = regexp.MustCompile(`(?m)^\d+: |@\S+|@if\d+|link-netns(id)? \S+|valid_lft \S+|preferred_lft \S+|expires \S+| pref medium|[ \t]+$`)

// differences are the lines that only one of two texts has.
func differences(before, after string) string {
	count := map[string]int{}
	for line := range strings.Lines(before) {
		count[line]--
	}
	for line := range strings.Lines(after) {
		count[line]++
	}
	var text strings.Builder
	for _, line := range slices.Sorted(maps.Keys(count)) {
		switch n := count[line]; {
		case n < 0:
			text.WriteString("- " + line)
		case n > 0:
			text.WriteString("+ " + line)
		}
	}
	return text.String()
}

// runDaemon runs a binary that is expected to end by itself, and returns what it said and its exit code.
func runDaemon(t *testing.T, name string, arguments ...string) (output string, exitCode int) {
	t.Helper()
	out, err := exec.Command(filepath.Join(binaries, name), arguments...).CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if failed != nil {
		exitCode = failed.ExitCode()
	}
	return string(out), exitCode
}
