package miis

import (
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
)

func TestLearnFromMIHFs(t *testing.T) {
	m := mapOf(t, Limits{}, wifi(1, "blue", mag1))
	m.Serves(mag2.MIHF, mag2)
	m.LearnLinks(start, mag2.MIHF, []mih.NetworkTypeAddress{{Network: mih.NetworkType{Link: new(mih.LinkType80211)}, Address: ap(2)}, {Address: ap(3)}})
	m.LearnLinks(start, "mn", []mih.NetworkTypeAddress{{Address: ap(4)}}) // the links of a mobile node are no points of attachment
	if got := numbers(slices.Collect(m.All())); !slices.Equal(got, []int{3, 2, 1}) {
		t.Fatalf("map has %v", got)
	}
	later := start.Add(time.Minute)
	m.LearnEvent(later, mag2.MIHF, mih.LinkDetected{Link: up(2).Link, NetworkID: "blue", NetworkAuxID: "h", NetworkCapabilities: mih.NetworkMIH})
	e, _ := m.PointOfAttachment(ap(2))
	if e.Gateway != mag2 || e.NetworkID != "blue" || e.Capabilities != mih.NetworkMIH || e.Origin != Reported || e.Source != mag2.MIHF || e.Age(later.Add(time.Second)) != time.Second {
		t.Errorf("learnt %+v", e)
	}
	m.LearnEvent(later, mag2.MIHF, up(2)) // says less, and takes nothing back
	if again, _ := m.PointOfAttachment(ap(2)); again.NetworkID != "blue" {
		t.Errorf("forgot what was learnt: %+v", again)
	}
	m.LearnEvent(later, mag2.MIHF, mih.LinkUp{}) // names no point of attachment
	m.LearnEvent(later, "mn", up(5))
	if e, _ := m.PointOfAttachment(ap(5)); e.Origin != Seen || e.Gateway != (Gateway{}) {
		t.Errorf("from a mobile node %+v", e)
	}
	wantSound(t, m)
}

// TestConfigurationWins field by field, and what it leaves open is learnt.
func TestConfigurationWins(t *testing.T) {
	p := wifi(1, "", mag1)
	p.Channel = 6
	m := mapOf(t, Limits{}, p)
	m.Serves(mag2.MIHF, mag2)
	m.LearnEvent(start, mag2.MIHF, mih.LinkDetected{Link: up(1).Link, NetworkID: "blue"})
	e, _ := m.PointOfAttachment(ap(1))
	if e.Gateway != mag1 || e.NetworkID != "blue" || e.Channel != 6 || e.Origin != Configured || e.Source != mag2.MIHF {
		t.Errorf("merged %+v", e)
	}
	m.Forget(mag2.MIHF)
	if e, _ := m.PointOfAttachment(ap(1)); e.NetworkID != "" || e.Origin != Configured || !e.At.IsZero() {
		t.Errorf("afterwards %+v", e)
	}
	wantSound(t, m)
}

// TestWhoIsBelievedLessFillsGaps: an information service knows the network of a point of attachment whose MIH Function only says that it
// is there. The last word counts, and what was said goes with whom it stood beside.
func TestWhoIsBelievedLessFillsGaps(t *testing.T) {
	m := NewMap(Limits{})
	m.Serves("mag1", mag1)
	m.LearnEvent(start, "mag1", up(1))
	tells := func(network string) {
		server := mapOf(t, Limits{}, wifi(1, network, mag2))
		m.LearnInformation(start, "is", ask(t, NewService(server, Config{}), QueryPointOfAttachment(ap(1))))
	}
	for _, network := range []string{"blue", "red"} {
		tells(network)
		if e, _ := m.PointOfAttachment(ap(1)); e.NetworkID != network || e.Gateway != mag1 || e.Origin != Reported || e.Source != "mag1" {
			t.Errorf("is %+v", e)
		}
		if got := numbers(slices.Collect(m.Network(network))); !slices.Equal(got, []int{1}) || len(m.networks) != 1 {
			t.Errorf("the network %s has %v", network, got)
		}
		wantSound(t, m)
	}
	m.LearnEvent(start, "mag1", mih.LinkDetected{Link: up(1).Link, NetworkID: "green"})
	if e, _ := m.PointOfAttachment(ap(1)); e.NetworkID != "green" {
		t.Errorf("is %+v", e)
	}
	m.Forget("mag1")
	wantSound(t, m)
	if m.Len() != 0 {
		t.Error("something is left")
	}
}

// TestWhoIsBelieved: who serves a point of attachment before an information service, and that before who saw it; among equals, who
// came first, until it is silent.
func TestWhoIsBelieved(t *testing.T) {
	m := NewMap(Limits{Age: time.Hour})
	m.Serves("mag1", mag1)
	m.Serves("mag2", mag2)
	want := func(origin Origin, source mih.MIHFID, gateway Gateway) {
		t.Helper()
		if e, _ := m.PointOfAttachment(ap(1)); e.Origin != origin || e.Source != source || e.Gateway != gateway {
			t.Errorf("is %+v, want %v of %s behind %v", e, origin, source, gateway)
		}
		wantSound(t, m)
	}
	m.LearnEvent(start, "mn1", up(1))
	m.LearnEvent(start, "mn2", up(1))
	want(Seen, "mn1", Gateway{})
	m.learn(start, "is", Answered, wifi(1, "blue", mag2))
	m.LearnEvent(start, "mn1", up(1))
	want(Answered, "is", mag2)
	m.LearnEvent(start, "mag1", up(1))
	want(Reported, "mag1", mag1)
	m.learn(start, "is", Answered, wifi(1, "blue", mag2))
	m.LearnEvent(start.Add(time.Hour-1), "mag2", up(1))
	want(Reported, "mag1", mag1)
	if e, _ := m.PointOfAttachment(ap(1)); e.NetworkID != "blue" {
		t.Error("what the information service knew is lost")
	}
	m.learn(start, "mag1", Answered, wifi(1, "red", mag2)) // says so as an information service too
	want(Reported, "mag1", mag1)
	m.LearnEvent(start.Add(time.Hour), "mag2", up(1))
	want(Reported, "mag2", mag2)
	if c := m.Counters(); c.Conflicts != 2 {
		t.Errorf("counters %+v", c)
	}
}

// TestBoundsOfLearning: one that says too much loses its own oldest, and takes no room from those who say little.
func TestBoundsOfLearning(t *testing.T) {
	m := NewMap(Limits{Learnt: 100, PerSource: 80})
	for n := range 10 {
		m.LearnEvent(start, "modest", up(n))
	}
	for n := range 5000 {
		m.LearnEvent(start.Add(time.Duration(n)), "loud", up(1000+n))
		m.LearnEvent(start.Add(time.Duration(n)), "louder", up(20000+n))
	}
	for n := range 10 {
		if _, ok := m.PointOfAttachment(ap(n)); !ok {
			t.Errorf("%d of the modest one is gone", n)
		}
	}
	if _, ok := m.PointOfAttachment(ap(5999)); !ok {
		t.Error("the newest is gone")
	}
	if m.Len() != 100 || m.Counters().Evicted != 2*5000+10-100 {
		t.Errorf("%d kept, counters %+v", m.Len(), m.Counters())
	}
	wantSound(t, m)
}

func TestExpire(t *testing.T) {
	m := mapOf(t, Limits{Age: time.Minute}, wifi(9, "blue", mag1))
	if at, ok := m.NextDeadline(); ok {
		t.Errorf("nothing is learnt, and something expires at %v", at)
	}
	m.LearnEvent(start, "a", up(1))
	m.LearnEvent(start, "a", up(9))
	m.LearnEvent(start.Add(time.Second), "b", up(2))
	m.LearnEvent(start.Add(time.Second), "a", up(1)) // repeated
	if at, ok := m.NextDeadline(); !ok || at != start.Add(time.Minute) {
		t.Errorf("next deadline %v, %v", at, ok)
	}
	m.Expire(start.Add(time.Minute))
	if got := numbers(slices.Collect(m.All())); !slices.Equal(got, []int{1, 2, 9}) {
		t.Errorf("map has %v", got)
	}
	m.Expire(start.Add(time.Minute + time.Second))
	if got := numbers(slices.Collect(m.All())); !slices.Equal(got, []int{9}) || m.Counters().Expired != 3 {
		t.Errorf("map has %v, counters %+v", got, m.Counters())
	}
	wantSound(t, m)
}

func TestRefusedReports(t *testing.T) {
	m := NewMap(Limits{})
	m.LearnEvent(start, "a", mih.LinkDetected{Link: up(1).Link, NetworkID: strings.Repeat("s", 254)})
	p := wifi(2, "", mag1)
	p.Neighbours = make([]mih.LinkAddress, maximumNeighbours+1)
	m.learn(start, "a", Answered, p)
	m.learn(start, "a", Answered, PointOfAttachment{})
	if m.Len() != 0 || m.Counters().Refused != 3 {
		t.Errorf("%d kept, counters %+v", m.Len(), m.Counters())
	}
}
