package miis

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// over sends a body to the other side.
func over(t testing.TB, body wire.Body) wire.Body {
	t.Helper()
	octets, err := wire.Message{Header: wire.Header{TransactionID: 1}, Source: "a", Destination: "b", Body: body}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.Decode(octets)
	if err != nil {
		t.Fatal(err)
	}
	return m.Body
}

// ask asks a service, over the wire both ways.
func ask(t testing.TB, s *Service, request wire.GetInformationRequest) wire.Information {
	t.Helper()
	response := over(t, s.Handle("client", over(t, request))).(wire.GetInformationResponse)
	if response.Status != mih.StatusSuccess {
		t.Fatalf("status %v", response.Status)
	}
	return response.Information
}

// TestGatewayOfTarget is what a mobile access gateway asks for: who serves the access point that a station goes to.
func TestGatewayOfTarget(t *testing.T) {
	server := NewService(mapOf(t, Limits{}, wifi(1, "blue", mag1, 3), wifi(2, "blue", mag1), wifi(3, "blue", mag2), wifi(4, "red", mag2)), Config{})
	client := NewMap(Limits{})
	if n := client.LearnInformation(start, "is", ask(t, server, QueryPointOfAttachment(ap(3)))); n != 1 {
		t.Errorf("told of %d", n)
	}
	if e, ok := client.PointOfAttachment(ap(3)); !ok || e.Gateway != mag2 || e.Origin != Answered || e.Source != "is" {
		t.Errorf("learnt %+v, %v", e, ok)
	}
	if n := client.LearnInformation(start, "is", ask(t, server, QueryCandidates(ap(1), 1))); n != 2 {
		t.Errorf("told of %d", n)
	}
	if n := client.LearnInformation(start, "is", ask(t, server, QueryCandidates(ap(1), math.MaxUint16))); n != 3 {
		t.Errorf("told of %d", n)
	}
	if got := numbers(some(client.Candidates(ap(1)), 9)); !slices.Equal(got, []int{3, 2}) {
		t.Errorf("candidates %v", got)
	}
	pushed := over(t, wire.PushInformation{Information: ask(t, server, QueryMap(1, "red"))}).(wire.PushInformation)
	if n := client.LearnInformation(start, "is", pushed.Information); n != 1 {
		t.Errorf("pushed %d", n)
	}
	if n := client.LearnInformation(start, "is", ask(t, server, QueryPointOfAttachment(ap(77)))); n != 0 {
		t.Errorf("told of %d that are not there", n)
	}
}

// TestMapGoesOver: a client that asks for page after page has what the server has.
func TestMapGoesOver(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		points := rapid.SliceOfNDistinct(rapid.Custom(drawPoint), 0, 60, func(p PointOfAttachment) mih.LinkAddress { return p.Address }).Draw(rt, "points")
		server := NewService(mapOf(t, Limits{}, points...), Config{MaximumResponse: rapid.IntRange(2000, 5000).Draw(rt, "room")})
		var got []PointOfAttachment
		for {
			page := PointsOfAttachment(ask(t, server, QueryMap(uint16(1+len(got)))))
			if got = append(got, page...); len(page) == 0 {
				break
			}
		}
		byAddress := func(a, b PointOfAttachment) int { return a.Address.Compare(b.Address) }
		for i := range points {
			points[i].ChannelRange = points[i].channelRange()
			points[i].OperatingClass, points[i].Channel = ChannelOfRange(points[i].ChannelRange)
		}
		slices.SortFunc(points, byAddress)
		slices.SortFunc(got, byAddress)
		if d := cmp.Diff(points, got, sameValues); d != "" {
			rt.Fatal(d)
		}
	})
}

func drawPoint(t *rapid.T) PointOfAttachment {
	number := rapid.IntRange(1, 1<<24-1)
	name := rapid.StringN(0, 20, 20)
	p := PointOfAttachment{
		Address: ap(number.Draw(t, "address")), LinkType: rapid.SampledFrom([]mih.LinkType{0, mih.LinkType80211, mih.LinkTypeUMTS}).Draw(t, "type"),
		NetworkID: rapid.SampledFrom([]string{"", "blue", "red"}).Draw(t, "network"), NetworkAuxID: rapid.SampledFrom([]string{"", "h"}).Draw(t, "aux"),
		Channel: rapid.SampledFrom([]uint8{0, 1, 14, 36, 149}).Draw(t, "channel"), Capabilities: mih.NetworkCapabilities(rapid.IntRange(0, 3).Draw(t, "capabilities")),
	}
	if p.Operator.Name = rapid.SampledFrom([]string{"", "op"}).Draw(t, "operator"); p.Operator.Name != "" {
		p.Operator.Namespace = mih.OperatorRealm
	}
	if rapid.Bool().Draw(t, "gateway") {
		p.Gateway = Gateway{Name: name.Draw(t, "name"), MIHF: mih.MIHFID(name.Draw(t, "mihf")), Address: rapid.SampledFrom([]netip.Addr{{}, mag1.Address, netip.MustParseAddr("192.0.2.1")}).Draw(t, "address")}
	}
	for range rapid.IntRange(0, 3).Draw(t, "subnets") {
		p.Subnets = append(p.Subnets, netip.MustParsePrefix("2001:db8:1::/64"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "neighbours") {
		p.Neighbours = append(p.Neighbours, ap(number.Draw(t, "neighbour")))
	}
	if rapid.Bool().Draw(t, "located") {
		p.Location = geo(1, 2)
	}
	return p
}

// TestReadingOtherShapes: what other information services send, and what makes no sense.
func TestReadingOtherShapes(t *testing.T) {
	element := func(kind mih.ElementType, value any) mih.Element { return mih.Element{Type: kind, Value: value} }
	point := element(mih.ElementPointOfAttachment, []mih.Element{
		element(mih.ElementAuthenticatorLinkAddress, ap(8)), element(mih.ElementPoALinkAddress, ap(1)), element(mih.ElementPoAIPAddress, mag1.Address),
		element(mih.ElementPoAIPAddress, mag2.Address), element(mih.ElementPoSIPAddress, mag2.Address), element(mih.ElementPoASystemInformation, mih.RawElement("x")),
	})
	nameless := element(mih.ElementPointOfAttachment, []mih.Element{element(mih.ElementPoAIPAddress, mag1.Address)})
	late := element(mih.ElementNetwork, []mih.Element{point, element(mih.ElementServiceProviderID, "sp"), element(mih.ElementNetworkID, "blue"), element(mih.ElementNetworkType, mih.NetworkType{})})
	for name, c := range map[string]struct {
		elements []mih.Element
		want     []PointOfAttachment
	}{
		"point alone":             {[]mih.Element{point}, []PointOfAttachment{{Address: ap(1), Gateway: Gateway{Address: mag1.Address}}}},
		"network behind a point":  {[]mih.Element{late}, []PointOfAttachment{{Address: ap(1), NetworkID: "blue", Gateway: Gateway{Address: mag1.Address}}}},
		"without an address":      {[]mih.Element{nameless}, nil},
		"loose elements":          {[]mih.Element{element(mih.ElementPoALinkAddress, ap(1)), element(0x20000000, mih.RawElement("v"))}, nil},
		"broken address":          {[]mih.Element{element(mih.ElementPointOfAttachment, mih.RawElement("\x10\x00\x02\x00\x01\x09"))}, nil},
		"container cut off":       {[]mih.Element{element(mih.ElementNetworkList, mih.RawElement("\x10\x00\x03"))}, nil},
		"list inside a container": {[]mih.Element{element(mih.ElementNetwork, mih.RawElement("\x10\x00\x03\x00\x00"))}, nil},
		"broken beside a good":    {[]mih.Element{element(mih.ElementNetworkID, mih.RawElement("")), point}, []PointOfAttachment{{Address: ap(1), Gateway: Gateway{Address: mag1.Address}}}},
	} {
		t.Run(name, func(t *testing.T) {
			var answer mih.BinaryAnswer
			for _, e := range c.elements {
				octets, err := wire.EncodeElement(e)
				if err != nil {
					t.Fatal(err)
				}
				answer = append(answer, octets)
			}
			if d := cmp.Diff(c.want, PointsOfAttachment(wire.Information{BinaryAnswers: []mih.BinaryAnswer{answer}}), sameValues); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestFloodOfPoints: a message full of points of attachment costs no more than the bounds of the map and of one reading.
func TestFloodOfPoints(t *testing.T) {
	var answer mih.BinaryAnswer
	for n := range maximumRead + 100 {
		octets, err := wire.EncodeElement(mih.Element{Type: mih.ElementPointOfAttachment, Value: []mih.Element{{Type: mih.ElementPoALinkAddress, Value: ap(n)}}})
		if err != nil {
			t.Fatal(err)
		}
		answer = append(answer, octets)
	}
	m := NewMap(Limits{PerSource: 100})
	if n := m.LearnInformation(start, "is", wire.Information{BinaryAnswers: []mih.BinaryAnswer{answer}}); n != maximumRead || m.Len() != 100 {
		t.Errorf("read %d, kept %d", n, m.Len())
	}
	wantSound(t, m)
}

// FuzzService: no request and no answer panics; an answer can be sent, is not too large, and is read again.
func FuzzService(f *testing.F) {
	for _, body := range []wire.Body{
		QueryMap(1), QueryCandidates(ap(1), 5), asked(mih.BinaryQuery{NetworkTypes: new(mih.Networks80211), Currency: &[3]byte{'E', 'U', 'R'}}),
		wire.GetInformationRequest{MaximumSize: new(uint16(100)), BinaryQueries: make([]mih.BinaryQuery, 2), Unauthenticated: true},
		asked(mih.BinaryQuery{Location: &mih.QuerierLocation{Location: geo(1, 1)}}),
		wire.PushInformation{Information: NewService(mapOf(f, Limits{}, wifi(1, "blue", mag1, 2)), Config{}).Answer(QueryMap(1)).Information},
	} {
		octets, err := wire.Message{Header: wire.Header{TransactionID: 1}, Body: body}.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(octets)
	}
	located := wifi(3, strings.Repeat("long", 40), mag2)
	located.Location = geo(1, 1)
	f.Fuzz(func(t *testing.T, octets []byte) {
		message, err := wire.Decode(octets)
		if err != nil {
			return
		}
		m := mapOf(t, Limits{Learnt: 20}, wifi(1, "blue", mag1, 2, 3), wifi(2, "blue", mag1), located)
		switch body := message.Body.(type) {
		case wire.PushInformation:
			m.LearnInformation(start, message.Source, body.Information)
			wantSound(t, m)
			ask(t, NewService(m, Config{}), QueryMap(1))
		case wire.GetInformationRequest:
			response := NewService(m, Config{}).Answer(body)
			if size := len(tlvs(t, response))/2 - 3; body.MaximumSize != nil && size > int(*body.MaximumSize) {
				t.Fatalf("%d octets, at most %d", size, *body.MaximumSize)
			}
			PointsOfAttachment(over(t, response).(wire.GetInformationResponse).Information)
		}
	})
}
