package mihnode

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	apadapters "netlmm/ap-adapters"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/wire"
)

// eachWay runs f over both transports of both IP versions.
func eachWay(t *testing.T, f func(t *testing.T, mag, ap netip.Addr, how func(*configs.MIHPeer))) {
	for _, family := range []struct {
		name    string
		mag, ap netip.Addr
	}{{"IPv6", mag6, ap6}, {"IPv4", mag4, ap4}} {
		t.Run(family.name+"/UDP", func(t *testing.T) { f(t, family.mag, family.ap, func(*configs.MIHPeer) {}) })
		t.Run(family.name+"/TCP", func(t *testing.T) { f(t, family.mag, family.ap, overTCP) })
	}
}

func TestRemoteEventsAndCommands(t *testing.T) {
	eachWay(t, func(t *testing.T, magAt, apAt netip.Addr, how func(*configs.MIHPeer)) {
		sap := &commanded{accessPoint: newAccessPoint()}
		ap := run(t, "ap", apAt, []configs.MIHPeer{peer("mag", magAt, how)}, sap)
		sap.up(1)
		eventually(t, "station 1 known", func() bool { return len(links(ap)) == 1 })
		mag := run(t, "mag", magAt, []configs.MIHPeer{peer("ap", apAt, how)})
		mag.subscribe("ap")
		if ind := mag.expect(mih.EventLinkUp, 1); !ind.Resync || ind.Identity != "mn1@example.net" || ind.Source != "ap" || ind.SAP != mihf.SAP || ind.Interface != "" {
			t.Errorf("the first indication: %+v", ind)
		}
		sap.down(1)
		mag.expect(mih.EventLinkDown, 1)
		const burst = 400
		for i := range burst {
			sap.up(2 + i)
		}
		for i := range burst {
			mag.expect(mih.EventLinkUp, 2+i)
		}
		commands(t, mag, sap)
	})
}

// TestAWholePictureOverTCP: nothing is sent again there, so all of it has room on its way.
func TestAWholePictureOverTCP(t *testing.T) {
	const stations = 5000
	sap := newAccessPoint()
	ap := run(t, "ap", ap6, []configs.MIHPeer{peer("mag", mag6, overTCP)}, sap)
	for i := range stations {
		sap.up(1 + i)
	}
	eventually(t, "the access point knows all", func() bool { return len(links(ap)) == stations })
	mag := run(t, "mag", mag6, []configs.MIHPeer{peer("ap", ap6, overTCP)})
	mag.subscribe("ap")
	eventually(t, "the gateway knows all", func() bool { return len(links(mag)) == stations })
	if n := ap.cfg.Counters.Snapshot()[Messages+"{not_sent_queue_full}"]; n != 0 {
		t.Errorf("%d messages were not sent", n)
	}
}

func links(b *bench) (list []mihf.Link) {
	if err := b.Do(context.Background(), func(f *mihf.MIHF) { list = f.Links() }); err != nil {
		b.t.Fatal(err)
	}
	return list
}

// commands has the access point carry out the link commands of another MIH Function.
func commands(t *testing.T, mag *bench, sap *commanded) {
	ask := func(body wire.Body) wire.Body {
		t.Helper()
		answer, err := mag.Ask(t.Context(), "ap", body)
		if err != nil {
			t.Fatalf("%T: %v", body, err)
		}
		return answer
	}
	many := wire.LinkGetParametersRequest{Status: mih.LinkStatusRequest{Parameters: []mih.LinkParameterType{mih.Parameter80211RSSI}}}
	for i := range 250 { // some kilobytes both ways
		many.Links = append(many.Links, station(1+i))
	}
	got := ask(many).(wire.LinkGetParametersResponse)
	if got.Status != mih.StatusSuccess || len(got.Links) != 250 || got.Links[249].Link != station(250) || got.Links[249].Status.Parameters[0].Value != -60 {
		t.Errorf("parameters: %s, %d links", got.Status, len(got.Links))
	}
	many.Links = []mih.LinkID{station(1), station(1000)}
	if got := ask(many).(wire.LinkGetParametersResponse); got.Status != mih.StatusRejected || len(got.Links) != 1 {
		t.Errorf("parameters of an unknown station: %+v", got)
	}
	below := mih.Threshold{Value: -70, Direction: mih.ThresholdBelow}
	thresholds := wire.LinkConfigureThresholdsRequest{
		Link:       mih.LinkTupleID{Link: station(1)},
		Parameters: []mih.LinkParameterConfiguration{{Type: mih.Parameter80211RSSI, Thresholds: []mih.Threshold{below}}},
	}
	if got := ask(thresholds).(wire.LinkConfigureThresholdsResponse); got.Status != mih.StatusSuccess || len(got.Thresholds) != 1 || got.Thresholds[0].Threshold != below {
		t.Errorf("thresholds: %+v", got)
	}
	leave := mih.LinkActionRequest{Link: station(2), Action: mih.LinkAction{Type: mih.ActionDisconnect}}
	elsewhere := mih.LinkActionRequest{Link: station(1000), Action: leave.Action}
	if got := ask(wire.LinkActionsRequest{Actions: []mih.LinkActionRequest{leave, elsewhere}}).(wire.LinkActionsResponse); len(got.Results) != 2 ||
		got.Results[0].Outcome != mih.ActionSucceeded || got.Results[1].Outcome != mih.ActionFailed {
		t.Errorf("actions: %+v", got)
	}
	sap.mu.Lock()
	defer sap.mu.Unlock()
	if len(sap.acted) != 1 || sap.acted[0].Link != station(2) {
		t.Errorf("the access point did %+v", sap.acted)
	}
}

// TestCommandsAreBounded: an access point that hangs costs its commands a second each, and nobody anything else.
func TestCommandsAreBounded(t *testing.T) {
	sap := &commanded{accessPoint: newAccessPoint(), block: make(chan struct{})}
	ap := run(t, "ap", ap6, nil, sap)
	body := wire.LinkGetParametersRequest{Links: []mih.LinkID{station(1)}}
	const questions = workers + commandQueue + 50
	answers := make(chan mih.Status, questions)
	for range questions {
		go func() {
			answer, err := ap.Ask(t.Context(), "", body)
			if err != nil {
				t.Error(err)
			}
			status, _ := answer.(wire.LinkGetParametersResponse)
			answers <- status.Status
		}()
	}
	eventually(t, "the queue is full", func() bool { return ap.count("link_commands_full") >= 50 })
	close(sap.block)
	got := map[mih.Status]int{}
	for range questions {
		got[<-answers]++
	}
	if got[mih.StatusSuccess] == 0 || got[mih.StatusSuccess]+got[mih.StatusUnspecifiedFailure] != questions {
		t.Errorf("answers: %v", got)
	}
	if err := ap.Steer(t.Context(), station(1), nil, 0); !errors.Is(err, apadapters.ErrIncapable) {
		t.Errorf("steered: %v", err)
	}
	if err := ap.Steer(t.Context(), station(1000), nil, 0); !errors.Is(err, apadapters.ErrNoSuchLink) {
		t.Errorf("steered: %v", err)
	}
}

// TestRestarts: of the access point's MIH Function, with a station gone meanwhile, and of the subscriber.
func TestRestarts(t *testing.T) {
	eachWay(t, func(t *testing.T, magAt, apAt netip.Addr, how func(*configs.MIHPeer)) {
		toMAG, toAP := []configs.MIHPeer{peer("mag", magAt, how)}, []configs.MIHPeer{peer("ap", apAt, how)}
		sap := newAccessPoint()
		ap, mag := run(t, "ap", apAt, toMAG, sap), run(t, "mag", magAt, toAP)
		mag.subscribe("ap")
		sap.up(1)
		sap.up(2)
		mag.expect(mih.EventLinkUp, 1)
		mag.expect(mih.EventLinkUp, 2)

		ap.stop()
		sap = newAccessPoint(2)
		ap = run(t, "ap", apAt, toMAG, sap)
		if ind := mag.expect(mih.EventLinkDown, 1); !ind.Resync {
			t.Errorf("%+v", ind)
		}
		sap.up(3)
		mag.expect(mih.EventLinkUp, 3)

		mag.stop()
		mag = run(t, "mag", magAt, toAP)
		mag.subscribe("ap")
		for _, i := range []int{2, 3} {
			if ind := mag.expect(mih.EventLinkUp, i); !ind.Resync || ind.Since.IsZero() {
				t.Errorf("%+v", ind)
			}
		}
		sap.down(2)
		mag.expect(mih.EventLinkDown, 2)
		_ = ap
	})
}

// TestProtectedPeersWait: nothing leaves before the association stands, also for a peer of which only the address is known.
func TestProtectedPeersWait(t *testing.T) {
	for name, hidden := range map[string]func(*configs.MIHPeer){"named": func(*configs.MIHPeer) {}, "unnamed": unnamed} {
		t.Run(name, func(t *testing.T) {
			sap := newAccessPoint()
			ap := run(t, "ap", ap6, []configs.MIHPeer{peer("mag", mag6, protectedly)}, sap)
			mag := run(t, "mag", mag6, []configs.MIHPeer{peer("ap", ap6, protectedly, hidden)})
			mag.Send(mihf.EventSubscribe{User: mihf.User{MIHF: "mag", Name: "test"}, Destination: "ap", Events: every})
			if name == "unnamed" {
				eventually(t, "refused: nobody of that name", func() bool { return status(mag) == mih.StatusRejected })
			}
			sap.up(1)
			eventually(t, "station 1 known", func() bool { return len(links(ap)) == 1 })
			for transport, sent := range mag.conn.Status().Counters.Sent {
				if sent > 0 {
					t.Fatalf("%d sent in clear over %s", sent, transport)
				}
			}
			ap.AssociationChanged(mag6, true)
			mag.AssociationChanged(ap6, true)
			if name == "unnamed" {
				eventually(t, "the peer's identifier", func() bool { return mag.identified("ap") == "ap" })
				mag.confirmed = nil
				mag.subscribe("ap")
			}
			mag.expect(mih.EventLinkUp, 1)
			mag.AssociationChanged(ap6, false)
			eventually(t, "the association is gone", func() bool { return !ready(mag) })
			sap.down(1)
			eventually(t, "ignored without an association", func() bool { return mag.count(string(mihf.IgnoredUnprotected)) > 0 })
			mag.AssociationChanged(ap6, true)
			mag.expect(mih.EventLinkDown, 1)
		})
	}
}

// TestWhoLeftByTheWordOfWhoCannotAsk: an adapter that never knows whether it has told of all stations tells of those that it saw leave.
func TestWhoLeftByTheWordOfWhoCannotAsk(t *testing.T) {
	sap := &accessPoint{says: make(chan mih.Indication, 10)}
	ap := run(t, "ap", ap6, []configs.MIHPeer{peer("mag", mag6, protectedly)}, sap, newAccessPoint())
	mag := run(t, "mag", mag6, []configs.MIHPeer{peer("ap", ap6, protectedly)})
	ap.AssociationChanged(mag6, true)
	mag.AssociationChanged(ap6, true)
	mag.subscribe("ap")
	sap.up(1)
	sap.up(2)
	mag.expect(mih.EventLinkUp, 1)
	mag.expect(mih.EventLinkUp, 2)
	mag.AssociationChanged(ap6, false)
	eventually(t, "the association is gone", func() bool { return !ready(mag) })
	sap.down(1)
	eventually(t, "the access point gives its subscriber up", func() bool {
		ap.mu.Lock()
		defer ap.mu.Unlock()
		return slices.Contains(ap.others, mihf.Action(mihf.PeerSubscribed{MIHFID: "mag"}))
	})
	mag.AssociationChanged(ap6, true)
	if ind := mag.expect(mih.EventLinkDown, 1); !ind.Resync || ind.Since.IsZero() {
		t.Errorf("%+v", ind)
	}
}

// ready says whether the only peer may be spoken with.
func ready(b *bench) (ready bool) {
	if err := b.Do(context.Background(), func(f *mihf.MIHF) { ready = f.PeerTable()[0].Ready }); err != nil {
		b.t.Fatal(err)
	}
	return ready
}

func status(b *bench) mih.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.confirmed) == 0 {
		return mih.StatusSuccess
	}
	return b.confirmed[0].Status
}

func (b *bench) identified(name string) mih.MIHFID {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.names[name]
}

// TestPeersThatSayWhoTheyAre: both ends know addresses only.
func TestPeersThatSayWhoTheyAre(t *testing.T) {
	eachWay(t, func(t *testing.T, magAt, apAt netip.Addr, how func(*configs.MIHPeer)) {
		sap := newAccessPoint()
		ap := run(t, "ap", apAt, []configs.MIHPeer{peer("a gateway", magAt, how, unnamed)}, sap)
		mag := run(t, "mag", magAt, []configs.MIHPeer{peer("an access point", apAt, how, unnamed)})
		eventually(t, "both know each other", func() bool { return mag.identified("an access point") == "ap" && ap.identified("a gateway") == "mag" })
		mag.subscribe("ap")
		sap.up(1)
		mag.expect(mih.EventLinkUp, 1)
	})
}

// TestNobodyBecomesAnother: an access point that says it is the gateway, or a peer that another is, stays nobody.
func TestNobodyBecomesAnother(t *testing.T) {
	for _, name := range []string{"mag", "info"} {
		t.Run(name, func(t *testing.T) {
			impostor := run(t, name, ap6, nil)
			mag := run(t, "mag", mag6, []configs.MIHPeer{
				peer("info", netip.MustParseAddr("2001:db8:f0::99")), peer("an access point", ap6, unnamed),
			})
			eventually(t, "refused", func() bool {
				return mag.count(string(mihf.IgnoredOtherAddress))+impostor.count(string(mihf.IgnoredOwnSource)) > 0
			})
			if id := mag.identified("an access point"); id != "" {
				t.Errorf("it is %q now", id)
			}
			if err := mag.Do(t.Context(), func(f *mihf.MIHF) {
				for _, p := range f.PeerTable() {
					if p.Endpoint.Address.Addr() == ap6 {
						t.Errorf("%s is at its address now", p.MIHFID)
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestASubscriberIsTold says what a daemon logs: who is subscribed to its links.
func TestASubscriberIsTold(t *testing.T) {
	ap := run(t, "ap", ap6, []configs.MIHPeer{peer("mag", mag6)}, newAccessPoint())
	mag := run(t, "mag", mag6, []configs.MIHPeer{peer("ap", ap6)})
	mag.subscribe("ap")
	want := fmt.Sprint(mihf.PeerSubscribed{MIHFID: "mag", Events: every})
	eventually(t, "the access point knows its subscriber", func() bool {
		ap.mu.Lock()
		defer ap.mu.Unlock()
		return len(ap.others) == 1 && fmt.Sprint(ap.others[0]) == want
	})
}
