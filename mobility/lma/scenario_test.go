package lma

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// The scenario files in testdata/scenarios drive one LMA and record what it does. Every file says which clauses it shows.
//
//	new [pool=P] [ipv4=NET,NET@ROUTER] [bindings=N] [lifetime=D] [retries=N] [mobile-clock] [ask] [offload]   a fresh LMA; MAGs are 2001:db8:f::N
//	                                         or 192.0.2.N over IPv4, their identity "magN"
//	profile mn=ID [static=P,P] [v4[=A/L]] [v6=no] [lifetime=D] [disabled] [offload=POLICY]
//	forget mn=ID                             its profile
//	authorize mag=N [mn=ID,ID] [prefix=P,P]  what it may register, when that is not all
//	peer mag=N compat=PROFILE
//	pbu mag=N mn=ID [hnp=P,P] [v4[=A]] [hi=N] [att=N] [llid=N] [lla=A] [alt=N] [lifetime=D] [ts=±D|none|TEXT] [seq=N] [without=...] [as=ID] [to=A] [twice] [v4twice] [vendor] [flags=N] [from=A] [held=D] [offload[=POLICY]]
//	raw mag=N HEX                            any message
//	replay                                   the last pbu again, octet for octet
//	revoke [mn=ID] [mag=N] [trigger=N]
//	bra mag=N [seq=+N] [status=N] [mn=ID]    the answer to the last indication, or to that plus N
//	bri mag=N [mn=ID] [hnp=P,P] [v4=A] [alt=N] [trigger=N] [flags=pvg] [as=ID]
//	tick D                                   advance the clock, or set it back, and expire
//	delete mn=ID
//	restart [without-store] [offload=on|off]
//	show
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		s := &scenario{t: t, now: epoch}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.d = t, d
			return s.run()
		})
	})
}

var (
	epoch      = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	lmaAddress = netip.MustParseAddr("2001:db8:a::1")
)

// Over IPv4.
var lmaIPv4Address = netip.MustParseAddr("192.0.2.100")

func magIPv4Address(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}) }

func magAddress(n int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("2001:db8:f::%d", n)) }

type scenario struct {
	t        *testing.T
	d        *datadriven.TestData
	now      time.Time
	lma      *LMA
	cfg      Config
	profiles map[mobility.MobileNodeID]mobility.Profile
	sequence uint16
	last     MessageReceived
	random   byte
	compat   map[netip.Addr]mobility.Compat
	rights   map[netip.Addr]rights
	revoked  uint16 // sequence number of the last indication
}

// rights are what a MAG may register.
type rights struct {
	mobileNodes []string
	prefixes    []netip.Prefix
}

func (s *scenario) run() string {
	switch s.d.Cmd {
	case "new":
		return s.fresh()
	case "profile":
		return s.profile()
	case "authorize":
		return s.authorize()
	case "peer":
		s.compat[magAddress(s.number(s.arg("mag", "1")))], _ = mobility.ParseCompat(s.arg("compat", ""))
		return "ok"
	case "revoke":
		return s.revoke()
	case "bra":
		return s.trace(s.lma.Handle(s.now, s.revocationAcknowledgement()))
	case "bri":
		return s.trace(s.lma.Handle(s.now, s.indication()))
	case "forget":
		delete(s.profiles, s.mobileNode())
		return "ok"
	case "pbu":
		return s.trace(s.lma.Handle(s.now, s.pbu()))
	case "raw":
		return s.trace(s.lma.Handle(s.now, s.raw()))
	case "replay":
		return s.trace(s.lma.Handle(s.now, s.last))
	case "tick":
		s.now = s.now.Add(s.duration(s.d.CmdArgs[0].Key))
		return s.trace(s.lma.Expire(s.now))
	case "delete":
		return s.trace(s.lma.Handle(s.now, Delete{MobileNodeID: s.mobileNode()}))
	case "restart":
		return s.restart()
	case "show":
		return s.show()
	}
	s.d.Fatalf(s.t, "unknown command %q", s.d.Cmd)
	return ""
}

func (s *scenario) fresh() string {
	s.profiles = map[mobility.MobileNodeID]mobility.Profile{}
	s.compat, s.rights = map[netip.Addr]mobility.Compat{}, map[netip.Addr]rights{}
	s.cfg = Config{
		LMAAddresses: []netip.Addr{lmaAddress, lmaIPv4Address},
		Authorized: func(coa netip.Addr, identity string) bool {
			n := s.number(strings.TrimPrefix(identity, "mag")+"0") / 10
			return n > 0 && (coa == magAddress(n) || coa == magIPv4Address(n))
		},
		AuthorizedFor:                     s.mayRegister,
		Compat:                            func(peer netip.Addr) mobility.Compat { return s.compat[peer] },
		MobileNodeGeneratedTimestampInUse: s.d.HasArg("mobile-clock"),
		BRIMaxRetriesNumber:               s.number(s.arg("retries", "0")),
		RevokeAtUnknownHandover:           s.d.HasArg("ask"),
		EnableIPv4TrafficOffloadSupport:   s.d.HasArg("offload"),
		DHCPSupportMode:                   mh.DHCPServer,
		Profile:                           s.lookupProfile,
		Random: func(b []byte) {
			for i := range b {
				s.random++
				b[i] = s.random
			}
		},
		MaximumLifetime: s.duration(s.arg("lifetime", "300s")),
		MaximumBindings: s.number(s.arg("bindings", "100")),
	}
	for _, text := range s.list("pool", "2001:db8:100::/48") {
		s.cfg.Pools = append(s.cfg.Pools, netip.MustParsePrefix(text))
	}
	for _, text := range s.list("ipv4", "") {
		network, router, _ := strings.Cut(text, "@")
		p := IPv4Pool{Network: netip.MustParsePrefix(network)}
		if router != "" {
			p.DefaultRouter = netip.MustParseAddr(router)
		}
		s.cfg.IPv4Pools = append(s.cfg.IPv4Pools, p)
	}
	return s.create()
}

// authorize notes the rights of a MAG.
func (s *scenario) authorize() string {
	var r rights
	r.mobileNodes = s.list("mn", "")
	for _, text := range s.list("prefix", "") {
		r.prefixes = append(r.prefixes, netip.MustParsePrefix(text))
	}
	s.rights[magAddress(s.number(s.arg("mag", "1")))] = r
	return "ok"
}

func (s *scenario) mayRegister(coa netip.Addr, id mobility.MobileNodeID, prefix netip.Prefix) bool {
	r, limited := s.rights[coa]
	switch {
	case !limited:
		return true
	case len(r.mobileNodes) > 0 && !slices.Contains(r.mobileNodes, id.Value):
		return false
	case !prefix.IsValid():
		return true
	}
	return slices.ContainsFunc(r.prefixes, func(p netip.Prefix) bool { return p.Bits() <= prefix.Bits() && p.Contains(prefix.Addr()) })
}

// lookupProfile is the policy of the scenarios: whoever is called mn something, or known by its EUI-48, may register.
func (s *scenario) lookupProfile(id mobility.MobileNodeID) (mobility.Profile, bool) {
	if p, ok := s.profiles[id]; ok {
		return p, true
	}
	known := strings.HasPrefix(id.Value, "mn") || id.Subtype == mobility.SubtypeEUI48
	return mobility.Profile{MobileNodeID: id, ProxyRegistration: known, IPv4Mobility: known}, known
}

func (s *scenario) create() string {
	var err error
	if s.lma, err = New(s.cfg); err != nil {
		return err.Error()
	}
	return "ok"
}

func (s *scenario) profile() string {
	id := s.mobileNode()
	p := mobility.Profile{MobileNodeID: id, ProxyRegistration: !s.d.HasArg("disabled"), Lifetime: s.duration(s.arg("lifetime", "0s"))}
	for _, text := range s.list("static", "") {
		p.HomeNetworkPrefixes = append(p.HomeNetworkPrefixes, netip.MustParsePrefix(text))
	}
	p.IPv6Prohibited = s.arg("v6", "") == "no"
	if p.IPv4Mobility = s.d.HasArg("v4"); s.arg("v4", "") != "" {
		p.IPv4HomeAddress = netip.MustParsePrefix(s.arg("v4", ""))
	}
	p.OffloadPolicy = offloadPolicy(s.t, s.arg("offload", ""))
	s.profiles[id] = p
	return "ok"
}

func (s *scenario) pbu() MessageReceived {
	s.sequence++
	mag := s.number(s.arg("mag", "1"))
	update := mh.BindingUpdate{
		Sequence: s.sequence,
		Flags:    mh.BindingUpdateFlags(s.number(s.arg("flags", strconv.Itoa(int(mh.UpdateAcknowledge|mh.UpdateHome|mh.UpdateProxy))))),
		Lifetime: uint16(s.duration(s.arg("lifetime", "300s")) / mh.LifetimeUnit),
	}
	if s.d.HasArg("seq") {
		update.Sequence = uint16(s.number(s.arg("seq", "")))
		s.sequence = update.Sequence
	}
	s.fillOptions(&update.Options)
	payload, err := update.AppendTo(nil)
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
	s.last = MessageReceived{
		Source:       netip.MustParseAddr(s.arg("from", magAddress(mag).String())),
		Destination:  netip.MustParseAddr(s.arg("to", lmaAddress.String())),
		PeerIdentity: s.arg("as", fmt.Sprintf("mag%d", mag)),
		Payload:      payload,
	}
	if s.d.HasArg("held") { // between its arrival and Handle
		s.last.ReceivedAt = s.now.Add(-s.duration(s.arg("held", "")))
	}
	return s.last
}

func (s *scenario) fillOptions(o *mh.Options) {
	without := s.list("without", "")
	add := func(name string, option mh.OptionType) {
		if !slices.Contains(without, name) {
			o.Present.Add(option)
		}
	}
	o.MobileNodeID = s.mobileNode()
	add("mn", mh.OptionMobileNodeID)
	for _, text := range s.list("hnp", "::/0") {
		o.HomeNetworkPrefixes = append(o.HomeNetworkPrefixes, netip.MustParsePrefix(text))
	}
	add("hnp", mh.OptionHomeNetworkPrefix)
	if s.d.HasArg("v4") {
		o.IPv4HomeAddressRequest = ipv4Request(s.arg("v4", ""))
		add("v4", mh.OptionIPv4HomeAddressRequest)
	}
	o.HandoffIndicator = mobility.HandoffIndicator(s.number(s.arg("hi", "4")))
	add("hi", mh.OptionHandoffIndicator)
	o.AccessTechnologyType = mobility.AccessTechnologyType(s.number(s.arg("att", "4")))
	add("att", mh.OptionAccessTechnologyType)
	if s.d.HasArg("llid") {
		if n := s.number(s.arg("llid", "")); n == 0 {
			o.MobileNodeLinkLayerID = mobility.LinkLayerID([6]byte{})
		} else {
			o.MobileNodeLinkLayerID = mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, byte(n)})
		}
		add("llid", mh.OptionMobileNodeLinkLayerID)
	}
	if s.d.HasArg("lla") {
		o.LinkLocalAddress = netip.MustParseAddr(s.arg("lla", ""))
		add("lla", mh.OptionLinkLocalAddress)
	}
	if s.d.HasArg("alt") {
		o.AlternateCareOfAddress = netip.MustParseAddr(s.arg("alt", ""))
		add("alt", mh.OptionAlternateCareOfAddress)
	}
	if ts := s.arg("ts", "+0s"); ts != "none" {
		o.Timestamp = mh.TimestampOf(s.now.Add(s.duration(ts)))
		add("ts", mh.OptionTimestamp)
	}
	s.addOffload(o)
	if s.d.HasArg("twice") {
		o.Unknown = append(o.Unknown, mh.RawOption{Type: mh.OptionHandoffIndicator, Data: "\x00\x04"})
	}
	if s.d.HasArg("v4twice") {
		o.Unknown = append(o.Unknown, mh.RawOption{Type: mh.OptionIPv4HomeAddressRequest, Data: "\x00\x00\x00\x00\x00\x00"})
	}
	if s.d.HasArg("vendor") {
		o.Unknown = append(o.Unknown, mh.RawOption{Type: 19, Data: "\x00\x00\x00\x01\x01"})
	}
}

// ipv4Request is the value of an IPv4 Home Address Request option.
func ipv4Request(text string) netip.Prefix {
	switch {
	case text == "":
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	case strings.Contains(text, "/"):
		return netip.MustParsePrefix(text)
	}
	return netip.PrefixFrom(netip.MustParseAddr(text), 24)
}

func (s *scenario) raw() MessageReceived {
	payload, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(s.d.Input), " ", ""))
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
	return MessageReceived{Source: magAddress(1), Destination: lmaAddress, PeerIdentity: "mag1", Payload: payload}
}

func (s *scenario) restart() string {
	records := s.lma.Snapshot()
	if s.d.HasArg("offload") {
		s.cfg.EnableIPv4TrafficOffloadSupport = s.arg("offload", "") == "on"
	}
	if s.create() != "ok" || s.d.HasArg("without-store") {
		return "ok"
	}
	if err := s.lma.Restore(s.now, records); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("restored %d of %d\napply forwarding: %s", s.lma.Len(), len(records), s.changedForwarding())
}

func (s *scenario) mobileNode() mobility.MobileNodeID {
	text := s.arg("mn", "mn1@example.net")
	if text == "empty" {
		return mobility.NAI("")
	}
	id, err := mobility.ParseMobileNodeID(text)
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
	return id
}

func (s *scenario) arg(key, otherwise string) string {
	if a, ok := s.d.Arg(key); ok {
		return strings.Join(a.Vals, ",")
	}
	return otherwise
}

func (s *scenario) list(key, otherwise string) []string {
	text := s.arg(key, otherwise)
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func (s *scenario) number(text string) int {
	n, err := strconv.ParseInt(text, 0, 32)
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
	return int(n)
}

func (s *scenario) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
	return d
}
