package radius

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
	"netlmm/mobility/policy/radius/radiustest"
)

const secret = "sixteen octets or more"

var phone = mobility.LinkLayerID([6]byte{2, 0, 0x5e, 0, 1, 1})

// counts is a Config.Count.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[name]++
}

func (c *counts) of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}

// freePort is a port that nobody has at an address of this host.
func freePort(t *testing.T, host string) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// startFreeRADIUS runs a server until the test ends, or until stop is called.
func startFreeRADIUS(t *testing.T, f radiustest.FreeRADIUS) (stop func()) {
	t.Helper()
	f.Dir, f.Secret = t.TempDir(), secret
	argv, err := f.Command()
	if err != nil {
		t.Fatal(err)
	}
	said := &bytes.Buffer{}
	c := exec.Command(argv[0], argv[1:]...)
	c.Stdout, c.Stderr = said, said
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	t.Cleanup(stop)
	return stop
}

func newClient(t *testing.T, cfg Config) (*Client, *counts) {
	t.Helper()
	n := &counts{}
	cfg.Count, cfg.Log, cfg.Queue, cfg.Features = n.add, slog.New(slog.DiscardHandler), 100, policy.PMIP6Supported|policy.IP4HoASupported
	cfg.NAS = NAS{Identifier: "mag1.example.net", IPv6Address: netip.MustParseAddr("2001:db8:f0::11")}
	if cfg.Timeout == 0 {
		cfg.Timeout = 200 * time.Millisecond
	}
	for i := range cfg.Servers {
		cfg.Servers[i].Secret, cfg.Servers[i].Name = []byte(secret), fmt.Sprint("aaa", i+1)
	}
	return New(cfg), n
}

// A FreeRADIUS gives what RFC 6572 has for a mobile node, rejects another, and knows a station by its address.
func TestProfilesFromFreeRADIUS(t *testing.T) {
	at := freePort(t, "::1")
	startFreeRADIUS(t, radiustest.FreeRADIUS{Listen: at, Users: `
mn1@example.net  Auth-Type := Accept, Service-Type == Login-User
	PMIP6-Home-LMA-IPv6-Address = 2001:db8:f0::1,
	PMIP6-Home-HN-Prefix = 2001:db8:1::/64,
	PMIP6-Home-HN-Prefix += 2001:db8:2::/63,
	PMIP6-Home-IPv4-HoA = 10.64.0.9/32,
	MIP6-Feature-Vector = 7696581394432,
	Mobile-Node-Identifier = "stable@example.net",
	Chargeable-User-Identity = "cui-1",
	PMIP6-Home-Interface-ID = 1:2:3:4,
	Service-Selection = "internet",
	Filter-Id = "staff",
	Filter-Id += "offload:streaming",
	Session-Timeout = 600

02-00-5E-00-01-01 Auth-Type := Accept, Service-Type == Call-Check, Calling-Station-Id == "02-00-5E-00-01-01", Called-Station-Id == "02-00-00-00-00-AA"
	Chargeable-User-Identity = "cui-2"

DEFAULT Auth-Type := Reject
`})
	c, n := newClient(t, Config{Servers: []Server{{Address: at}}, Retries: 6})
	v := c.ask(context.Background(), policy.Query{MobileNodeID: mobility.NAI("mn1@example.net"), LinkLayerID: phone, PortType: 19})
	g := v.Grant
	if v.Outcome != policy.Accepted || g.Features == nil {
		t.Fatalf("%+v, %v", v, n.n)
	}
	got := fmt.Sprint(g.LMAAddress, g.HomeNetworkPrefixes, g.IPv4HomeAddress, g.MobileNodeID, g.ChargeableUserIdentity, g.SessionTimeout, *g.Features, g.OffloadPolicy)
	want := fmt.Sprint("2001:db8:f0::1", " [2001:db8:1::/64 2001:db8:2::/63] ", "10.64.0.9/32", "stable@example.net", "cui-1", " 10m0s ", " 7696581394432", "streaming")
	if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("%s\nwant %s", got, want)
	}
	ap := mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, 0xaa})
	v = c.ask(context.Background(), policy.Query{MobileNodeID: mobility.EUI48([6]byte([]byte(phone))), LinkLayerID: phone, PointOfAttachment: ap})
	if v.Outcome != policy.Accepted || v.Grant.ChargeableUserIdentity != "cui-2" {
		t.Errorf("%+v", v)
	}
	if v = c.ask(context.Background(), policy.Query{MobileNodeID: mobility.NAI("mn2@example.net"), LinkLayerID: phone}); v.Outcome != policy.Rejected || n.of("rejected") != 1 {
		t.Errorf("%+v, %v", v, n.n)
	}
}

// An answer without a Message-Authenticator is none, whatever its Response Authenticator says.
func TestAnswersOfAFreeRADIUSThatDoesNotSign(t *testing.T) {
	at := freePort(t, "127.0.0.1")
	startFreeRADIUS(t, radiustest.FreeRADIUS{Listen: at, BareAnswers: true, Users: "DEFAULT Auth-Type := Accept\n"})
	c, n := newClient(t, Config{Servers: []Server{{Address: at}}, Retries: 3, DeadTime: time.Hour})
	if v := c.ask(context.Background(), policy.Query{MobileNodeID: mobility.NAI("mn1@example.net")}); v.Outcome != policy.Silent || n.of("answer_dropped") == 0 {
		t.Errorf("%+v, %v", v, n.n)
	}
}

// A server that is killed is asked in vain about two mobile nodes; then the next one is asked, at once.
func TestTheNextServerIsAskedWhenOneIsKilled(t *testing.T) {
	first, second := freePort(t, "::1"), freePort(t, "::1")
	users := "DEFAULT Auth-Type := Accept\n\tChargeable-User-Identity = \"%s\"\n"
	stop := startFreeRADIUS(t, radiustest.FreeRADIUS{Listen: first, Users: fmt.Sprintf(users, "first")})
	startFreeRADIUS(t, radiustest.FreeRADIUS{Listen: second, Users: fmt.Sprintf(users, "second")})
	c, n := newClient(t, Config{Servers: []Server{{Address: first}, {Address: second}}, Retries: 5, DeadTime: time.Hour})
	ask := func(nai string) string {
		return c.ask(context.Background(), policy.Query{MobileNodeID: mobility.NAI(nai)}).Grant.ChargeableUserIdentity
	}
	if got := ask("mn1@example.net"); got != "first" {
		t.Fatalf("%q, %v", got, n.n)
	}
	stop()
	c.cfg.Retries = 2
	for i, nai := range []string{"mn1@example.net", "mn2@example.net"} {
		if got := ask(nai); got != "second" || n.of("server_silent") != i+1 || len(c.Silent()) != i {
			t.Errorf("%q, %v", got, n.n)
		}
	}
	if got := ask("mn1@example.net"); got != "second" || n.of("server_skipped") != 1 {
		t.Errorf("%q, %v", got, n.n)
	}
}

// radclient demands what RFC 5176 has.
func TestDemandsOfRadclient(t *testing.T) {
	n := &counts{}
	at := freePort(t, "::1")
	l := NewListener(ListenerConfig{
		Listen: at, Clients: []DynamicClient{{netip.MustParsePrefix("::1/128"), []byte(secret)}}, Window: time.Minute, RequireTimestamp: true,
		NAS: NAS{Identifier: "mag1.example.net"}, Log: slog.New(slog.DiscardHandler), Count: n.add,
	})
	demands := make(chan policy.Demand, 10)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Run(ctx, func(d policy.Demand) bool {
			demands <- d
			cause := policy.ErrorCause(0)
			if d.UserName == "gone@example.net" {
				cause = policy.SessionContextNotFound
			}
			go l.Answer(d.Handle, cause)
			return true
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	send := func(secret, command, attributes string) string {
		argv, err := radiustest.Client(t.TempDir(), secret, at, command)
		if err != nil {
			t.Fatal(err)
		}
		c := exec.Command(argv[0], argv[1:]...)
		c.Stdin = strings.NewReader(attributes)
		out, _ := c.CombinedOutput() // its exit code says whether it was acknowledged
		return string(out)
	}
	now := fmt.Sprintf("Event-Timestamp = %d, ", time.Now().Unix())
	for _, c := range []struct {
		name, command, attributes, want string
	}{
		{"acknowledged", "disconnect", now + `User-Name = "mn1@example.net", Calling-Station-Id = "02-00-5e-00-01-01", Message-Authenticator = 0x00, Proxy-State = 0x1234`, "Received Disconnect-ACK"},
		{"no such session", "disconnect", now + `User-Name = "gone@example.net"`, "Session-Context-Not-Found"},
		{"another NAS", "disconnect", now + `User-Name = "mn1@example.net", NAS-Identifier = "mag2.example.net"`, "NAS-Identification-Mismatch"},
		{"nobody named", "disconnect", now + `NAS-Identifier = "mag1.example.net"`, "Missing-Attribute"},
		{"an attribute of another world", "disconnect", now + `User-Name = "mn1@example.net", Filter-Id = "x"`, "Unsupported-Attribute"},
		{"an offload policy ends no session", "disconnect", now + `User-Name = "mn1@example.net", Filter-Id = "offload:web"`, "Unsupported-Attribute"},
		{"a filter of another world", "coa", now + `User-Name = "mn1@example.net", Filter-Id = "offload:web", Filter-Id += "staff"`, "Unsupported-Attribute"},
		{"two offload policies", "coa", now + `User-Name = "mn1@example.net", Filter-Id = "offload:web", Filter-Id += "offload:all"`, "Invalid-Attribute-Value"},
		{"another offload policy", "coa", now + `User-Name = "mn1@example.net", Filter-Id = "offload:web"`, "Received CoA-ACK"},
		{"change", "coa", now + `User-Name = "mn1@example.net", MIP6-Feature-Vector = 1099511627776, Session-Timeout = 60`, "Received CoA-ACK"},
		{"nothing to change", "coa", now + `User-Name = "mn1@example.net"`, "Missing-Attribute"},
		{"contradiction", "coa", now + `User-Name = "mn1@example.net", MIP6-Feature-Vector = 284773511593984`, "Invalid-Attribute-Value"},
		{"authorize only without state", "coa", now + `User-Name = "mn1@example.net", Service-Type = Authorize-Only`, "Missing-Attribute"},
		{"a service", "coa", now + `User-Name = "mn1@example.net", Service-Type = Framed-User`, "Unsupported-Service"},
	} {
		if out := send(secret, c.command, c.attributes); !strings.Contains(out, c.want) {
			t.Errorf("%s: want %s\n%s", c.name, c.want, out)
		}
	}
	d := <-demands
	if !d.Disconnect || d.UserName != "mn1@example.net" || d.LinkLayerID != phone {
		t.Errorf("%+v", d)
	}
	if <-demands; (<-demands).Changes.OffloadPolicy != "web" { // after one that is gone
		t.Error("no offload policy in the change")
	}
	if len(demands) != 1 { // the other change
		t.Errorf("%d more demands were taken", len(demands))
	}
	for name, send := range map[string]func() string{
		"wrong_authenticator": func() string { return send("another secret", "disconnect", now+`User-Name = "mn1@example.net"`) },
		"wrong_time":          func() string { return send(secret, "disconnect", `User-Name = "mn1@example.net"`) },
	} {
		if out := send(); n.of(name) == 0 || strings.Contains(out, "ACK") {
			t.Errorf("%s: %v\n%s", name, n.n, out)
		}
	}
}
