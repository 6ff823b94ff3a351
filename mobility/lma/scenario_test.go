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
//	new [pool=P] [bindings=N] [lifetime=D]   a fresh LMA; MAGs are 2001:db8:f::N, their identity "magN"
//	profile mn=ID [static=P,P] [lifetime=D] [disabled]
//	forget mn=ID                             its profile
//	pbu mag=N mn=ID [hnp=P,P] [hi=N] [att=N] [llid=N] [lla=A] [alt=N] [lifetime=D] [ts=±D|none|TEXT] [seq=N] [without=...] [as=ID] [to=A] [twice] [vendor] [flags=N] [from=A] [held=D]
//	raw mag=N HEX                            any message
//	replay                                   the last pbu again, octet for octet
//	tick D                                   advance the clock, or set it back, and expire
//	delete mn=ID
//	restart [without-store]
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
}

func (s *scenario) run() string {
	switch s.d.Cmd {
	case "new":
		return s.fresh()
	case "profile":
		return s.profile()
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
	s.cfg = Config{
		LMAAddresses: []netip.Addr{lmaAddress},
		Authorized: func(coa netip.Addr, identity string) bool {
			return identity != "" && coa == magAddress(s.number(strings.TrimPrefix(identity, "mag")))
		},
		Profile: s.lookupProfile,
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
	return s.create()
}

// lookupProfile is the policy of the scenarios: whoever is called mn something, or known by its EUI-48, may register.
func (s *scenario) lookupProfile(id mobility.MobileNodeID) (mobility.Profile, bool) {
	if p, ok := s.profiles[id]; ok {
		return p, true
	}
	known := strings.HasPrefix(id.Value, "mn") || id.Subtype == mobility.SubtypeEUI48
	return mobility.Profile{MobileNodeID: id, ProxyRegistration: known}, known
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
	if s.d.HasArg("twice") {
		o.Unknown = append(o.Unknown, mh.RawOption{Type: mh.OptionHandoffIndicator, Data: "\x00\x04"})
	}
	if s.d.HasArg("vendor") {
		o.Unknown = append(o.Unknown, mh.RawOption{Type: 19, Data: "\x00\x00\x00\x01\x01"})
	}
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
