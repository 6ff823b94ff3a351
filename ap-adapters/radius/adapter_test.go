package radius

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"netlmm/internal/ingress"
	"netlmm/mih"
)

// silent checks that a request gets no answer: what comes is that to a Status-Server after it.
func silent(t *testing.T, conn *net.UDPConn, packet []byte) {
	t.Helper()
	write(t, conn, packet)
	ask(t, conn, request(t, codec.CodeStatusServer, secret, signed()), secret)
}

func called(text string) attribute { return attribute{rfc2865.CalledStationID_Type, text} }

func TestAnswersWhatItTook(t *testing.T) {
	r := run(t, config())
	conn := dial(t, r.ListenAddress())
	packet := request(t, accounting, secret, of(start, "1", station(0), called("02-00-00-00-00-01:campus"), attribute{rfc2865.UserName_Type, "anna@example.net"},
		attribute{rfc2865.ProxyState_Type, "b"}, attribute{rfc2865.ProxyState_Type, "a"})...)
	for range 2 {
		answer := ask(t, conn, packet, secret)
		if states, _ := rfc2865.ProxyState_GetStrings(answer); answer.Code != codec.CodeAccountingResponse || len(states) != 2 || states[0] != "b" || len(answer.Attributes) != 2 {
			t.Errorf("answer %v %v", answer.Code, answer.Attributes)
		}
	}
	ind := r.expect(`Link_Up acc0 02:00:00:00:10:00 02:00:00:00:00:01 "anna@example.net"`)
	if ind.SAP != Name || ind.ReceivedAt.IsZero() || ind.Event.LinkTuple().Link.Type != mih.LinkType80211 {
		t.Errorf("%+v", ind)
	}
	ask(t, conn, request(t, accounting, secret, of(stop, "1", station(0), signed(), attribute{rfc2866.AcctTerminateCause_Type, uint32(4)})...), secret)
	status := request(t, codec.CodeStatusServer, secret, signed())
	if answer := ask(t, conn, status, secret); answer.Get(rfc2869.MessageAuthenticator_Type) == nil {
		t.Error("an answer to Status-Server without Message-Authenticator")
	}
	ind = r.expect(`Link_Down acc0 02:00:00:00:10:00 02:00:00:00:00:01 "anna@example.net"`)
	if reason := ind.Event.(mih.LinkDown).Reason; reason != mih.DownPacketTimeout {
		t.Errorf("reason %v", reason)
	}
	if s := r.Status(); s.Counters["duplicates"] == 0 || s.Counters["answered"] != 3 || s.Peers[0].Stations != 0 || !strings.HasPrefix(s.Peers[0].Detail, "last heard ") {
		t.Errorf("status %+v", s)
	}
}

func TestWhoIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*Config)
		packet  func(t *testing.T) []byte
		counter string
	}{
		"an unknown client": {func(c *Config) { c.Clients[0].Address = netip.MustParsePrefix("192.0.2.1/32") }, nil, "unknown_client"},
		"an access link":    {func(c *Config) { c.Clients[0].Links[0].Interface = "lo" }, nil, "refused_interface"},
		"an untrusted link": {func(c *Config) { c.Untrusted = []string{"lo"} }, nil, "refused_interface"},
		"a wrong secret":    {func(c *Config) { c.Clients[0].Secret = Secret("another") }, nil, "bad_authenticator"},
		"the first client counts": {func(c *Config) {
			c.Clients = append([]Client{{Address: netip.MustParsePrefix("127.0.0.1/32"), Secret: Secret("another"), Links: c.Clients[0].Links}}, c.Clients...)
		}, nil, "bad_authenticator"},
		"no Message-Authenticator": {func(c *Config) { c.Clients[0].RequireMessageAuthenticator = true }, nil, "no_message_authenticator"},
		"no status":                {func(*Config) {}, func(t *testing.T) []byte { return request(t, accounting, secret) }, "no_status_type"},
		"an Access-Request":        {func(*Config) {}, func(t *testing.T) []byte { return request(t, codec.CodeAccessRequest, secret) }, "refused_code"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config()
			test.change(&cfg)
			r := run(t, cfg)
			conn := dial(t, r.ListenAddress())
			packet := request(t, accounting, secret, of(start, "1", station(0))...)
			if test.packet != nil {
				packet = test.packet(t)
			}
			write(t, conn, packet)
			eventually(t, "it is counted", func() bool { return r.counter(test.counter) == 1 })
			if c := r.Status().Counters; c["answered"] != 0 || len(r.got) != 0 {
				t.Errorf("counters %v, %d events", c, len(r.got))
			}
		})
	}
}

// What is of no station of ours is answered all the same: the access point has done its duty.
func TestWhatConcernsNoLinkIsAnswered(t *testing.T) {
	cfg := config()
	cfg.Clients[0].Links = []Link{{SSID: "campus", Interface: "acc0"}, {SSID: "lab", VLAN: "7", Interface: "acc1", LinkType: mih.LinkTypeEthernet,
		PointOfAttachment: mih.MACAddress([6]byte{2, 0, 0, 0, 0, 99})}}
	r := run(t, cfg)
	conn := dial(t, r.ListenAddress())
	for _, attributes := range [][]attribute{
		of(start, "1", station(0), called("02-00-00-00-00-01:guests")), of(start, "2", mih.LinkAddress{}), of(9, "3", station(0)),
		of(start, "4", station(1), called("02-00-00-00-00-01:lab")),
	} {
		ask(t, conn, request(t, accounting, secret, attributes...), secret)
	}
	ask(t, conn, request(t, accounting, secret, of(start, "5", station(2), called("02-00-00-00-00-01:lab"), attribute{81, "7"})...), secret)
	if ind := r.expect(`Link_Up acc1 02:00:00:00:10:02 02:00:00:00:00:63 ""`); ind.Event.LinkTuple().Link.Type != mih.LinkTypeEthernet {
		t.Errorf("link type %v", ind.Event.LinkTuple().Link.Type)
	}
	ask(t, conn, request(t, accounting, secret, of(start, "6", station(3), called("02-00-00-00-00-01:campus"))...), secret)
	r.expect(`Link_Up acc0 02:00:00:00:10:03 02:00:00:00:00:01 ""`)
	if c := r.Status().Counters; c["ignored_no_link"] != 2 || c["ignored_no_station"] != 1 || c["ignored_status_type"] != 1 {
		t.Errorf("counters %v", c)
	}
}

// A controller accounts for access points of several gateways: each gateway takes those that it names.
func TestAccessPointsOfAController(t *testing.T) {
	cfg := config()
	cfg.Clients[0].Links = []Link{{AccessPoint: "ap-hall", Interface: "acc0"}, {AccessPoint: "ap-library", Interface: "acc1"}, {AccessPoint: "0200.0000.0003", Interface: "acc2"}}
	r := run(t, cfg)
	conn := dial(t, r.ListenAddress())
	for i, attributes := range [][]attribute{
		{called("02-00-00-00-00-01:campus")}, {called("ap-cellar:campus")}, // of other gateways
		{called("02-00-00-00-00-01:campus"), {rfc2865.NASIdentifier_Type, "ap-hall"}}, {called("ap-library:campus")}, {called("02-00-00-00-00-03:campus")},
	} {
		attributes = append(attributes, attribute{rfc2866.AcctStatusType_Type, uint32(start)}, attribute{rfc2866.AcctSessionID_Type, "1"},
			attribute{rfc2865.CallingStationID_Type, station(i).String()})
		ask(t, conn, request(t, accounting, secret, attributes...), secret)
	}
	r.expect(`Link_Up acc0 02:00:00:00:10:02 02:00:00:00:00:01 ""`)
	r.expect(`Link_Up acc1 02:00:00:00:10:03 00:00:00:00:00:00 ""`)
	r.expect(`Link_Up acc2 02:00:00:00:10:04 02:00:00:00:00:03 ""`)
	if n := r.counter("ignored_no_link"); n != 2 {
		t.Errorf("%d are of no link, want 2", n)
	}
}

// An event that found no room is not answered, and comes when the access point says it again.
func TestAFullQueueIsNotAnswered(t *testing.T) {
	r := run(t, config())
	conn := dial(t, r.ListenAddress())
	for range cap(r.got) {
		r.got <- mih.Indication{Event: mih.LinkUp{}}
	}
	packet := request(t, accounting, secret, of(start, "1", station(0))...)
	silent(t, conn, packet)
	if c := r.Status().Counters; c["dropped"] == 0 {
		t.Errorf("counters %v", c)
	}
	for range cap(r.got) {
		<-r.got
	}
	ask(t, conn, packet, secret)
	r.expect(`Link_Up acc0 02:00:00:00:10:00 00:00:00:00:00:00 ""`)
}

func TestAccountingOn(t *testing.T) {
	r := run(t, config())
	conn := dial(t, r.ListenAddress())
	for i := range 3 {
		ask(t, conn, request(t, accounting, secret, of(start, "1", station(i))...), secret)
		<-r.got
	}
	for _, status := range []uint32{7, 8} {
		ask(t, conn, request(t, accounting, secret, attribute{rfc2866.AcctStatusType_Type, status}, attribute{rfc2865.NASIdentifier_Type, "ap1"}), secret)
	}
	for range 3 {
		if ind := <-r.got; ind.Event.EventType() != mih.EventLinkDown {
			t.Errorf("%s", text(ind))
		}
	}
	if n := r.Status().Peers[0].Stations; n != 0 || len(r.got) != 0 {
		t.Errorf("%d stations, %d more events", n, len(r.got))
	}
}

// An adapter that was started anew learns of the stations from their Interim-Updates.
func TestInterimUpdatesBringStationsBack(t *testing.T) {
	first := run(t, config())
	conn := dial(t, first.ListenAddress())
	ask(t, conn, request(t, accounting, secret, of(start, "1", station(0), called("02-00-00-00-00-01"))...), secret)
	first.expect(`Link_Up acc0 02:00:00:00:10:00 02:00:00:00:00:01 ""`)
	first.stop()
	cfg := config()
	cfg.Listen = first.ListenAddress()
	second := run(t, cfg)
	ask(t, dial(t, cfg.Listen), request(t, accounting, secret, of(interim, "1", station(0), called("02-00-00-00-00-01"), attribute{rfc2866.AcctSessionTime_Type, uint32(100)})...), secret)
	ind := second.expect(`Link_Up acc0 02:00:00:00:10:00 02:00:00:00:00:01 "" resync`)
	if age := ind.ReceivedAt.Sub(ind.Since); age.Round(time.Second) != 100*time.Second {
		t.Errorf("the link is up since %v, %v ago", ind.Since, age)
	}
}

func TestRateLimit(t *testing.T) {
	cfg := config()
	cfg.RateLimit = 1
	r := run(t, cfg)
	conn := dial(t, r.ListenAddress())
	for i := range 20 {
		write(t, conn, request(t, accounting, Secret("another"), of(start, "1", station(i))...)) // does not use up what the client may ask
	}
	eventually(t, "all were looked at", func() bool { return r.counter("bad_authenticator") == 20 })
	ask(t, conn, request(t, accounting, secret, of(start, "1", station(0))...), secret)
	eventually(t, "some are refused", func() bool {
		write(t, conn, request(t, accounting, secret, of(start, "2", station(1))...))
		return r.counter("rate_limited") > 0
	})
	ask(t, dial(t, r.ListenAddress()), request(t, accounting, secret, of(start, "3", station(0))...), secret) // a second later
}

// A socket that cannot be opened is tried again, and the status says why.
func TestThePortIsTaken(t *testing.T) {
	taken, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	cfg := config()
	cfg.Listen = taken.LocalAddr().(*net.UDPAddr).AddrPort()
	defer taken.Close()
	r := begin(t, cfg)
	eventually(t, "the failure is counted", func() bool { return r.counter("socket_errors") > 0 })
	taken.Close()
	ask(t, dial(t, cfg.Listen), request(t, accounting, secret, of(start, "1", station(0))...), secret)
}

// The unspecified address takes both versions of IP, and answers from where it was asked.
func TestBothVersionsOfIP(t *testing.T) {
	cfg := config()
	cfg.Listen = netip.MustParseAddrPort("[::]:0")
	cfg.Clients = append(cfg.Clients, Client{Address: netip.MustParsePrefix("::1/128"), Secret: secret, Links: cfg.Clients[0].Links})
	r := run(t, cfg)
	for i, address := range []string{"127.0.0.1", "127.0.0.77", "::1"} {
		// a connected socket hears nobody but whom it asked
		conn := dial(t, netip.AddrPortFrom(netip.MustParseAddr(address), r.ListenAddress().Port()))
		ask(t, conn, request(t, accounting, secret, of(start, "1", station(i))...), secret)
	}
	if s := r.Status(); s.Peers[0].Stations != 2 || s.Peers[1].Stations != 1 || s.Peers[1].Name != "::1" {
		t.Errorf("%+v", s)
	}
}

func TestBadConfigurations(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"no clients": func(c *Config) { c.Clients = nil }, "client 0: address": func(c *Config) { c.Clients[0].Secret = nil },
		"link 0: interface": func(c *Config) { c.Clients[0].Links = []Link{{}} }, "forward: server": func(c *Config) { c.Forward = &Forward{} },
		"client 0: ": func(c *Config) { c.Clients[0].Address = netip.Prefix{} },
	} {
		cfg := config()
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// BenchmarkReceive is what a request costs besides its way through the sockets: a station that comes, and leaves.
func BenchmarkReceive(b *testing.B) {
	cfg := config()
	cfg.RateLimit = 1 << 30
	a, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	s := newServer(a, func(mih.Indication) bool { return true })
	s.send = func(ingress.Datagram, []byte) {}
	var packets [2][256][]byte
	for i := range 256 {
		packets[0][i] = request(b, accounting, secret, of(start, fmt.Sprint(i), station(i), called("02-00-00-00-00-01:campus"))...)
		packets[1][i] = request(b, accounting, secret, of(stop, fmt.Sprint(i), station(i), called("02-00-00-00-00-01:campus"))...)
	}
	now := time.Unix(1000, 0)
	for i := 0; b.Loop(); i++ {
		if i%512 == 0 {
			now = now.Add(time.Hour) // or they were repetitions
		}
		s.receive(now, ingress.Datagram{From: loopbackPort, Interface: "lo", Payload: packets[i/256%2][i%256]})
	}
}
