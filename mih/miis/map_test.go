package miis

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"netlmm/mih"
)

// ap is the link address of access point n.
func ap(n int) mih.LinkAddress {
	return mih.MACAddress([6]byte{2, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)})
}

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	mag1  = Gateway{Name: "mag1", MIHF: "mag1.example.net", Address: netip.MustParseAddr("2001:db8::1")}
	mag2  = Gateway{Name: "mag2", MIHF: "mag2.example.net", Address: netip.MustParseAddr("2001:db8::2")}
)

func wifi(n int, network string, gateway Gateway, neighbours ...int) PointOfAttachment {
	p := PointOfAttachment{Address: ap(n), LinkType: mih.LinkType80211, NetworkID: network, Gateway: gateway}
	for _, other := range neighbours {
		p.Neighbours = append(p.Neighbours, ap(other))
	}
	return p
}

func mapOf(t testing.TB, limits Limits, points ...PointOfAttachment) *Map {
	t.Helper()
	m := NewMap(limits)
	if err := m.Configure(points); err != nil {
		t.Fatal(err)
	}
	return m
}

// numbers of the access points, in order.
func numbers(entries []Entry) []int {
	var found []int
	for _, e := range entries {
		mac, _ := e.Address.MAC()
		found = append(found, int(mac[3])<<16|int(mac[4])<<8|int(mac[5]))
	}
	return found
}

// some are the first entries, at most so many.
func some(entries iter.Seq[Entry], most int) (list []Entry) {
	for e := range entries {
		if len(list) == most {
			break
		}
		list = append(list, e)
	}
	return list
}

func up(n int) mih.LinkUp {
	return mih.LinkUp{Link: mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: ap(0xff0000)}, PointOfAttachment: ap(n)}}
}

func TestQueriesOfMap(t *testing.T) {
	umts := PointOfAttachment{Address: mih.Cell3G([3]byte{1, 2, 3}, 7), LinkType: mih.LinkTypeUMTS, NetworkID: "blue"}
	m := mapOf(t, Limits{}, wifi(3, "blue", mag2), wifi(1, "blue", mag1), wifi(2, "red", mag1), umts)
	if e, ok := m.PointOfAttachment(ap(3)); !ok || e.Gateway != mag2 || e.Origin != Configured || e.Age(start) != 0 {
		t.Errorf("found %+v, %v", e, ok)
	}
	if _, ok := m.PointOfAttachment(ap(9)); ok {
		t.Error("found one that is not there")
	}
	if got := numbers(slices.Collect(m.Network("blue"))); !slices.Equal(got, []int{1, 3, 0}) {
		t.Errorf("blue has %v", got)
	}
	if got := numbers(slices.Collect(m.LinkType(mih.LinkType80211))); !slices.Equal(got, []int{1, 3, 2}) {
		t.Errorf("802.11 has %v", got)
	}
	if got := slices.Collect(m.All()); len(got) != 4 || m.Len() != 4 {
		t.Errorf("all are %v", got)
	}
}

func TestCandidates(t *testing.T) {
	m := mapOf(t, Limits{}, wifi(1, "blue", mag1), wifi(2, "blue", mag1), wifi(3, "blue", mag2, 5, 1, 4, 77), wifi(4, "red", mag2),
		wifi(5, "", mag2), wifi(6, "blue", mag2), PointOfAttachment{Address: ap(7), LinkType: mih.LinkTypeEthernet, NetworkID: "blue"})
	for _, c := range []struct {
		from, limit int
		want        []int
	}{
		{3, 10, []int{5, 1, 6, 2}}, // neighbours of the same or an unknown network, then the next addresses
		{3, 3, []int{5, 1, 6}},
		{3, 0, nil},
		{6, 10, []int{1, 2, 3}},
		{5, 10, nil}, // nothing is in common with others of which the network is not known
		{4, 10, nil},
		{99, 10, nil},
	} {
		if got := numbers(some(m.Candidates(ap(c.from)), c.limit)); !slices.Equal(got, c.want) {
			t.Errorf("from %d, at most %d: %v, want %v", c.from, c.limit, got, c.want)
		}
	}
	m.LearnMove(ap(6), ap(1))
	m.LearnEvent(start, "x", mih.LinkHandoverComplete{Link: up(6).Link, NewLink: up(3).Link})
	if got := numbers(some(m.Candidates(ap(6)), 10)); !slices.Equal(got, []int{3, 1, 2}) {
		t.Errorf("after moves %v", got)
	}
	m.LearnMove(ap(6), ap(99))
	m.LearnMove(ap(99), ap(6))
	m.LearnMove(ap(6), ap(6))
	if got := numbers(some(m.Candidates(ap(6)), 10)); !slices.Equal(got, []int{3, 1, 2}) {
		t.Errorf("after moves from and to nowhere %v", got)
	}
}

// TestCandidatesAcrossHESSIDs: the same SSID under another auxiliary identifier, or of another operator, is the same network.
func TestCandidatesAcrossHESSIDs(t *testing.T) {
	other := wifi(2, "blue", mag1)
	other.NetworkAuxID, other.Operator = "x", mih.OperatorID{Name: "o"}
	m := mapOf(t, Limits{}, wifi(1, "blue", mag1), other, wifi(3, "blu", mag1), wifi(4, "bluer", mag1))
	if got := numbers(some(m.Candidates(ap(1)), 10)); !slices.Equal(got, []int{2}) {
		t.Errorf("got %v", got)
	}
	if got := numbers(some(m.Candidates(ap(2)), 10)); !slices.Equal(got, []int{1}) {
		t.Errorf("got %v", got)
	}
}

func TestConfigure(t *testing.T) {
	m := mapOf(t, Limits{}, wifi(1, "blue", mag1), wifi(2, "blue", mag1))
	broken := wifi(3, "blue", mag1)
	broken.Location = &mih.Location{Kind: mih.LocationCell, Octets: "x"}
	err := m.Configure([]PointOfAttachment{wifi(1, "red", mag1), {}, wifi(1, "red", mag1), broken,
		{Address: ap(5), Neighbours: []mih.LinkAddress{{}}}, wifi(6, strings.Repeat("s", 300), mag1), {Address: ap(7), ChannelRange: mih.ChannelRange{Low: 1}}})
	for _, want := range []string{"1 has no address", "2: 02:00:00:00:00:01 is number 0 already", "3 has a location", "4 has a neighbour", "5 has a name", "6 has a channel range"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
	if e, _ := m.PointOfAttachment(ap(1)); e.NetworkID != "blue" || m.Len() != 2 {
		t.Error("a configuration with errors was applied")
	}
	if err := m.Configure([]PointOfAttachment{wifi(1, "red", mag2), wifi(9, "red", mag2)}); err != nil {
		t.Fatal(err)
	}
	if got := numbers(slices.Collect(m.All())); !slices.Equal(got, []int{1, 9}) {
		t.Errorf("map has %v", got)
	}
	wantSound(t, m)
}

// wantSound checks that the parts of a map agree.
func wantSound(t interface {
	Fatalf(string, ...any)
	Helper()
}, m *Map) {
	t.Helper()
	listed, learnt := 0, 0
	for i, n := range m.networks {
		if i > 0 && m.networks[i-1].key.compare(n.key) >= 0 || len(n.members) == 0 {
			t.Fatalf("network %v is out of order or empty", n.key)
		}
		for j, r := range n.members {
			listed++
			if j > 0 && n.members[j-1].current.Address.Compare(r.current.Address) >= 0 || r.network != n || keyOf(r.current) != n.key || m.records[r.current.Address] != r {
				t.Fatalf("%v is out of place in %v", r.current, n.key)
			}
			if r.configured == nil && r.learnt == nil {
				t.Fatalf("nothing is known of %v", r.current)
			}
		}
	}
	for id, s := range m.sources {
		count := 0
		for r := s.oldest; r != nil; r = r.learnt.newer {
			if count++; r.learnt.source != s || r.learnt.newer == nil && s.newest != r || m.records[r.current.Address] != r {
				t.Fatalf("the chain of %s is broken", id)
			}
		}
		if learnt += count; count != s.count || count == 0 || count > m.limits.PerSource {
			t.Fatalf("%s says %d, counted %d", id, s.count, count)
		}
	}
	if listed != len(m.records) || learnt != m.learnt || learnt > m.limits.Learnt {
		t.Fatalf("%d listed of %d, %d learnt of %d", listed, len(m.records), learnt, m.learnt)
	}
}

// TestMapStaysSound: whatever is configured, learnt, forgotten and expired in whatever order, the parts of the map agree, limits hold,
// and the configuration wins.
func TestMapStaysSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := NewMap(Limits{Learnt: 12, PerSource: 5, Age: time.Minute})
		m.Serves("mag1", mag1)
		m.Serves("mag2", mag2)
		now := start
		var configured []PointOfAttachment
		source := rapid.SampledFrom([]mih.MIHFID{"mag1", "mag2", "mn1", "mn2"})
		number := rapid.IntRange(1, 30)
		network := rapid.SampledFrom([]string{"", "blue", "red"})
		t.Repeat(map[string]func(*rapid.T){
			"detected": func(t *rapid.T) {
				m.LearnEvent(now, source.Draw(t, "source"), mih.LinkDetected{Link: up(number.Draw(t, "ap")).Link, NetworkID: network.Draw(t, "network")})
			},
			"up": func(t *rapid.T) { m.LearnEvent(now, source.Draw(t, "source"), up(number.Draw(t, "ap"))) },
			"answered": func(t *rapid.T) {
				m.learn(now, source.Draw(t, "source"), Answered, wifi(number.Draw(t, "ap"), network.Draw(t, "network"), mag2))
			},
			"configure": func(t *rapid.T) {
				chosen := rapid.SliceOfNDistinct(number, 0, 6, rapid.ID[int]).Draw(t, "aps")
				configured = nil
				for _, n := range chosen {
					configured = append(configured, wifi(n, "green", mag1))
				}
				if err := m.Configure(configured); err != nil {
					t.Fatal(err)
				}
			},
			"forget": func(t *rapid.T) { m.Forget(source.Draw(t, "source")) },
			"expire": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "seconds")) * time.Second)
				m.Expire(now)
			},
			"": func(t *rapid.T) {
				wantSound(t, m)
				for _, p := range configured {
					if e, ok := m.PointOfAttachment(p.Address); !ok || e.NetworkID != "green" || e.Gateway != mag1 || e.Origin != Configured {
						t.Fatalf("%v instead of %v", e, p)
					}
				}
			},
		})
	})
}

func TestOriginString(t *testing.T) {
	if got := fmt.Sprint(Seen, Answered, Reported, Configured, Origin(9)); got != "seen answered reported configured origin_9" {
		t.Error(got)
	}
}
