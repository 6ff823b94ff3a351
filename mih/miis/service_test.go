package miis

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"netlmm/mih"
	"netlmm/mih/wire"
)

var sameValues = cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, mih.LinkAddress{})}

// tlvs are the octets of a body in hex.
func tlvs(t testing.TB, body wire.Body) string {
	t.Helper()
	octets, err := wire.Message{Header: wire.Header{TransactionID: 1}, Body: body}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	const beforeTLVs = 8 + 3 + 3 // header and two empty identifiers
	return hex.EncodeToString(octets[beforeTLVs:])
}

func asked(q mih.BinaryQuery) wire.GetInformationRequest {
	return wire.GetInformationRequest{BinaryQueries: []mih.BinaryQuery{q}}
}

// TestAnswerVector: the octets of an answer, written by hand after Annexes F and G.
func TestAnswerVector(t *testing.T) {
	p := wifi(0x11, "net1", mag1)
	p.Channel = 1
	s := NewService(mapOf(t, Limits{}, p), Config{})
	point := "10000200 0a 00 0006 06 020000000011" + // IE_POA_LINK_ADDR: MAC address
		"10000202 08 0024a6d0 0024f4f0" + // IE_POA_CHANNEL_RANGE: 2,402,000 to 2,422,000 kHz
		"10000205 13 0002 10 20010db8000000000000000000000001" // IE_POA_IP_ADDR
	network := "10000000 04 01 13 00 00" + // IE_NETWORK_TYPE: 802.11, no subtype, no extension
		"10000100 05 04 6e657431" // IE_NETWORK_ID
	for name, c := range map[string]struct {
		query mih.BinaryQuery
		want  string
	}{
		"list whole": {mih.BinaryQuery{}, "03 01 00" + // Status: success
			"30 58 01 01" + // Info response binary data list: one answer of one element
			"10000300 51 10000301 4c" + network + "10000302 34" + point},
		"networks whole": {mih.BinaryQuery{Template: []mih.ElementType{mih.ElementNetwork}}, "03 01 00 30 53 01 01 10000301 4c" + network + "10000302 34" + point},
		"point whole":    {mih.BinaryQuery{Template: []mih.ElementType{mih.ElementPointOfAttachment}}, "03 01 00 30 3b 01 01 10000302 34" + point},
		"list with some": {mih.BinaryQuery{Template: []mih.ElementType{mih.ElementNetworkList, mih.ElementNetworkID}},
			"03 01 00 30 16 01 01 10000300 0f 10000301 0a 10000100 05 04 6e657431"},
		"some in containers": {mih.BinaryQuery{Template: []mih.ElementType{mih.ElementPoAIPAddress, mih.ElementNetwork, mih.ElementNetworkID}},
			"03 01 00 30 2e 01 01 10000301 27 10000100 05 04 6e657431 10000302 18 10000205 13 0002 10 20010db8000000000000000000000001"},
		"alone": {mih.BinaryQuery{Template: []mih.ElementType{mih.ElementPoALinkAddress, mih.ElementNetworkType}},
			"03 01 00 30 1a 01 02 10000000 04 01 13 00 00 10000200 0a 00 0006 06 020000000011"},
		"gateway by name": {mih.BinaryQuery{Template: []mih.ElementType{mih.ElementGateway}},
			"03 01 00 30 1d 01 01 80210001 16 10 6d6167312e6578616d706c652e6e6574 04 6d616731"},
		"nothing known": {mih.BinaryQuery{Template: []mih.ElementType{mih.ElementCost}}, "03 01 00 30 02 01 00"},
		"nothing there": {mih.BinaryQuery{Networks: []string{"x"}}, "03 01 00 30 02 01 00"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := tlvs(t, s.Answer(asked(c.query))), strings.ReplaceAll(c.want, " ", ""); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// told are the numbers of the access points in an answer.
func told(r wire.GetInformationResponse) []int {
	var entries []Entry
	for _, p := range PointsOfAttachment(r.Information) {
		entries = append(entries, Entry{PointOfAttachment: p})
	}
	return numbers(entries)
}

func TestFilters(t *testing.T) {
	at := func(p PointOfAttachment, l *mih.Location) PointOfAttachment {
		p.Location = l
		return p
	}
	cell := &mih.Location{Kind: mih.LocationCell, Octets: "cell"}
	m := mapOf(t, Limits{}, at(wifi(1, "blue", mag1, 4, 3), geo(60, 10)), at(wifi(2, "blue", mag1), geo(60, 10.01)), at(wifi(3, "blue", mag2), geo(61, 10)),
		at(wifi(4, "red", mag2), cell), PointOfAttachment{Address: ap(5), LinkType: mih.LinkTypeEthernet, NetworkID: "wire"}, PointOfAttachment{Address: ap(6)})
	s := NewService(m, Config{})
	at1 := func(radius *uint32) *mih.QuerierLocation { return &mih.QuerierLocation{Link: ap(1), Radius: radius} }
	for name, c := range map[string]struct {
		query mih.BinaryQuery
		want  []int
	}{
		"all":               {mih.BinaryQuery{}, []int{6, 5, 1, 2, 3, 4}},
		"802.11":            {mih.BinaryQuery{NetworkTypes: new(mih.Networks80211)}, []int{1, 2, 3, 4}},
		"Ethernet and UMTS": {mih.BinaryQuery{NetworkTypes: new(mih.NetworksEthernet | mih.NetworksUMTS)}, []int{5}},
		"UMTS":              {mih.BinaryQuery{NetworkTypes: new(mih.NetworksUMTS)}, nil},
		"no technology":     {mih.BinaryQuery{NetworkTypes: new(mih.NetworkTypeSet)}, []int{6, 5, 1, 2, 3, 4}},
		"networks":          {mih.BinaryQuery{Networks: []string{"red", "wire", "x"}}, []int{5, 4}},
		"no network":        {mih.BinaryQuery{Networks: []string{}}, []int{6, 5, 1, 2, 3, 4}},
		"both":              {mih.BinaryQuery{Networks: []string{"red", "wire"}, NetworkTypes: new(mih.Networks80211)}, []int{4}},
		"at 1":              {mih.BinaryQuery{Location: at1(nil)}, []int{1, 3, 2, 4}}, // 4 is told in the container of its network
		"only 1":            {mih.BinaryQuery{Location: at1(new(uint32(0)))}, []int{1}},
		"1000 m around 1":   {mih.BinaryQuery{Location: at1(new(uint32(1000)))}, []int{1, 2, 4}},
		"at 1, red":         {mih.BinaryQuery{Location: at1(nil), Networks: []string{"red"}}, []int{4}},
		"at nowhere":        {mih.BinaryQuery{Location: &mih.QuerierLocation{Link: ap(9)}}, nil},
		"somewhere":         {mih.BinaryQuery{Location: &mih.QuerierLocation{Radius: new(uint32(5))}}, []int{6, 5, 1, 2, 3, 4}},
		"coordinates":       {mih.BinaryQuery{Location: &mih.QuerierLocation{Location: geo(60, 10)}}, []int{1, 2}},
		"coordinates, 5 m":  {mih.BinaryQuery{Location: &mih.QuerierLocation{Location: geo(60, 10), Radius: new(uint32(5))}}, []int{1}},
		"cell":              {mih.BinaryQuery{Location: &mih.QuerierLocation{Location: cell}}, []int{4}},
		"first two":         {mih.BinaryQuery{Limit: &mih.ReportLimit{Maximum: 2, Start: 1}}, []int{6, 5}},
		"first two from 0":  {mih.BinaryQuery{Limit: &mih.ReportLimit{Maximum: 2}}, []int{6, 5}},
		"from the third":    {mih.BinaryQuery{Limit: &mih.ReportLimit{Start: 3}}, []int{1, 2, 3, 4}},
		"the third":         {mih.BinaryQuery{Limit: &mih.ReportLimit{Start: 3, Maximum: 1}}, []int{1}},
		"beyond the last":   {mih.BinaryQuery{Limit: &mih.ReportLimit{Start: 7, Maximum: 1}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.Answer(asked(c.query))
			if got := told(r); !slices.Equal(got, c.want) || r.Status != mih.StatusSuccess {
				t.Errorf("%v, %v, want %v", got, r.Status, c.want)
			}
		})
	}
}

// TestLimitOfNetworks: where a template has nothing of points of attachment, the entries are networks.
func TestLimitOfNetworks(t *testing.T) {
	s := NewService(mapOf(t, Limits{}, wifi(1, "a", mag1), wifi(2, "a", mag1), wifi(3, "b", mag1), wifi(4, "b", mag1), wifi(5, "c", mag1), wifi(6, "", mag1)), Config{})
	ids := func(start, most uint16) string {
		q := mih.BinaryQuery{Template: []mih.ElementType{mih.ElementNetworkID}, Limit: &mih.ReportLimit{Start: start, Maximum: most}}
		elements, err := wire.ReadElements(s.Answer(asked(q)).BinaryAnswers[0])
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, e := range elements {
			found = append(found, e.Value.(string))
		}
		return strings.Join(found, " ")
	}
	for _, c := range []struct {
		start, most uint16
		want        string
	}{{1, 9, "a b c"}, {1, 2, "a b"}, {2, 1, "b"}, {3, 9, "c"}, {4, 9, ""}} {
		if got := ids(c.start, c.most); got != c.want {
			t.Errorf("%d from %d: %q, want %q", c.most, c.start, got, c.want)
		}
	}
}

func TestNotSupported(t *testing.T) {
	s := NewService(mapOf(t, Limits{}, wifi(1, "blue", mag1)), Config{})
	both := mih.QuerierLocation{Link: ap(1), Location: geo(0, 0)}
	rdf := []mih.RDFData{{Data: "SELECT ?x"}}
	for name, c := range map[string]struct {
		request wire.GetInformationRequest
		want    mih.Status
		answers int
	}{
		"RDF":                     {wire.GetInformationRequest{RDFQueries: rdf}, mih.StatusRejected, 0},
		"schema URL":              {wire.GetInformationRequest{RDFSchemaURL: new(true)}, mih.StatusRejected, 0},
		"schemas":                 {wire.GetInformationRequest{RDFSchemas: []string{"http://example.net"}}, mih.StatusRejected, 0},
		"nothing":                 {wire.GetInformationRequest{}, mih.StatusRejected, 0},
		"link and location":       {asked(mih.BinaryQuery{Location: &both}), mih.StatusRejected, 0},
		"too many":                {wire.GetInformationRequest{BinaryQueries: make([]mih.BinaryQuery, maximumQueries+1)}, mih.StatusRejected, 0},
		"RDF and binary":          {wire.GetInformationRequest{RDFQueries: rdf, BinaryQueries: make([]mih.BinaryQuery, 1)}, mih.StatusSuccess, 1},
		"one query without sense": {wire.GetInformationRequest{BinaryQueries: []mih.BinaryQuery{{Location: &both}, {}}}, mih.StatusSuccess, 2},
		"another querier network": {wire.GetInformationRequest{NetworkType: &mih.NetworkType{Link: new(mih.LinkTypeUMTS)}, BinaryQueries: make([]mih.BinaryQuery, 1)}, mih.StatusSuccess, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.Answer(c.request)
			if r.Status != c.want || len(r.BinaryAnswers) != c.answers || r.RDFAnswers != nil || r.RDFSchemaURLs != nil || r.RDFSchemas != nil {
				t.Errorf("answer %+v", r)
			}
			if c.answers > 0 && len(r.BinaryAnswers[c.answers-1]) == 0 {
				t.Error("the sound query has no answer")
			}
		})
	}
	if c := s.Counters(); c.Requests != 9 || c.Rejected != 6 {
		t.Errorf("counters %+v", c)
	}
	if s.Handle("x", wire.RegisterRequest{}) != nil {
		t.Error("a registration was handled")
	}
	if q := s.QueryTypes(); !q.Has(mih.QueryBinaryData) || q.Has(mih.QueryRDFData) || !q.Has(mih.QueryPoAIPAddress) || q.Has(mih.QueryCost) {
		t.Errorf("query types %v", q.Names())
	}
}

// TestUnauthenticated: a stranger is told what is in the air anyway, and little of it.
func TestUnauthenticated(t *testing.T) {
	var points []PointOfAttachment
	for n := range 100 {
		p := wifi(n, "blue", mag1, 1, 2)
		p.Subnets, p.Location, p.Channel = []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")}, geo(1, 1), 36
		points = append(points, p)
	}
	s := NewService(mapOf(t, Limits{}, points...), Config{Trusted: func(id mih.MIHFID) bool { return id == "friend" }})
	request := QueryMap(1)
	ask := func(id mih.MIHFID) []PointOfAttachment {
		return PointsOfAttachment(s.Handle(id, request).(wire.GetInformationResponse).Information)
	}
	if got := ask("friend"); len(got) != 100 || got[0].Gateway != mag1 || got[0].Subnets == nil {
		t.Errorf("a friend is told %d, %+v", len(got), got[0])
	}
	want := PointOfAttachment{Address: ap(0), LinkType: mih.LinkType80211, NetworkID: "blue", OperatingClass: 115, Channel: 36, ChannelRange: RangeOfChannel(115, 36)}
	stranger := ask("stranger")
	if d := cmp.Diff(want, stranger[0], sameValues); d != "" || len(stranger) != publicEntries {
		t.Errorf("a stranger is told %d: %s", len(stranger), d)
	}
	request.Unauthenticated = true
	if d := cmp.Diff(stranger, ask("friend"), sameValues); d != "" {
		t.Errorf("a friend who says so is told something else: %s", d)
	}
	for _, whole := range []mih.BinaryQuery{{}, {Template: []mih.ElementType{mih.ElementGateway, mih.ElementPoAIPAddress, mih.ElementPoASubnet, mih.ElementNeighbours, mih.ElementPoALocation}}} {
		request.BinaryQueries[0] = whole
		response := s.Handle("stranger", request)
		text := tlvs(t, response)
		for _, secret := range []string{"10000201", "10000204", "10000205", "80210001", "80210002"} {
			if strings.Contains(text, secret) {
				t.Errorf("a stranger is told %s", secret)
			}
		}
		if len(text)/2 > publicResponse+3 {
			t.Errorf("%d octets for a stranger", len(text)/2)
		}
	}
	refuses := NewService(s.Map, Config{RefuseUnauthenticated: true})
	if r := refuses.Answer(request); r.Status != mih.StatusAuthorizationFailure || r.BinaryAnswers != nil {
		t.Errorf("refused with %+v", r)
	}
}

// TestSizeOfAnswer: whatever is asked, an answer has no more octets than it may, entries in it are whole, and there is no room for
// one more.
func TestSizeOfAnswer(t *testing.T) {
	var points []PointOfAttachment
	for n := range 200 {
		points = append(points, wifi(n, fmt.Sprintf("%0*d", 1+n%40, n%3), Gateway{Address: netip.MustParseAddr("2001:db8::1"), MIHF: "m"}))
	}
	s := NewService(mapOf(t, Limits{}, points...), Config{})
	types := []mih.ElementType{mih.ElementNetworkList, mih.ElementNetwork, mih.ElementPointOfAttachment, mih.ElementNetworkID, mih.ElementNetworkType,
		mih.ElementPoALinkAddress, mih.ElementPoAIPAddress, mih.ElementGateway, mih.ElementCost}
	rapid.Check(t, func(rt *rapid.T) {
		limit := uint16(rapid.IntRange(0, 9000).Draw(rt, "size"))
		request := wire.GetInformationRequest{MaximumSize: &limit}
		template := rapid.SliceOfNDistinct(rapid.SampledFrom(types), 0, 4, rapid.ID[mih.ElementType]).Draw(rt, "template")
		queries := rapid.IntRange(1, 3).Draw(rt, "queries")
		for range queries {
			request.BinaryQueries = append(request.BinaryQueries, mih.BinaryQuery{Template: template})
		}
		r := s.Answer(request)
		const status = 3
		size := len(tlvs(t, r))/2 - status
		if size > int(limit) {
			rt.Fatalf("%d octets, at most %d", size, limit)
		}
		for _, a := range r.BinaryAnswers {
			if _, err := wire.ReadElements(a); err != nil {
				rt.Fatal(err)
			}
		}
		if len(template) == 0 && queries == 1 {
			got := told(r)
			if len(got) < 200 && size+120 < int(limit) {
				rt.Fatalf("%d octets with %d entries, at most %d", size, len(got), limit)
			}
		}
	})
}

// TestReportKnowsItsSize in every shape.
func TestReportKnowsItsSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		types := rapid.SliceOfNDistinct(rapid.SampledFrom([]mih.ElementType{mih.ElementNetworkList, mih.ElementNetwork, mih.ElementPointOfAttachment,
			mih.ElementNetworkID, mih.ElementPoALinkAddress, mih.ElementPoAIPAddress}), 0, 6, rapid.ID[mih.ElementType]).Draw(t, "template")
		r := report{template: newTemplate(types, false), room: rapid.IntRange(0, 4000).Draw(t, "room"), index: map[groupKey]*group{}}
		for range rapid.IntRange(1, 60).Draw(t, "points") {
			p := wifi(rapid.IntRange(1, 99).Draw(t, "ap"), rapid.StringN(0, 200, 200).Draw(t, "network"), mag1)
			if r.add(&p) == full {
				continue
			}
		}
		n := 0
		answer := r.answer()
		for _, e := range answer {
			n += elementOctets(len(e.Value))
		}
		if n += wire.LengthOctets(len(answer)); len(answer) > 0 && (n != r.size() || n > r.room) {
			t.Fatalf("%d octets, thinks %d, room for %d", n, r.size(), r.room)
		}
	})
}
