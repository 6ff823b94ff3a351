package radius

import (
	"bytes"
	"context"
	"crypto/md5"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3576"
	"layeh.com/radius/rfc6572"

	"netlmm/internal/ingress"
	"netlmm/internal/netnstest"
	"netlmm/internal/radiusauth"
	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// The host has two addresses of each IP version.
func TestMain(m *testing.M) {
	netnstest.Main(m, func() error {
		return netnstest.Commands("ip link set lo up", "ip addr add 2001:db8::7/128 dev lo nodad", "ip addr add 2001:db8::8/128 dev lo nodad")
	})
}

func TestGrantsThatNothingCanBeMadeOf(t *testing.T) {
	for name, a := range map[string]codec.AVP{
		"Mobile-Node-Identifier":  {Type: rfc6572.MobileNodeIdentifier_Type, Attribute: codec.Attribute("\xff")},
		"PMIP6-LMA-IPv6-Address":  {Type: rfc6572.PMIP6HomeLMAIPv6Address_Type, Attribute: netip.MustParseAddr("fe80::1").AsSlice()},
		"PMIP6-LMA-IPv4-Address":  {Type: rfc6572.PMIP6VisitedLMAIPv4Address_Type, Attribute: codec.Attribute{10, 0, 0}},
		"PMIP6-HN-Prefix":         {Type: rfc6572.PMIP6HomeHNPrefix_Type, Attribute: codec.Attribute{0, 16, 0xff, 0x02}},
		"PMIP6-HN-Prefix: broken": {Type: rfc6572.PMIP6HomeHNPrefix_Type, Attribute: codec.Attribute{0, 129}},
		"PMIP6-IPv4-HoA":          {Type: homeIPv4HoA, Attribute: codec.Attribute{0, 16, 10, 64, 0, 0}},
		"PMIP6-IPv4-HoA: long":    {Type: visitedIPv4HoA, Attribute: codec.Attribute{0, 40, 10, 64, 0, 1}},
		"MIP6-Feature-Vector":     {Type: 124, Attribute: codec.Attribute{0, 1, 3, 0, 0, 0, 0, 0}},
		"Session-Timeout":         {Type: rfc2865.SessionTimeout_Type, Attribute: codec.Attribute{1}},
	} {
		word, _, _ := strings.Cut(name, ":")
		if _, err := readGrant(&codec.Packet{Attributes: codec.Attributes{&a}}); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What asks for anything says nothing, and the home network comes before the visited one.
func TestGrantsOfHomeAndVisitedNetwork(t *testing.T) {
	home, visited := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	g, err := readGrant(&codec.Packet{Attributes: codec.Attributes{
		{Type: rfc6572.PMIP6VisitedLMAIPv6Address_Type, Attribute: visited.AsSlice()}, {Type: rfc6572.PMIP6HomeLMAIPv6Address_Type, Attribute: home.AsSlice()},
		{Type: rfc6572.PMIP6HomeHNPrefix_Type, Attribute: codec.Attribute{0, 128}}, {Type: rfc6572.PMIP6VisitedHNPrefix_Type, Attribute: codec.Attribute{0xff, 48, 0x20, 0x01, 0x0d, 0xb8, 0, 7}},
		{Type: homeIPv4HoA, Attribute: codec.Attribute{0, 32, 0, 0, 0, 0}},
	}})
	if err != nil || g.LMAAddress != home || len(g.HomeNetworkPrefixes) != 1 || g.HomeNetworkPrefixes[0] != netip.MustParsePrefix("2001:db8:7::/48") || g.IPv4HomeAddress.IsValid() {
		t.Errorf("%+v, %v", g, err)
	}
}

// peer is the other end of a client, which tests answer as.
func peer(t *testing.T) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Everything but the one good answer is dropped, and the request goes out again as it was.
func TestOnlyTheRightAnswerCounts(t *testing.T) {
	conn, at := peer(t)
	c, n := newClient(t, Config{Servers: []Server{{Address: at}}, Retries: patient})
	verdicts := make(chan policy.Verdict, 1)
	go func() {
		verdicts <- c.ask(context.Background(), policy.Query{MobileNodeID: mobility.NAI("mn1@example.net"), State: []byte("of a CoA-Request")})
	}()
	buf := make([]byte, codec.MaxPacketLength)
	read := func() ([]byte, netip.AddrPort) {
		size, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Clone(buf[:size]), from
	}
	first, _ := read()
	request, from := read()
	if !bytes.Equal(first, request) {
		t.Errorf("sent again as another request")
	}
	p, err := codec.Parse(request, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	if present, err := radiusauth.Check(request, p.Authenticator, []byte(secret)); !present || err != nil || p.Attributes[0].Type != rfc2869.MessageAuthenticator_Type {
		t.Error("no good Message-Authenticator as the first attribute")
	}
	if service := rfc2865.ServiceType_Get(p); service != authorizeOnly || string(rfc2865.State_Get(p)) != "of a CoA-Request" {
		t.Errorf("Service-Type %v, State %q", service, rfc2865.State_Get(p))
	}
	answer := func(change func(*codec.Packet)) []byte {
		q := p.Response(codec.CodeAccessAccept)
		radiusauth.Add(q)
		change(q)
		packet, err := radiusauth.Encode(q)
		if err != nil {
			t.Fatal(err)
		}
		return packet
	}
	good := answer(func(*codec.Packet) {})
	unsigned, _ := p.Response(codec.CodeAccessAccept).Encode()
	forged := bytes.Clone(good)
	forged[0] = byte(codec.CodeAccessReject)
	for _, bad := range [][]byte{
		nil, {2}, good[:19], request, forged, unsigned,
		answer(func(q *codec.Packet) { q.Identifier++ }), answer(func(q *codec.Packet) { q.Secret = []byte("another") }),
		answer(func(q *codec.Packet) { q.Add(rfc2869.MessageAuthenticator_Type, make(codec.Attribute, md5.Size)) }),
	} {
		if _, err := conn.WriteToUDPAddrPort(bad, from); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.WriteToUDPAddrPort(append(good, "padding"...), from); err != nil {
		t.Fatal(err)
	}
	if v := <-verdicts; v.Outcome != policy.Accepted || n.of("answer_dropped") != 9 {
		t.Errorf("%+v, %v", v, n.all())
	}
}

// patience is how long an answer may take.
const patience = 30 * time.Second

// listener is one whose requests the test makes itself; it takes all demands.
func listener(t *testing.T) (*Listener, *net.UDPConn, *counts, chan policy.Demand) {
	t.Helper()
	return listenerAt(t, "[::1]:0", "::1", "::1")
}

// listenerAt listens there, and is sent requests from one address to another.
func listenerAt(t *testing.T, listen, from, to string) (*Listener, *net.UDPConn, *counts, chan policy.Demand) {
	t.Helper()
	client := netip.MustParseAddr(from)
	n, demands := &counts{}, make(chan policy.Demand, 100)
	l := NewListener(ListenerConfig{
		Listen: netip.MustParseAddrPort(listen), Clients: []DynamicClient{{netip.PrefixFrom(client, client.BitLen()), []byte(secret)}}, Window: time.Minute, RequireTimestamp: true,
		Untrusted: []string{"acc0"}, Log: slog.New(slog.DiscardHandler), Count: n.add,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Run(ctx, func(d policy.Demand) bool { demands <- d; return d.UserName != "too-much@example.net" })
	}()
	t.Cleanup(func() { cancel(); <-done })
	for range 1000 {
		if at, _ := l.Address(); at.IsValid() {
			conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(client, 0)), net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(to), at.Port())))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			return l, conn, n, demands
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("does not listen")
	return nil, nil, nil, nil
}

func disconnect(t *testing.T, user string, at time.Time) []byte {
	t.Helper()
	p := codec.New(codec.CodeDisconnectRequest, []byte(secret))
	p.Authenticator = radiusauth.Authenticator{}
	if err := rfc2865.UserName_AddString(p, user); err != nil {
		t.Fatal(err)
	}
	if err := rfc2869.EventTimestamp_Add(p, at); err != nil {
		t.Fatal(err)
	}
	radiusauth.Add(p)
	packet, err := radiusauth.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

// A request that comes again is not carried out again: its sender gets the answer that there was, anybody else none.
func TestADemandThatIsSentAgain(t *testing.T) {
	l, conn, n, demands := listener(t)
	buf := make([]byte, codec.MaxPacketLength)
	send := func(conn *net.UDPConn, packet []byte) {
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	answer := func(conn *net.UDPConn) []byte {
		size, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Clone(buf[:size])
	}
	packet := disconnect(t, "mn1@example.net", time.Now())
	send(conn, packet)
	send(conn, packet) // before there is an answer
	d := <-demands
	for end := time.Now().Add(patience); n.of("repeated") == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	l.Answer(d.Handle, policy.SessionContextNotFound)
	first := answer(conn)
	if !codec.IsAuthenticResponse(first, packet, []byte(secret)) || first[0] != byte(codec.CodeDisconnectNAK) {
		t.Errorf("%x", first)
	}
	if present, err := radiusauth.Check(first, radiusauth.Of(packet), []byte(secret)); !present || err != nil {
		t.Error("the answer has no good Message-Authenticator")
	}
	send(conn, packet)
	if again := answer(conn); !bytes.Equal(again, first) {
		t.Errorf("%x, before %x", again, first)
	}
	other, err := net.DialUDP("udp", nil, conn.RemoteAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	send(other, packet)
	send(conn, disconnect(t, "too-much@example.net", time.Now()))
	if busy := answer(conn); busy[0] != byte(codec.CodeDisconnectNAK) { // behind it the replay was looked at
		t.Errorf("%x", busy)
	}
	<-demands
	if n.of("replayed") != 1 || n.of("repeated") != 2 || n.of("refused_506") != 1 || len(demands) != 0 {
		t.Errorf("%v, %d demands", n.all(), len(demands))
	}
	l.Answer(d.Handle, 0) // twice is once
}

// An answer comes from the address that was asked, the first one and one that is sent again, also where the kernel would take another.
func TestAnswersComeFromWhereTheDemandWent(t *testing.T) {
	for _, test := range []struct{ listen, from, to string }{
		{"[::]:0", "127.0.0.1", "127.0.0.2"}, {"0.0.0.0:0", "127.0.0.1", "127.0.0.2"}, {"[::]:0", "2001:db8::8", "2001:db8::7"}, {"[2001:db8::7]:0", "2001:db8::8", "2001:db8::7"},
	} {
		l, conn, n, demands := listenerAt(t, test.listen, test.from, test.to)
		packet := disconnect(t, "mn1@example.net", time.Now())
		for i := range 2 {
			if _, err := conn.Write(packet); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				l.Answer((<-demands).Handle, 0)
			}
			answer := make([]byte, codec.MaxPacketLength)
			if size, err := conn.Read(answer); err != nil || answer[0] != byte(codec.CodeDisconnectACK) || size < 20 { // a connected socket hears only whom it asked
				t.Errorf("%+v, answer %d: %x, %v, %v", test, i, answer[:size], err, n.all())
			}
		}
	}
}

func TestWhoIsNotBelieved(t *testing.T) {
	l := NewListener(ListenerConfig{
		Clients: []DynamicClient{{netip.MustParsePrefix("192.0.2.0/24"), []byte(secret)}}, Untrusted: []string{"acc0"}, Window: time.Minute, RequireTimestamp: true,
		Log: slog.New(slog.DiscardHandler), Count: func(string) {},
	})
	now := time.Now()
	good := disconnect(t, "mn1@example.net", now)
	wrong := bytes.Clone(good)
	wrong[len(wrong)-1] ^= 1
	from, elsewhere := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("198.51.100.1:1000")
	for name, c := range map[string]struct {
		d    ingress.Datagram
		good bool
	}{
		"good":              {ingress.Datagram{From: from, Interface: "eth0", Payload: good}, true},
		"with padding":      {ingress.Datagram{From: from, Interface: "eth0", Payload: append(bytes.Clone(good), 0, 0)}, true},
		"an access link":    {ingress.Datagram{From: from, Interface: "acc0", Payload: good}, false},
		"an interface gone": {ingress.Datagram{From: from, Interface: "", Payload: good}, false},
		"another source":    {ingress.Datagram{From: elsewhere, Interface: "eth0", Payload: good}, false},
		"changed":           {ingress.Datagram{From: from, Interface: "eth0", Payload: wrong}, false},
		"cut":               {ingress.Datagram{From: from, Interface: "eth0", Payload: good[:len(good)-1]}, false},
		"old":               {ingress.Datagram{From: from, Interface: "eth0", Payload: disconnect(t, "mn1@example.net", now.Add(-2*time.Minute))}, false},
		"of tomorrow":       {ingress.Datagram{From: from, Interface: "eth0", Payload: disconnect(t, "mn1@example.net", now.Add(24*time.Hour))}, false},
		"empty":             {ingress.Datagram{From: from, Interface: "eth0", Payload: nil}, false},
	} {
		if _, _, err := l.believe(c.d); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is remembered against replay is bounded, and nothing is forgotten for a newcomer.
func TestReplaysAreBounded(t *testing.T) {
	r, now := newReplays(2), time.Unix(1e9, 0)
	for i := range byte(2) {
		if r.add(now, now.Add(time.Duration(2-i)*time.Minute), radiusauth.Authenticator{i}, netip.AddrPort{}) == nil {
			t.Fatal("no room")
		}
	}
	if r.add(now.Add(time.Minute), now.Add(time.Hour), radiusauth.Authenticator{9}, netip.AddrPort{}) != nil || r.find(radiusauth.Authenticator{1}) == nil {
		t.Error("one was forgotten")
	}
	later := now.Add(time.Minute + time.Second) // the second one would not be believed any more
	if r.add(later, now.Add(time.Hour), radiusauth.Authenticator{9}, netip.AddrPort{}) == nil || len(r.entries) != 2 || r.find(radiusauth.Authenticator{0}) == nil {
		t.Errorf("%d entries", len(r.entries))
	}
}

// A server whose request finds no room is told, and the request is not carried out.
func TestTooManyDemands(t *testing.T) {
	l, conn, n, demands := listener(t)
	l.mu.Lock()
	l.seen = newReplays(1)
	l.mu.Unlock()
	for _, user := range []string{"mn1@example.net", "mn2@example.net"} {
		if _, err := conn.Write(disconnect(t, user, time.Now())); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, codec.MaxPacketLength)
	size, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	p, err := codec.Parse(buf[:size], []byte(secret))
	if err != nil || p.Code != codec.CodeDisconnectNAK || rfc3576.ErrorCause_Get(p) != 506 {
		t.Errorf("%+v, %v", p, err)
	}
	if d := <-demands; d.UserName != "mn1@example.net" || len(demands) != 0 || n.of("too_many") != 1 {
		t.Errorf("%+v, %d more, %v", d, len(demands), n.all())
	}
}

func FuzzAnswers(f *testing.F) {
	p := codec.New(codec.CodeAccessRequest, []byte(secret))
	radiusauth.Add(p)
	request, _ := radiusauth.Encode(p)
	answer, _ := p.Response(codec.CodeAccessAccept).Encode()
	f.Add(answer)
	f.Fuzz(func(t *testing.T, datagram []byte) {
		if _, err := readAnswer(datagram, request, []byte(secret)); err == nil {
			t.Error("believed")
		}
		packet, err := radiusauth.Trim(datagram)
		if err != nil {
			return
		}
		_, _ = radiusauth.Check(packet, radiusauth.Authenticator{}, []byte(secret))
		if p, err := codec.Parse(packet, nil); err == nil {
			if g, err := readGrant(p); err == nil && len(g.HomeNetworkPrefixes) > mostPrefixes {
				t.Error(g)
			}
		}
	})
}

func FuzzDemands(f *testing.F) {
	f.Add([]byte{40, 1, 0, 20}, false)
	p := codec.New(codec.CodeCoARequest, []byte(secret))
	_ = rfc2865.UserName_AddString(p, "mn1@example.net")
	p.Add(rfc2865.CallingStationID_Type, codec.Attribute("02-00-5e-00-01-01"))
	packet, _ := p.Encode()
	f.Add(packet, true)
	f.Fuzz(func(t *testing.T, packet []byte, change bool) {
		p, err := codec.Parse(packet, nil)
		if err != nil {
			return
		}
		p.Code = codec.CodeDisconnectRequest
		if change {
			p.Code = codec.CodeCoARequest
		}
		d, cause := readDemand(p, NAS{Identifier: "mag1"})
		if cause == 0 && d.UserName == "" && d.LinkLayerID == "" && len(d.Identifiers) == 0 {
			t.Errorf("%+v", d)
		}
	})
}

// A prefix that stands twice is one: a gateway refuses to ask an anchor for the same one again.
func TestAPrefixThatStandsTwice(t *testing.T) {
	prefix := &codec.AVP{Type: rfc6572.PMIP6HomeHNPrefix_Type, Attribute: codec.Attribute{0, 48, 0x20, 0x01, 0x0d, 0xb8, 0, 7}}
	if g, err := readGrant(&codec.Packet{Attributes: codec.Attributes{prefix, prefix}}); err != nil || len(g.HomeNetworkPrefixes) != 1 {
		t.Errorf("%v, %v", g.HomeNetworkPrefixes, err)
	}
}
