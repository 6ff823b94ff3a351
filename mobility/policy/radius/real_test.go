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

	codec "layeh.com/radius"

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

// all are the counts as text.
func (c *counts) all() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.n)
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

// patient are Retries that let a server of a busy machine start and answer.
const patient = 9

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
	c, n := newClient(t, Config{Servers: []Server{{Address: at}}, Retries: patient})
	v := c.ask(context.Background(), policy.Query{MobileNodeID: mobility.NAI("mn1@example.net"), LinkLayerID: phone, PortType: 19})
	g := v.Grant
	if v.Outcome != policy.Accepted || g.Features == nil {
		t.Fatalf("%+v, %v", v, n.all())
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
		t.Errorf("%+v, %v", v, n.all())
	}
}

// An answer without a Message-Authenticator is none, whatever its Response Authenticator says.
func TestAnswersOfAFreeRADIUSThatDoesNotSign(t *testing.T) {
	at := freePort(t, "127.0.0.1")
	startFreeRADIUS(t, radiustest.FreeRADIUS{Listen: at, BareAnswers: true, Users: "DEFAULT Auth-Type := Accept\n"})
	c, n := newClient(t, Config{Servers: []Server{{Address: at}}, Retries: patient, DeadTime: time.Hour})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	verdict := make(chan policy.Verdict)
	go func() { verdict <- c.ask(ctx, policy.Query{MobileNodeID: mobility.NAI("mn1@example.net")}) }()
	for n.of("answer_dropped") == 0 && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	cancel() // a good answer would have ended the question
	if v := <-verdict; v.Outcome != policy.Silent || n.of("answer_dropped") == 0 {
		t.Errorf("%+v, %v", v, n.all())
	}
}

// A server that is killed is asked in vain about two mobile nodes; then the next one is asked, at once.
func TestTheNextServerIsAskedWhenOneIsKilled(t *testing.T) {
	first, second := freePort(t, "::1"), freePort(t, "::1")
	users := "DEFAULT Auth-Type := Accept\n\tChargeable-User-Identity = \"%s\"\n"
	stop := startFreeRADIUS(t, radiustest.FreeRADIUS{Listen: first, Users: fmt.Sprintf(users, "first")})
	startFreeRADIUS(t, radiustest.FreeRADIUS{Listen: second, Users: fmt.Sprintf(users, "second")})
	c, n := newClient(t, Config{Servers: []Server{{Address: first}, {Address: second}}, Retries: patient, DeadTime: time.Hour})
	ask := func(nai string) string {
		return c.ask(context.Background(), policy.Query{MobileNodeID: mobility.NAI(nai)}).Grant.ChargeableUserIdentity
	}
	if got := ask("mn1@example.net"); got != "first" {
		t.Fatalf("%q, %v", got, n.all())
	}
	stop()
	c.exchange = func(ctx context.Context, s *server, q policy.Query) (*codec.Packet, error) {
		once := Client{cfg: c.cfg}
		if s.Name == "aaa1" { // of whom no answer can come
			once.cfg.Retries = 0
		}
		return once.exchangeUDP(ctx, s, q)
	}
	for i, nai := range []string{"mn1@example.net", "mn2@example.net"} {
		if got := ask(nai); got != "second" || n.of("server_silent") != i+1 || len(c.Silent()) != i {
			t.Errorf("%q, %v", got, n.all())
		}
	}
	if got := ask("mn1@example.net"); got != "second" || n.of("server_skipped") != 1 {
		t.Errorf("%q, %v", got, n.all())
	}
}

// Who comes during an outage and would be refused is held while a server that was killed is asked again, and served when that is back.
func TestAKilledServerComesBack(t *testing.T) {
	at := freePort(t, "::1")
	c, n := newClient(t, Config{Servers: []Server{{Address: at}}, DeadTime: time.Hour})
	for _, nai := range []string{"mn1@example.net", "mn2@example.net"} { // nobody is there yet
		c.ask(context.Background(), policy.Query{MobileNodeID: mobility.NAI(nai)})
	}
	if !c.allDead() {
		t.Fatal(n.all())
	}
	c.cfg.Retries = patient
	ctx, cancel := context.WithCancel(context.Background())
	verdicts, done := make(chan policy.Verdict, 10), make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Run(ctx, func(_ policy.QueryID, v policy.Verdict) { verdicts <- v })
	}()
	t.Cleanup(func() { cancel(); <-done })
	const held = 5
	for i := range held {
		c.Post(policy.Query{MobileNodeID: mobility.NAI(fmt.Sprint("mn", i, "@example.net")), Anyway: true})
	}
	c.Post(policy.Query{MobileNodeID: mobility.NAI("known@example.net"), AtOnce: true})
	if v := <-verdicts; v.Outcome != policy.Silent {
		t.Errorf("%+v, %v", v, n.all())
	}
	startFreeRADIUS(t, radiustest.FreeRADIUS{Listen: at, Users: "DEFAULT Auth-Type := Accept\n"})
	for range held {
		if v := <-verdicts; v.Outcome != policy.Accepted {
			t.Errorf("%+v, %v", v, n.all())
		}
	}
	if len(c.Silent()) != 0 {
		t.Error(n.all())
	}
}

// radclient demands what RFC 5176 has.
func TestDemandsOfRadclient(t *testing.T) {
	n := &counts{}
	at := freePort(t, "::1")
	l := NewListener(ListenerConfig{
		Listen: at, Clients: []DynamicClient{{netip.MustParsePrefix("::1/128"), []byte(secret)}}, Window: time.Hour, RequireTimestamp: true,
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
	sendUntil := func(ctx context.Context, secret, command, attributes string) string {
		argv, err := radiustest.Client(t.TempDir(), secret, at, command)
		if err != nil {
			t.Fatal(err)
		}
		c := exec.CommandContext(ctx, argv[0], argv[1:]...)
		c.Stdin = strings.NewReader(attributes)
		out, _ := c.CombinedOutput() // its exit code says whether it was acknowledged
		return string(out)
	}
	send := func(secret, command, attributes string) string { return sendUntil(ctx, secret, command, attributes) }
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
	for name, forged := range map[string]struct{ secret, attributes string }{
		"wrong_authenticator": {"another secret", now + `User-Name = "mn1@example.net"`},
		"wrong_time":          {secret, `User-Name = "mn1@example.net"`},
	} {
		sending, enough := context.WithTimeout(ctx, patience)
		go func() {
			defer enough()
			for n.of(name) == 0 && sending.Err() == nil {
				time.Sleep(10 * time.Millisecond)
			}
		}()
		if out := sendUntil(sending, forged.secret, "disconnect", forged.attributes); n.of(name) == 0 || strings.Contains(out, "ACK") {
			t.Errorf("%s: %v\n%s", name, n.all(), out)
		}
	}
}
