package testbed

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy/radius/radiustest"
)

const (
	radiusSecret = "the secret of this test's AAA server"
	aaaPort      = 1812
	demandPort   = 3799
)

// aaa is a FreeRADIUS beside the anchor, which the gateways ask.
type aaa struct {
	*Domain
	t *testing.T
}

// startAAA runs one with these users, in the place of the one before.
func (a aaa) start(users string) {
	a.t.Helper()
	if p, err := a.process(NodeLMA, "freeradius"); err == nil {
		p.stop(10 * time.Second)
	}
	dir := a.Path(NodeLMA, "freeradius")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		a.t.Fatal(err)
	}
	argv, err := radiustest.FreeRADIUS{Dir: dir, Listen: netip.AddrPortFrom(LMAAddress, aaaPort), Secret: radiusSecret, Users: users}.Command()
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := a.Domain.start(NodeLMA, "freeradius", nil, argv...); err != nil {
		a.t.Fatal(err)
	}
	eventually(a.t, a.Domain, "FreeRADIUS is ready", func() (bool, error) {
		p, err := a.process(NodeLMA, "freeradius")
		if err == nil && !p.running() {
			return false, fmt.Errorf("FreeRADIUS ended at start:\n%s", a.tail(NodeLMA, "freeradius"))
		}
		return strings.Count(a.tail(NodeLMA, "freeradius"), "Ready to process requests") > 0, err
	})
}

// configure starts a gateway that asks it, and nobody else.
func (a aaa) configure(mag string) {
	a.t.Helper()
	secret := a.Path(mag, "aaa.secret")
	if err := os.WriteFile(secret, []byte(radiusSecret+"\n"), 0o600); err != nil {
		a.t.Fatal(err)
	}
	a.startWith(a.t, mag, "mag:\n", "mag:\n"+offloadOn, "policy:\n  ipv4: true\n", fmt.Sprintf(`policy:
  offload_policies: [{name: web, selectors: [{correspondent_ports: 443, protocol: tcp}]}]
  order: [radius]
  radius:
    servers:
      - {name: aaa, address: "%v", secret_file: %s}
    timeout: 500ms
    nas_identifier: %s.example.net
    reject_lifetime: 1s
    dynamic_authorization:
      listen: "[::]:%d"
      clients: [{address: "%v", secret_file: %s}]
`, LMAAddress, secret, mag, demandPort, LMAAddress, secret))
}

// demand has radclient send a Disconnect- or CoA-Request to a gateway, and returns what it heard.
func (a aaa) demand(mag, command, attributes string) string {
	a.t.Helper()
	gateway, err := a.coreAddress(mag)
	if err != nil {
		a.t.Fatal(err)
	}
	argv, err := radiustest.Client(a.Path(NodeLMA, ""), radiusSecret, netip.AddrPortFrom(gateway, demandPort), command)
	if err != nil {
		a.t.Fatal(err)
	}
	c := exec.Command("ip", append([]string{"netns", "exec", a.Namespace(NodeLMA)}, argv...)...)
	c.Stdin = strings.NewReader(fmt.Sprintf("Event-Timestamp = %d, Message-Authenticator = 0x00, %s\n", time.Now().Unix(), attributes))
	out, _ := c.CombinedOutput() // it ends with 1 when it got a NAK
	return string(out)
}

// registered waits until the anchor has what is wanted of a mobile node: prefixes, IPv4 address and gateway; "": nothing.
func (a aaa) registered(mn *MobileNode, what, want string) {
	a.t.Helper()
	var got string
	err := poll(patience, what, func() (bool, error) {
		got = ""
		for _, b := range a.bindings(a.t) {
			if b.MobileNodeID.String() == mn.ID && b.State == "registered" {
				got = fmt.Sprint(b.HomeNetworkPrefixes, " ", b.IPv4HomeAddress, " ", b.ProxyCareOfAddress)
			}
		}
		return got == want, nil
	})
	if err != nil {
		a.t.Fatalf("%v: the anchor has %q, want %q\n%s\nFreeRADIUS:\n%s", err, got, want, a.logs(), a.tail(NodeLMA, "freeradius"))
	}
}

// offloads waits until the anchor has agreed to what is offloaded of a mobile node.
func (a aaa) offloads(mn *MobileNode, want string) {
	a.t.Helper()
	eventually(a.t, a.Domain, "the anchor has offload policy "+want+" for "+mn.Node, func() (bool, error) {
		return slices.ContainsFunc(a.bindings(a.t), func(b mobility.BindingCacheEntry) bool {
			return b.MobileNodeID.String() == mn.ID && b.OffloadPolicy.String() == want
		}), nil
	})
}

// A gateway that knows no mobile node asks a RADIUS server: one gets its own prefix, IPv4 address and offload policy, at every gateway, another is left
// alone. The server changes the session of the first one, and ends it (RFC 6572, RFC 5176).
func TestProfilesAndDemandsOfARADIUSServer(t *testing.T) {
	t.Parallel()
	a := aaa{up(t, "aa"), t}
	mn, other := a.MobileNodes[0], a.MobileNodes[1]
	a.startWith(t, NodeLMA, "lma:\n", "lma:\n"+offloadOn)
	static, address := "2001:db8:1abc:7::/64", netip.MustParseAddr("10.64.7.7")
	a.start(fmt.Sprintf(`
%s Auth-Type := Accept
	PMIP6-Home-LMA-IPv6-Address = %v,
	PMIP6-Home-HN-Prefix = %s,
	PMIP6-Home-IPv4-HoA = %v/32,
	Filter-Id = "staff",
	Filter-Id += "offload:web",
	MIP6-Feature-Vector = %d

DEFAULT Auth-Type := Reject
`, mn.ID, LMAAddress, static, address, 0x0000030000000000))
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		a.configure(mag)
	}
	if err := a.Associate(); err != nil {
		t.Fatal(err)
	}
	a.registered(mn, "the first mobile node has what its server says", fmt.Sprintf("[%s] %v/16 %v", static, address, MAG1Address))
	const web = "matching: source_port 443 protocol 6"
	a.offloads(mn, web)
	got, err := mn.WaitAddress(patience)
	if err != nil {
		t.Fatal(err)
	}
	if !netip.MustParsePrefix(static).Contains(got) {
		t.Errorf("%s has %v, want an address of %s", mn.Node, got, static)
	}
	const rejected = "netlmm_mih_link_events_total{rejected_by_aaa}"
	eventually(t, a.Domain, "the other mobile node is rejected", func() (bool, error) { return a.counter(t, NodeMAG1, rejected) > 0, nil })
	a.registered(other, "the other mobile node is not served", "")
	if _, err := mn.Move(NodeMAG2); err != nil {
		t.Fatal(err)
	}
	a.registered(mn, "it keeps that at the other gateway", fmt.Sprintf("[%s] %v/16 %v", static, address, MAG2Address))

	name := fmt.Sprintf("User-Name = %q", mn.ID)
	for filter, want := range map[string]string{"offload:none": "Received CoA-ACK", "offload:unheard-of": "Invalid-Attribute-Value"} {
		if out := a.demand(NodeMAG2, "coa", name+fmt.Sprintf(", Filter-Id = %q", filter)); !strings.Contains(out, want) {
			t.Errorf("CoA-Request with Filter-Id %s: want %s\n%s", filter, want, out)
		}
	}
	a.offloads(mn, web) // while it stays (RFC 6909 section 3.3)
	if out := a.demand(NodeMAG2, "coa", name+fmt.Sprintf(", MIP6-Feature-Vector = %d", 0x0000010000000000)); !strings.Contains(out, "Received CoA-ACK") {
		t.Fatalf("CoA-Request:\n%s", out)
	}
	a.registered(mn, "it has no IPv4 any more", fmt.Sprintf("[%s] invalid Prefix %v", static, MAG2Address))
	if out := a.demand(NodeMAG2, "disconnect", name+`, NAS-Identifier = "mag1.example.net"`); !strings.Contains(out, "NAS-Identification-Mismatch") {
		t.Errorf("a Disconnect-Request for another gateway:\n%s", out)
	}

	a.start("DEFAULT Auth-Type := Reject\n")
	if out := a.demand(NodeMAG2, "disconnect", name); !strings.Contains(out, "Received Disconnect-ACK") {
		t.Fatalf("Disconnect-Request:\n%s", out)
	}
	a.registered(mn, "its session is ended", "")
	eventually(t, a.Domain, "its station is sent away", func() (bool, error) {
		return a.counter(t, NodeMAG2, "netlmm_mih_link_events_total{disassociated}") == 1, nil
	})
	if err := a.AccessPoints[NodeMAG2].waitRemoved(mn.MAC); err != nil {
		t.Fatal(err)
	}
	if _, err := mn.Associate(time.Now()); err != nil {
		t.Fatal(err)
	}
	eventually(t, a.Domain, "it is rejected when it comes again", func() (bool, error) { return a.counter(t, NodeMAG2, rejected) > 0, nil })
	a.registered(mn, "it stays so", "")
	if out := a.demand(NodeMAG2, "disconnect", name); !strings.Contains(out, "Session-Context-Not-Found") {
		t.Errorf("a second Disconnect-Request:\n%s", out)
	}
	a.forgotten(mn, name, rejected)
	a.offloadsNothing(mn)
	a.secretIsKept()
}

// offloadsNothing: a server that names two offload policies has the mobile node served, and a gateway that proposes that nothing leaves there.
func (a aaa) offloadsNothing(mn *MobileNode) {
	a.t.Helper()
	a.start(fmt.Sprintf(`
%s Auth-Type := Accept
	Filter-Id = "offload:web",
	Filter-Id += "offload:none",
	MIP6-Feature-Vector = %d
`, mn.ID, 0x0000030000000000))
	if _, err := mn.Move(NodeMAG2); err != nil {
		a.t.Fatal(err)
	}
	a.offloads(mn, mobility.OffloadNothing().String())
	if n := a.counter(a.t, NodeMAG2, "netlmm_policy_total{unknown_offload_policy}"); n == 0 {
		a.t.Error("nobody counts that two offload policies were named")
	}
}

// forgotten: the gateway that the mobile node came from has a server's answer still. It is told too, and asks when the mobile node is back.
func (a aaa) forgotten(mn *MobileNode, name, rejected string) {
	a.t.Helper()
	before := a.counter(a.t, NodeMAG1, rejected)
	if out := a.demand(NodeMAG1, "disconnect", name); !strings.Contains(out, "Received Disconnect-") {
		a.t.Errorf("a Disconnect-Request where the mobile node was before:\n%s", out)
	}
	if _, err := mn.Move(NodeMAG1); err != nil {
		a.t.Fatal(err)
	}
	eventually(a.t, a.Domain, "it is rejected there", func() (bool, error) { return a.counter(a.t, NodeMAG1, rejected) > before, nil })
	a.registered(mn, "nor is it served there", "")
}

// secretIsKept looks for the secret where it must not be: in logs, in what netlmmctl tells, in the arguments of programs.
func (a aaa) secretIsKept() {
	a.t.Helper()
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		log, err := os.ReadFile(a.Path(mag, "magd.log"))
		if err != nil {
			a.t.Fatal(err)
		}
		binary, err := a.binary("netlmmctl")
		if err != nil {
			a.t.Fatal(err)
		}
		config, err := a.execute(mag, nil, binary, "--socket", a.AdminSocket(mag), "--json", "config")
		if err != nil {
			a.t.Fatal(err)
		}
		if strings.Contains(string(log), radiusSecret) || strings.Contains(config, radiusSecret) || !strings.Contains(config, "aaa.secret") {
			a.t.Errorf("%s tells the secret, or not where it is", mag)
		}
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	if slices.ContainsFunc(lines, func(file string) bool {
		text, _ := os.ReadFile(file)
		return strings.Contains(string(text), radiusSecret)
	}) {
		a.t.Error("the secret is in the arguments of a program")
	}
}
