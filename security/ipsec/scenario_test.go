package ipsec

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"netlmm/security"
)

var (
	here   = netip.MustParseAddr("2001:db8:f0::1")
	here4  = netip.MustParseAddr("192.0.2.1")
	epoch  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	remote = map[string]netip.Addr{
		"lma": netip.MustParseAddr("2001:db8:f0::3"), "mag1": netip.MustParseAddr("2001:db8:f0::11"), "mag2": netip.MustParseAddr("2001:db8:f0::12"),
		"mag4": netip.MustParseAddr("192.0.2.11"),
	}
)

var traffic = map[string]security.Traffic{
	"mh": security.MobilityHeaders, "mih": security.MIH, "mih-udp": security.MIHOverUDP, "both": security.MobilityHeaders | security.MIH, "none": 0,
}

// localOf is our end towards this address.
func localOf(far netip.Addr) netip.Addr {
	if far.Is4() {
		return here4
	}
	return here
}

// scenario runs the commands of a file in testdata/scenarios against one Associations.
//
//	peers                    one line per peer: NAME netlmm|swanctl|found initiate|wait [TRAFFIC]
//	snapshot [libipsec]      one line each: sa ID ike=N peer=NAME [id=X] [covers=TRAFFIC]; connection NAME CHILD [peer=NAME [TRAFFIC]]
//
// where TRAFFIC is mh (what there is without it), mih, mih-udp, both or none.
//
//	up, rekey old=ID         one sa line
//	down ID, ike-down N, lost, loaded NAME, initiated NAME, failed NAME, required NAME, suspect NAME
//	tick DURATION            time passes, with Expire at every deadline on the way
//	status
type scenario struct {
	a   *Associations
	now time.Time
}

func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		s := &scenario{now: epoch}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			return s.run(t, d)
		})
	})
}

func (s *scenario) run(t *testing.T, d *datadriven.TestData) string {
	name := ""
	if len(d.CmdArgs) > 0 {
		name = d.CmdArgs[0].Key
	}
	switch d.Cmd {
	case "peers":
		return s.peers(t, d.Input)
	case "tick":
		duration, err := time.ParseDuration(name)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		return s.tick(duration)
	case "status":
		var out strings.Builder
		for _, st := range s.a.Status() {
			fmt.Fprintf(&out, "%s %s identity=%s attempts=%d rekeys=%d %s\n", peerName(st.Address), st.State, st.Identity, st.Attempts, st.Rekeys, st.LastError)
		}
		return out.String()
	}
	return s.render(s.a.Handle(s.now, s.event(t, d, name)))
}

func (s *scenario) event(t *testing.T, d *datadriven.TestData, name string) security.Event {
	switch d.Cmd {
	case "snapshot":
		return s.snapshot(name == "libipsec", d.Input)
	case "up":
		return security.ChildUp{SA: s.sa(strings.Fields(d.Input))}
	case "rekey":
		return security.ChildRekeyed{Old: d.CmdArgs[0].Vals[0], SA: s.sa(strings.Fields(d.Input))}
	case "down":
		return security.ChildDown{UniqueID: name}
	case "ike-down":
		return security.IKEDown{IKEUniqueID: name}
	case "lost":
		return security.CharonLost{Err: errors.New("connection refused")}
	case "loaded":
		return security.Loaded{Peer: remote[name]}
	case "initiated":
		return security.Initiated{Peer: remote[name]}
	case "failed":
		return security.Failed{Peer: remote[name], Err: errors.New("no answer")}
	case "required":
		return security.Required{Peer: remote[name]}
	case "suspect":
		return security.Suspect{Peer: remote[name]}
	}
	d.Fatalf(t, "unknown command")
	return nil
}

func (s *scenario) peers(t *testing.T, input string) string {
	var cfg Config
	for line := range strings.Lines(input) {
		f := strings.Fields(line)
		p := security.Peer{Address: remote[f[0]], Local: localOf(remote[f[0]]), Identity: f[0], ManagedBy: security.BySwanctl, Initiate: f[2] == "initiate"}
		if f[1] != "found" {
			p.ManagedBy, p.Connection, p.Child = security.ManagedBy(f[1]), "to-"+f[0], "mh"
		}
		if len(f) > 3 {
			p.Traffic = traffic[f[3]]
		}
		cfg.Peers = append(cfg.Peers, p)
	}
	var err error
	if s.a, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return ""
}

func (s *scenario) snapshot(libipsec bool, input string) security.CharonSnapshot {
	snap := security.CharonSnapshot{DataPathInCharon: libipsec}
	for line := range strings.Lines(input) {
		f := strings.Fields(line)
		if f[0] == "sa" {
			snap.SAs = append(snap.SAs, s.sa(f))
			continue
		}
		c := security.Connection{Name: f[1], Child: f[2]}
		if len(f) > 3 {
			c.Remote = remote[strings.TrimPrefix(f[3], "peer=")]
			c.Local, c.Covers = localOf(c.Remote), security.MobilityHeaders
		}
		if len(f) > 4 {
			c.Covers = traffic[f[4]]
		}
		snap.Connections = append(snap.Connections, c)
	}
	return snap
}

func (s *scenario) sa(fields []string) security.ChildSA {
	sa := security.ChildSA{UniqueID: fields[1], Covers: security.MobilityHeaders, Mode: "TRANSPORT", Installed: s.now}
	for _, f := range fields[2:] {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "ike":
			sa.IKEUniqueID = value
		case "peer":
			sa.Remote, sa.Local = remote[value], localOf(remote[value])
			if sa.RemoteIdentity == "" {
				sa.RemoteIdentity = value
			}
		case "id":
			sa.RemoteIdentity = value
		case "covers":
			sa.Covers = traffic[value]
		}
	}
	return sa
}

// tick renders what happens at each deadline, with the time since the start of the scenario.
func (s *scenario) tick(duration time.Duration) string {
	var out strings.Builder
	end := s.now.Add(duration)
	for {
		at, due := s.a.NextDeadline()
		if !due || at.After(end) {
			break
		}
		if at.After(s.now) {
			s.now = at
		}
		fmt.Fprintf(&out, "%v:\n%s", s.now.Sub(epoch), s.render(s.a.Expire(s.now)))
	}
	s.now = end
	return out.String()
}

func (s *scenario) render(actions []Action) string {
	var out strings.Builder
	for _, action := range actions {
		switch a := action.(type) {
		case Load:
			fmt.Fprintf(&out, "  load %s\n", a.Peer.Connection)
		case Initiate:
			fmt.Fprintf(&out, "  initiate %s %s %s\n", peerName(a.Peer), a.Connection, a.Child)
		case Terminate:
			fmt.Fprintf(&out, "  terminate %s ike=%s\n", peerName(a.Peer), a.IKEUniqueID)
		case Resync:
			out.WriteString("  resync\n")
		case Told:
			out.WriteString("  told\n")
		case Changed:
			fmt.Fprintf(&out, "  changed %s up=%v %s", peerName(a.Peer), a.Up, a.Identity)
			if a.Up && a.Covers != security.MobilityHeaders {
				fmt.Fprintf(&out, ": %s", a.Covers)
			}
			out.WriteString("\n")
		}
	}
	return out.String()
}

// peerName is the name of a peer's address.
func peerName(address netip.Addr) string {
	for name, a := range remote {
		if a == address {
			return name
		}
	}
	return address.String()
}
