package discover

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"netlmm/internal/netnstest"
	"netlmm/mih/transport/mos"
)

// zone is what a name server knows, as lines of a zone file.
type zone struct {
	lines    string
	truncate bool                                    // answers over UDP do not fit
	handle   func(dns.ResponseWriter, *dns.Msg) bool // comes first; true: it has answered
	asked    atomic.Int32
}

// serve runs a name server until the test ends.
func (z *zone) serve(t testing.TB) netip.AddrPort {
	t.Helper()
	var records []dns.RR
	for parser := dns.NewZoneParser(strings.NewReader("$TTL 60\n"+z.lines), ".", ""); ; {
		record, ok := parser.Next()
		if !ok {
			if err := parser.Err(); err != nil {
				t.Fatal(err)
			}
			break
		}
		records = append(records, record)
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", packets.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
		z.asked.Add(1)
		if z.handle == nil || !z.handle(w, question) {
			_ = w.WriteMsg(z.answer(records, question, w.RemoteAddr().Network() == "udp"))
		}
	})
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: listener, Handler: handler}} {
		ready, done := make(chan struct{}), make(chan error, 1)
		server.NotifyStartedFunc = func() { close(ready) }
		go func() { done <- server.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() {
			_ = server.Shutdown()
			<-done
		})
	}
	return packets.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (z *zone) answer(records []dns.RR, question *dns.Msg, udp bool) *dns.Msg {
	answer := new(dns.Msg)
	answer.SetReply(question)
	if z.truncate && udp {
		answer.Truncated = true
		return answer
	}
	name := dns.CanonicalName(question.Question[0].Name)
	for _, record := range records {
		header := record.Header()
		if dns.CanonicalName(header.Name) != name {
			continue
		}
		if alias, ok := record.(*dns.CNAME); ok {
			answer.Answer = append(answer.Answer, record)
			name = dns.CanonicalName(alias.Target)
		}
		if header.Rrtype == question.Question[0].Qtype {
			answer.Answer = append(answer.Answer, record)
		}
	}
	if len(answer.Answer) == 0 {
		answer.Rcode = dns.RcodeNameError
	}
	return answer
}

// texts are the servers found, each in one line.
func texts(servers []Server) (lines []string) {
	for _, s := range servers {
		lines = append(lines, strings.TrimPrefix(s.String(), s.Service.String()+" at "))
	}
	return lines
}

const hosts = `
server1.example.com. A 192.0.2.1
server1.example.com. AAAA 2001:db8::1
server2.example.com. A 192.0.2.2
`

var zones = []struct {
	name    string
	lines   string
	service mos.Service
	want    []string
}{
	{"the example of RFC 5679 section 2.2", `
example.com. NAPTR 90 50 "s" "MIHIS+M2U" "" _MIHIS._udp.example.com.
example.com. NAPTR 50 50 "s" "MIHIS+M2T" "" _MIHIS._tcp.example.com.
_MIHIS._tcp.example.com. SRV 0 1 4000 server1.example.com.
_MIHIS._udp.example.com. SRV 0 1 4001 server2.example.com.`, mos.InformationService, []string{
		"[2001:db8::1]:4000 over tcp (server1.example.com)", "192.0.2.1:4000 over tcp (server1.example.com)", "192.0.2.2:4001 over udp (server2.example.com)"}},
	{"preference within an order", `
example.com. NAPTR 1 20 "S" "mihes+m2t" "" a.example.com.
example.com. NAPTR 1 10 "s" "MIHES+M2U" "" b.example.com.
a.example.com. SRV 0 0 1 server2.example.com.
b.example.com. SRV 0 0 2 server2.example.com.`, mos.EventService, []string{
		"192.0.2.2:2 over udp (server2.example.com)", "192.0.2.2:1 over tcp (server2.example.com)"}},
	{"records that are for something else", `
example.com. NAPTR 1 1 "s" "MIHES+M2T" "" other.example.com.
example.com. NAPTR 1 1 "s" "MIHIS+M2S" "" sctp.example.com.
example.com. NAPTR 1 1 "a" "MIHIS+M2T" "" server1.example.com.
example.com. NAPTR 1 1 "s" "MIHIS+M2T" "!.*!x!" regexp.example.com.
example.com. NAPTR 1 1 "s" "MIHIS+M2T" "" .
example.com. NAPTR 1 1 "s" "MIHIS" "" none.example.com.
example.com. NAPTR 9 1 "s" "MIHIS+M2T" "" right.example.com.
right.example.com. SRV 0 0 4551 server2.example.com.`, mos.InformationService, []string{"192.0.2.2:4551 over tcp (server2.example.com)"}},
	{"no NAPTR records", `
_MIHIS._tcp.example.com. SRV 0 0 1 server2.example.com.
_MIHIS._udp.example.com. SRV 0 0 2 server2.example.com.
_MIHCS._tcp.example.com. SRV 0 0 3 server2.example.com.
_MIHCS._udp.example.com. SRV 0 0 4 server2.example.com.`, mos.CommandService, []string{
		"192.0.2.2:4 over udp (server2.example.com)", "192.0.2.2:3 over tcp (server2.example.com)"}},
	{"priorities", `
_MIHIS._tcp.example.com. SRV 7 0 1 server1.example.com.
_MIHIS._tcp.example.com. SRV 3 0 2 server2.example.com.`, mos.InformationService, []string{
		"192.0.2.2:2 over tcp (server2.example.com)", "[2001:db8::1]:1 over tcp (server1.example.com)", "192.0.2.1:1 over tcp (server1.example.com)"}},
	{"an alias", `
example.com. CNAME example.net.
example.net. NAPTR 1 1 "s" "MIHIS+M2T" "" _MIHIS._tcp.example.net.
_MIHIS._tcp.example.net. SRV 0 0 4551 server2.example.com.`, mos.InformationService, []string{"192.0.2.2:4551 over tcp (server2.example.com)"}},
	{"an alias of itself", `
example.com. CNAME example.com.`, mos.InformationService, nil},
	{"no such service, expressly", `
_MIHIS._tcp.example.com. SRV 0 0 0 .
_MIHIS._udp.example.com. SRV 0 0 0 .`, mos.InformationService, nil},
	{"addresses that nobody has", `
_MIHIS._tcp.example.com. SRV 0 0 4551 bad.example.com.
bad.example.com. A 127.0.0.1
bad.example.com. A 224.0.0.1
bad.example.com. A 0.0.0.0
bad.example.com. AAAA fe80::1
bad.example.com. AAAA ::ffff:192.0.2.1`, mos.InformationService, nil},
	{"nothing", "", mos.InformationService, nil},
}

func TestLookup(t *testing.T) {
	for _, truncate := range []bool{false, true} {
		for _, test := range zones {
			z := &zone{lines: test.lines + hosts, truncate: truncate}
			r := &Resolver{Servers: []netip.AddrPort{z.serve(t)}}
			got, err := r.Lookup(withPatience(t), "example.com", test.service)
			if diff := cmp.Diff(test.want, texts(got)); diff != "" {
				t.Errorf("%s: %v %s", test.name, err, diff)
			}
			var none *NoServersError
			if test.want == nil && !errors.As(err, &none) {
				t.Errorf("%s: %v", test.name, err)
			}
		}
	}
}

// TestWeights: one with nine times the weight comes first nine times as often.
func TestWeights(t *testing.T) {
	answer := new(dns.Msg)
	for _, text := range []string{"x. SRV 1 90 1 heavy.", "x. SRV 1 10 1 light.", "x. SRV 2 99 1 later."} {
		record, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		answer.Answer = append(answer.Answer, record)
	}
	first := map[string]int{}
	for range 10000 {
		order := srvHosts(answer, "x.")
		if len(order) != 3 || order[2].Target != "later." {
			t.Fatalf("%v", order)
		}
		first[order[0].Target]++
	}
	if first["light."] < 800 || first["light."] > 1200 {
		t.Errorf("the light one comes first %d times in 10000", first["light."])
	}
}

// TestForgedAnswers: another name server is quicker, but does not know the question.
func TestForgedAnswers(t *testing.T) {
	z := &zone{lines: zones[0].lines + hosts}
	z.handle = func(w dns.ResponseWriter, question *dns.Msg) bool {
		forged := new(dns.Msg)
		forged.SetReply(question)
		forged.Id++
		_ = w.WriteMsg(forged)
		forged.Id--
		forged.Question[0].Name = "example.org."
		_ = w.WriteMsg(forged)
		_, _ = w.Write([]byte("noise"))
		_, _ = w.Write(append([]byte{byte(question.Id >> 8), byte(question.Id), 0x81, 0, 0, 1, 0, 1}, "noise"...))
		return false
	}
	r := &Resolver{Servers: []netip.AddrPort{z.serve(t)}}
	got, err := r.Lookup(withPatience(t), "Example.COM.", mos.InformationService)
	if len(got) != 3 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// TestServersThatFail: one that refuses, one that is not there and one that never answers are passed over.
func TestServersThatFail(t *testing.T) {
	refuses := &zone{handle: func(w dns.ResponseWriter, question *dns.Msg) bool {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(question, dns.RcodeRefused))
		return true
	}}
	silent := &zone{handle: func(dns.ResponseWriter, *dns.Msg) bool { return true }}
	good := &zone{lines: zones[0].lines + hosts}
	r := &Resolver{Timeout: 50 * time.Millisecond, Servers: []netip.AddrPort{
		refuses.serve(t), netip.MustParseAddrPort("127.0.0.1:9"), silent.serve(t), good.serve(t)}}
	if got, err := r.Lookup(withPatience(t), "example.com", mos.InformationService); len(got) != 3 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	r.Servers = r.Servers[:3]
	if got, err := r.Lookup(withPatience(t), "example.com", mos.InformationService); len(got) != 0 || err == nil {
		t.Errorf("%v, %v", got, err)
	}
	r.Servers = nil
	if _, err := r.Lookup(withPatience(t), "example.com", mos.InformationService); err == nil {
		t.Error("without any server")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r = &Resolver{Servers: []netip.AddrPort{silent.serve(t)}}
	if _, err := r.Lookup(ctx, "example.com", mos.InformationService); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// TestADomainThatIsAMaze costs a bounded number of questions.
func TestADomainThatIsAMaze(t *testing.T) {
	z := &zone{handle: func(w dns.ResponseWriter, question *dns.Msg) bool {
		answer := new(dns.Msg)
		answer.SetReply(question)
		name := question.Question[0].Name
		for i := range 30 {
			label := string(rune('a'+i%26)) + string(rune('a'+i/26)) + "."
			switch question.Question[0].Qtype {
			case dns.TypeNAPTR:
				answer.Answer = append(answer.Answer, &dns.NAPTR{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeNAPTR, Class: dns.ClassINET}, Flags: "s", Service: "MIHIS+M2T", Replacement: label + name})
			case dns.TypeSRV:
				answer.Answer = append(answer.Answer, &dns.SRV{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeSRV, Class: dns.ClassINET}, Port: uint16(i + 1), Target: label + name})
			}
		}
		_ = w.WriteMsg(answer)
		return true
	}}
	r := &Resolver{Servers: []netip.AddrPort{z.serve(t)}}
	_, err := r.Lookup(withPatience(t), "example.com", mos.InformationService)
	if !errors.Is(err, errBudget) || z.asked.Load() > 2*maximumQueries {
		t.Errorf("%d questions, %v", z.asked.Load(), err)
	}
}

func TestFirst(t *testing.T) {
	z := &zone{lines: zones[0].lines + hosts}
	r := &Resolver{Servers: []netip.AddrPort{z.serve(t)}}
	got, rest, err := r.First(withPatience(t), []string{"example.org", "example.com", "example.net"}, mos.InformationService)
	if len(got) != 3 || len(rest) != 1 || rest[0] != "example.net" || err != nil {
		t.Errorf("%v, rest %v, %v", got, rest, err)
	}
	if got, _, err := r.First(withPatience(t), nil, mos.InformationService); err == nil {
		t.Errorf("%v without any domain", got)
	}
	for _, name := range []string{"", ".", strings.Repeat("a.", 200), strings.Repeat("a", 64) + ".com"} {
		if _, err := r.Lookup(withPatience(t), name, mos.InformationService); err == nil {
			t.Errorf("%q is looked up", name)
		}
	}
}

func TestSystem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# a comment\nsearch example.com\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\n")
	r, err := System(file)
	want := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[fe80::1%eth0]:53")}
	if err != nil || len(r.Servers) != 2 || r.Servers[0] != want[0] || r.Servers[1] != want[1] {
		t.Errorf("%v, %v", r, err)
	}
	for _, bad := range []string{"nameserver example.com\n", "options ndots:1\n"} {
		write(bad)
		if r, err := System(file); err == nil {
			t.Errorf("%q: %v", bad, r)
		}
	}
	if _, err := System(file + ".not"); err == nil {
		t.Error("a file that is not there")
	}
}

// TestDnsmasq asks a real name server.
func TestDnsmasq(t *testing.T) {
	netnstest.DNSMasq(t, "", "--port=5353", "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/example.com/",
		"--naptr-record=example.com,50,50,s,MIHIS+M2T,,_MIHIS._tcp.example.com",
		"--naptr-record=example.com,90,50,s,MIHIS+M2U,,_MIHIS._udp.example.com",
		"--srv-host=_MIHIS._tcp.example.com,server1.example.com,4551,0,1",
		"--srv-host=_MIHIS._udp.example.com,server1.example.com,4552,0,1",
		"--srv-host=_MIHES._udp.example.com,server2.example.com,4553,0,1",
		"--host-record=server1.example.com,192.0.2.1,2001:db8::1",
		"--host-record=server2.example.com,192.0.2.2")
	r := &Resolver{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:5353")}}
	for service, want := range map[mos.Service][]string{
		mos.InformationService: {
			"[2001:db8::1]:4551 over tcp (server1.example.com)", "192.0.2.1:4551 over tcp (server1.example.com)",
			"[2001:db8::1]:4552 over udp (server1.example.com)", "192.0.2.1:4552 over udp (server1.example.com)"},
		mos.EventService:   {"192.0.2.2:4553 over udp (server2.example.com)"},
		mos.CommandService: nil,
	} {
		ctx := withPatience(t)
		got, err := r.Lookup(ctx, "example.com", service)
		for errors.Is(err, os.ErrDeadlineExceeded) || err != nil && strings.Contains(err.Error(), "refused") && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond) // it is starting
			got, err = r.Lookup(ctx, "example.com", service)
		}
		if diff := cmp.Diff(want, texts(got)); diff != "" {
			t.Errorf("%s: %v %s", service, err, diff)
		}
	}
}

// FuzzAnswer: whatever a name server answers, what is read from it is bounded and usable.
func FuzzAnswer(f *testing.F) {
	for _, test := range zones {
		z := &zone{lines: test.lines + hosts}
		answer := new(dns.Msg)
		answer.SetQuestion("example.com.", dns.TypeNAPTR)
		for parser := dns.NewZoneParser(strings.NewReader("$TTL 60\n"+z.lines), ".", ""); ; {
			record, ok := parser.Next()
			if !ok {
				break
			}
			answer.Answer = append(answer.Answer, record)
		}
		if octets, err := answer.Pack(); err == nil {
			f.Add(octets, "_mihis._tcp.example.com.", "server1.example.com.")
		}
	}
	f.Fuzz(func(t *testing.T, octets []byte, service, host string) {
		answer := new(dns.Msg)
		if answer.Unpack(octets) != nil {
			return
		}
		for _, s := range mos.Services {
			for _, found := range naptrTargets(answer, "example.com.", s) {
				if found.name == "" || found.name == "." {
					t.Fatalf("target %q", found.name)
				}
			}
		}
		if list := srvHosts(answer, service); len(list) > maximumHosts {
			t.Fatalf("%d hosts", len(list))
		}
		for _, a := range hostAddresses(answer.Answer, host) {
			if !a.IsGlobalUnicast() {
				t.Fatalf("address %s", a)
			}
		}
	})
}
