package mihnode

import (
	"context"
	"slices"
	"testing"
	"time"

	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/miis"
	"netlmm/mih/wire"
)

func poa(i byte) mih.LinkAddress { return mih.MACAddress([6]byte{2, 0xa, 0, 0, 0, i}) }

// places are the points of attachment 1 to 3 of one network, each with a gateway of its own.
func places(t *testing.T) *Information {
	t.Helper()
	gateways := map[string]miis.Gateway{"mag1": {Name: "mag1", MIHF: "mag"}, "mag2": {Name: "mag2", MIHF: "mag2"}, "": {}}
	list := []configs.PointOfAttachment{
		{Address: poa(1), LinkType: mih.LinkType80211, Gateway: "mag1", NetworkID: "blue", Channel: 36},
		{Address: poa(2), LinkType: mih.LinkType80211, Gateway: "mag2", NetworkID: "blue", Channel: 6},
		{Address: poa(3), LinkType: mih.LinkType80211, NetworkID: "blue"},
	}
	return informationOf(t, Points(list, gateways))
}

func informationOf(t *testing.T, points []miis.PointOfAttachment) *Information {
	t.Helper()
	i := NewInformation()
	i.Map(func(m *miis.Map) {
		if err := m.Configure(points); err != nil {
			t.Fatal(err)
		}
	})
	return i
}

func informedBy(i *Information) func(*Config) {
	return func(c *Config) { c.Information = i }
}

// knows are the points of attachment with their gateways' MIH Functions.
func (i *Information) knows() (list []string) {
	i.Map(func(m *miis.Map) {
		for e := range m.All() {
			list = append(list, e.Address.String()+" "+string(e.Gateway.MIHF))
		}
	})
	return list
}

func (b *bench) told(what string) uint64 {
	return b.cfg.Counters.Snapshot()[InformationCount+"{"+what+"}"]
}

// asks puts a question and returns when it is over.
func (b *bench) asks(q Question, within time.Duration) {
	b.t.Helper()
	done := make(chan struct{})
	b.Inquire(q, within, func() { close(done) })
	select {
	case <-done:
	case <-time.After(atMost):
		b.t.Fatalf("%+v is never over", q)
	}
}

func (b *bench) findsServers(n int) {
	b.t.Helper()
	eventually(b.t, "information servers are found", func() bool {
		i := &b.cfg.Information.inquiries
		i.mu.Lock()
		defer i.mu.Unlock()
		return len(i.servers) == n
	})
}

// TestAnInformationServerIsAsked for one point of attachment, and then for candidates, and the answers are in the map.
func TestAnInformationServerIsAsked(t *testing.T) {
	run := func(t *testing.T, name mih.MIHFID, peer configs.MIHPeer, i *Information) *bench {
		at := mag6
		if name == "info" {
			at = ap6
		}
		return runAs(t, string(name), at, []configs.MIHPeer{peer}, informedBy(i))
	}
	for transport, how := range map[string]func(*configs.MIHPeer){"UDP": func(*configs.MIHPeer) {}, "TCP": overTCP} {
		t.Run(transport, func(t *testing.T) {
			server := run(t, "info", peer("mag", mag6, how), places(t))
			client := run(t, "mag", peer("info", ap6, how), NewInformation())
			client.findsServers(1)
			client.asks(Question{About: poa(2)}, atMost)
			if got, want := client.cfg.Information.knows(), []string{"02:0a:00:00:00:02 mag2"}; !slices.Equal(got, want) {
				t.Errorf("the map has %v, want %v", got, want)
			}
			client.asks(Question{About: poa(1), Candidates: true}, atMost)
			if got := client.cfg.Information.knows(); len(got) != 3 {
				t.Errorf("the map has %v", got)
			}
			client.asks(Question{About: poa(9)}, atMost)
			client.asks(Question{About: poa(9)}, atMost)
			eventually(t, "everything is counted", func() bool {
				return server.told("requests") == 3 && client.told("answered") == 3 && client.told("asked") == 3 && client.told("asked_lately") == 1
			})
		})
	}
}

// TestWhatIsPushedIsLearnt, and so is what access points say of their links, as far as they are believed.
func TestWhatIsPushedIsLearnt(t *testing.T) {
	i := NewInformation()
	i.Map(func(m *miis.Map) { m.Serves("ap", miis.Gateway{MIHF: "mag"}) })
	only := func(p *configs.MIHPeer) { p.PointsOfAttachment = []mih.LinkAddress{pointOfAttachment} }
	client := runAs(t, "mag", mag6, []configs.MIHPeer{peer("ap", ap6, only)}, informedBy(i))
	ap := run(t, "ap", ap6, []configs.MIHPeer{peer("mag", mag6)}, newAccessPoint())
	eventually(t, "the link is in the map", func() bool { return slices.Contains(i.knows(), pointOfAttachment.String()+" mag") })
	pushed := places(t).service.Answer(miis.QueryMap(1)).Information
	push := mihf.Request{User: mihf.User{Name: "test"}, Destination: "mag", Body: wire.PushInformation{Information: pushed}}
	ap.Send(push)
	eventually(t, "one who serves no information is not believed", func() bool { return client.told("push_of_no_server") == 1 && len(i.knows()) == 1 })
	ap.stop()
	ap = runAs(t, "ap", ap6, []configs.MIHPeer{peer("mag", mag6)}, informedBy(places(t)), newAccessPoint())
	client.findsServers(1)
	ap.Send(push)
	eventually(t, "the map has grown", func() bool { return len(i.knows()) == 4 })
	links := []mih.NetworkTypeAddress{{Address: poa(1)}, {Address: pointOfAttachment}}
	if got := client.believed("ap", links); len(got) != 1 || got[0].Address != pointOfAttachment {
		t.Errorf("the access point is believed for %v", got)
	}
	if got := client.believed("other", links); len(got) != 2 {
		t.Errorf("another one is believed for %v", got)
	}
}

// TestASilentServerCostsItsTimeOnly: who waits goes on without an answer.
func TestASilentServerCostsItsTimeOnly(t *testing.T) {
	client := runAs(t, "mag", mag6, []configs.MIHPeer{peer("info", ap6)}, informedBy(NewInformation()))
	client.cfg.Information.inquiries.serve([]mih.MIHFID{"info", "nobody"})
	client.asks(Question{About: poa(1)}, time.Millisecond)
	eventually(t, "both requests end", func() bool { return client.told("not_answered") == 2 })
	if n := len(client.cfg.Information.inquiries.requests); n != 0 {
		t.Errorf("%d requests are left", n)
	}
}

// TestRequestsAreBounded: the service answers nothing while its queue is full, and says so.
func TestRequestsAreBounded(t *testing.T) {
	b := &bench{t: t}
	n, err := Open(configFor(b, "mag", mag6, nil, informedBy(NewInformation())))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	for range informationQueue {
		n.informs(mihf.RequestReceived{User: mihf.User{Name: informant}, Handle: 1})
	}
	done := 0
	requests, _ := n.cfg.Information.inquiries.begin(Question{About: poa(1)}, time.Hour, func() { done++ })
	if len(requests) != 0 {
		t.Fatalf("nobody is there, and is asked %+v", requests)
	}
	n.cfg.Information.inquiries.serve([]mih.MIHFID{"info"})
	requests, _ = n.cfg.Information.inquiries.begin(Question{About: poa(1)}, time.Hour, func() { done++ })
	for _, a := range []mihf.Action{
		mihf.RequestReceived{User: mihf.User{Name: informant}, Handle: 2},
		mihf.RequestReceived{User: mihf.User{Name: informant}}, // pushed
		mihf.Confirm{User: mihf.User{Name: informant}, RequestID: requests[0].RequestID},
	} {
		if !n.informs(a) {
			t.Errorf("%+v is for somebody else", a)
		}
	}
	if count := n.cfg.Counters.Snapshot()[InformationCount+"{queue_full}"]; count != 3 || done != 1 {
		t.Errorf("%d did not fit, %d inquiries are over", count, done)
	}
	for _, a := range []mihf.Action{mihf.RequestReceived{User: mihf.User{Name: "mag"}}, mihf.Confirm{User: mihf.User{Name: "mag"}}, mihf.Deliver{}} {
		if n.informs(a) {
			t.Errorf("%+v is for the information service", a)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.look(ctx) // there is no machine to ask, and that is all
}

func TestServersAreThoseThatAnswer(t *testing.T) {
	queries, handovers := mih.Queries(mih.QueryBinaryData), mih.CommandNetworkHandover
	capable := func(id mih.MIHFID, c wire.Capabilities) mihf.PeerStatus {
		return mihf.PeerStatus{MIHFID: id, Capabilities: &c, Ready: true, State: mihf.PeerUp}
	}
	down, waits := capable("down", wire.Capabilities{QueryTypes: &queries}), capable("waits", wire.Capabilities{QueryTypes: &queries})
	down.State, waits.Ready = mihf.PeerDown, false
	rdf := mih.Queries(mih.QueryRDFData)
	got := servers([]mihf.PeerStatus{
		capable("gateway", wire.Capabilities{QueryTypes: &queries, Commands: &handovers}), {MIHFID: "silent", Ready: true}, capable("ap", wire.Capabilities{}),
		capable("rdf", wire.Capabilities{QueryTypes: &rdf}), down, waits, capable("info", wire.Capabilities{QueryTypes: &queries}),
	})
	if want := []mih.MIHFID{"info", "gateway"}; !slices.Equal(got, want) {
		t.Errorf("servers are %v, want %v", got, want)
	}
}
