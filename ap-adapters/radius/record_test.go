package radius

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2868"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc4372"

	"netlmm/internal/ingress"
	"netlmm/internal/radiusauth"
	"netlmm/mih"
)

var bothIdentities = []IdentityAttribute{ChargeableUserIdentity, UserName}

func TestCallingStation(t *testing.T) {
	want := mih.MACAddress([6]byte{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff})
	for _, text := range []string{
		"AA-BB-CC-DD-EE-FF", "aa:bb:cc:dd:ee:ff", "aabb.ccdd.eeff", "AABB-CCDD-EEFF", "aabb:ccdd:eeff", "aabbcc-ddeeff", "AABBCCDDEEFF", " aa-bb-cc-dd-ee-ff ",
	} {
		if got, ok := stationAddress(text); !ok || got != want {
			t.Errorf("%q: %v, %t", text, got, ok)
		}
	}
	for _, text := range []string{
		"", "+49 30 1234", "aa-bb-cc-dd-ee", "aa-bb-cc-dd-ee-ff-00", "aa-bb:cc-dd-ee-ff", "aabb.ccdd.eef", "aa-bb-cc-dd-ee-fg", "AABBCCDDEEFF00", "00-00-00-00-00-00",
		"ff-ff-ff-ff-ff-ff", "01-00-5e-00-00-01", "192.0.2.1", "aa--bb-cc-dd-ee-ff",
	} {
		if got, ok := stationAddress(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestCalledStation(t *testing.T) {
	bssid := mih.MACAddress([6]byte{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff})
	for text, want := range map[string]struct {
		point      mih.LinkAddress
		name, ssid string
	}{
		"AA-BB-CC-DD-EE-FF:campus":           {bssid, "", "campus"},
		"aa:bb:cc:dd:ee:ff:campus":           {bssid, "", "campus"},
		"aabb.ccdd.eeff:my net: the 2nd":     {bssid, "", "my net: the 2nd"},
		"aabbccddeeff:12-34-56-78-9a-bc":     {bssid, "", "12-34-56-78-9a-bc"},
		"AA-BB-CC-DD-EE-FF":                  {bssid, "", ""},
		"AA-BB-CC-DD-EE-FF:":                 {bssid, "", ""},
		"ap-library:campus":                  {mih.LinkAddress{}, "ap-library", "campus"},
		"campus":                             {mih.LinkAddress{}, "campus", "campus"},
		"AA-BB-CC-DD-EE-FFF:campus":          {mih.LinkAddress{}, "AA-BB-CC-DD-EE-FFF", "campus"},
		"":                                   {mih.LinkAddress{}, "", ""},
		"00-00-00-00-00-00:campus":           {mih.LinkAddress{}, "", "campus"},
		"AA-BB-CC-DD-EE-FF:\xc3\x28 is none": {bssid, "", "\xc3\x28 is none"},
	} {
		if point, name, ssid := calledStation(text); point != want.point || name != want.name || ssid != want.ssid {
			t.Errorf("%q: %v %q %q, want %v", text, point, name, ssid, want)
		}
	}
}

func TestIdentity(t *testing.T) {
	nameFirst := []IdentityAttribute{UserName, ChargeableUserIdentity}
	for _, test := range []struct {
		name, cui, want string
		order           []IdentityAttribute
	}{
		{"anna@example.net", "", "anna@example.net", bothIdentities},
		{"anonymous@example.net", "f00f@home.example", "f00f@home.example", bothIdentities},
		{"anonymous@example.net", "f00f@home.example", "anonymous@example.net", nameFirst},
		{"", "f00f", "f00f", nameFirst},
		{"anna@example.net", "\x00", "anna@example.net", bothIdentities},
		{"anna@example.net", "f00f", "anna@example.net", []IdentityAttribute{UserName}},
		{"02-00-00-00-10-00", "", "", bothIdentities},
		{"020000001000", "", "", bothIdentities},
		{"020000001000@example.net", "", "020000001000@example.net", bothIdentities},
		{"a\nb", "\xff", "", bothIdentities},
	} {
		p := codec.New(accounting, secret)
		p.Add(rfc2866.AcctStatusType_Type, codec.NewInteger(uint32(start)))
		p.Add(rfc2865.UserName_Type, codec.Attribute(test.name))
		p.Add(rfc4372.ChargeableUserIdentity_Type, codec.Attribute(test.cui))
		if r, err := ReadRecord(p, test.order); err != nil || r.Identity != test.want {
			t.Errorf("%q, %q by %v: %q, %v, want %q", test.name, test.cui, test.order, r.Identity, err, test.want)
		}
	}
}

func TestReadRecord(t *testing.T) {
	p, err := codec.Parse(request(t, accounting, secret, of(stop, "45EF", station(1), delay(7),
		attribute{rfc2865.CalledStationID_Type, "02-00-00-00-00-01:campus"}, attribute{rfc2868.TunnelPrivateGroupID_Type, "\x01120"},
		attribute{rfc2865.NASPortType_Type, uint32(15)}, attribute{rfc2866.AcctSessionTime_Type, uint32(90)},
		attribute{rfc2869.AcctInterimInterval_Type, uint32(600)}, attribute{rfc2866.AcctTerminateCause_Type, uint32(2)},
		attribute{rfc2865.NASIPAddress_Type, "\xc0\x00\x02\x01"})...), secret)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ReadRecord(p, bothIdentities)
	if err != nil {
		t.Fatal(err)
	}
	if r.SessionTime == nil || *r.SessionTime != 90*time.Second {
		t.Errorf("session time %v", r.SessionTime)
	}
	r.SessionTime = nil
	want := Record{Status: stop, Session: "45EF", NAS: "ap1\x00\xc0\x00\x02\x01\x00", Station: station(1), PointOfAttachment: accessPoint("ap1"), NASIdentifier: "ap1", SSID: "campus",
		VLAN: "120", LinkType: mih.LinkTypeEthernet, Delay: 7 * time.Second, Interim: 10 * time.Minute, DownReason: mih.DownPacketTimeout}
	if r != want {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	if _, err := ReadRecord(codec.New(accounting, secret), bothIdentities); !errors.Is(err, errNoStatus) {
		t.Errorf("without Acct-Status-Type: %v", err)
	}
	for port, want := range map[uint32]mih.LinkType{0: 0, 1: 0, 5: 0, 15: 15, 18: 18, 19: 19, 27: 27, 19 + 256: 0, 0xffffffff: 0} {
		if got := linkType(rfc2865.NASPortType(port)); got != want {
			t.Errorf("NAS-Port-Type %d: %v", port, got)
		}
	}
}

func TestAuthentic(t *testing.T) {
	good, withMessage := request(t, accounting, secret, of(start, "1", station(0))...), request(t, accounting, secret, of(start, "1", station(0), signed())...)
	status := request(t, codec.CodeStatusServer, secret, signed())
	changed := func(packet []byte, at int) []byte {
		packet = bytes.Clone(packet)
		packet[at] ^= 1
		return packet
	}
	// a wrong Message-Authenticator under a right Request Authenticator, as of one who knows no more than the latter
	mended := func(packet []byte) []byte {
		p, err := codec.Parse(packet, secret)
		if err != nil {
			t.Fatal(err)
		}
		wire, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return wire
	}
	for _, test := range []struct {
		name    string
		packet  []byte
		require bool
		counter string
	}{
		{"without", good, false, ""}, {"with", withMessage, false, ""}, {"with, required", withMessage, true, ""},
		{"without, required", good, true, "no_message_authenticator"},
		{"padded", append(bytes.Clone(good), 1, 2, 3), false, ""},
		{"changed", changed(good, 30), false, "bad_authenticator"},
		{"another's", request(t, accounting, Secret("another"), of(start, "1", station(0))...), false, "bad_authenticator"},
		{"a wrong Message-Authenticator", mended(changed(withMessage, len(withMessage)-1)), false, "bad_message_authenticator"},
		{"two of them", mended(request(t, accounting, secret, signed(), attribute{rfc2869.MessageAuthenticator_Type, "0123456789abcdef"})), false, "malformed"},
		{"a short one", mended(append(append([]byte{4, 0, 0, 25}, make([]byte, 16)...), 80, 5, 1, 2, 3)), false, "malformed"},
		{"Status-Server", status, false, ""},
		{"Status-Server that is not signed", request(t, codec.CodeStatusServer, secret), false, "no_message_authenticator"},
		{"Status-Server of another", request(t, codec.CodeStatusServer, Secret("another"), signed()), false, "bad_message_authenticator"},
		{"Access-Request", request(t, codec.CodeAccessRequest, secret), false, "refused_code"},
		{"nothing", nil, false, "malformed"}, {"a header too short", good[:19], false, "malformed"}, {"cut", good[:len(good)-1], false, "malformed"},
		{"length beyond", append([]byte{4, 0, 0xff, 0xff}, make([]byte, 16)...), false, "malformed"},
		{"length below", append([]byte{4, 0, 0, 19}, make([]byte, 16)...), false, "malformed"},
	} {
		packet, err := radiusauth.Trim(test.packet)
		if err == nil {
			_, err = authentic(packet, secret, test.require)
		}
		counter := ""
		if err != nil {
			counter = refusalLabel(err)
		}
		if counter != test.counter {
			t.Errorf("%s: %q (%v), want %q", test.name, counter, err, test.counter)
		}
	}
}

// Secrets show nowhere, whoever prints a configuration.
func TestSecretsAreNotPrinted(t *testing.T) {
	var log strings.Builder
	logger := newTextLogger(&log)
	logger.Info("configuration", "client", config().Clients[0], "secret", secret)
	text := log.String() + secret.String() + secret.GoString()
	if strings.Contains(text, string(secret)) || strings.Contains(text, "115 104 97 114") || !strings.Contains(text, "(secret)") {
		t.Errorf("%s", text)
	}
}

func FuzzReceive(f *testing.F) {
	for _, packet := range [][]byte{
		request(f, accounting, secret, of(start, "1", station(0), delay(3))...), request(f, accounting, secret, of(stop, "1", station(0), signed())...),
		request(f, codec.CodeStatusServer, secret, signed()), request(f, accounting, secret, attribute{rfc2866.AcctStatusType_Type, uint32(7)}),
	} {
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		a, err := New(config())
		if err != nil {
			t.Fatal(err)
		}
		s := newServer(a, func(ind mih.Indication) bool {
			if mac, ok := ind.Event.LinkTuple().Link.Address.MAC(); !ok || mac[0]&1 != 0 || ind.Event.LinkTuple().Link.Type == 0 {
				t.Errorf("indication %+v", ind)
			}
			return true
		})
		sent := 0
		s.send = func(to ingress.Datagram, packet []byte) { sent++ }
		for _, packet := range [][]byte{payload, resigned(payload)} {
			s.receive(time.Unix(1000, 0), ingress.Datagram{From: loopbackPort, Interface: "lo", Payload: packet})
		}
		if c := a.Status().Counters; sent > 2 || c["answered"]+c["duplicates"] < uint64(sent) {
			t.Errorf("%d answers, counters %v", sent, c)
		}
	})
}

// resigned makes of any octets a request that passes the checks, so that what is behind them is tried, too.
func resigned(payload []byte) []byte {
	p := &codec.Packet{Code: accounting, Secret: secret}
	if len(payload) > radiusauth.HeaderLength {
		p.Attributes, _ = codec.ParseAttributes(payload[radiusauth.HeaderLength:])
	}
	for _, a := range p.Attributes {
		a.Attribute = bytes.Clone(a.Attribute)
	}
	packet, err := radiusauth.Encode(p)
	if err != nil {
		return nil
	}
	return packet
}
