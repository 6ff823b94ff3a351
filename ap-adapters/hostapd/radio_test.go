//go:build hwsim

package hostapd

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"netlmm/ap-adapters"
	"netlmm/internal/hwsim"
	"netlmm/mih"
)

// radioPatience is longer than a station ignores an access point that it lost.
const radioPatience = 2 * time.Minute

// watching is an adapter at a radioLab.
type watching struct {
	*radioLab
	*started
}

func watchRadios(t *testing.T, change func(*Config)) watching {
	t.Helper()
	l := newRadioLab(t)
	cfg := l.radioConfig()
	if change != nil {
		change(&cfg)
	}
	w := watching{l, start(t, cfg)}
	eventually(t, "every network watched", func() bool {
		for _, p := range w.Status().Peers {
			if !p.Connected || !p.Complete {
				return false
			}
		}
		return true
	})
	return w
}

func (w watching) up(point int, network, identity string) string {
	return fmt.Sprintf("Link_Up %s %s %q", interfaceOf(point, network), radioStation, identity)
}

func (w watching) down(point int, network, identity string) string {
	return fmt.Sprintf("Link_Down %s %s %q", interfaceOf(point, network), radioStation, identity)
}

// arrives waits for a Link_Up, with the point of attachment of its network, and returns what came before.
func (w watching) arrives(point int, network, identity string) (before []string) {
	w.radioLab.t.Helper()
	for {
		select {
		case ind := <-w.got:
			if text(ind) != w.up(point, network, identity) {
				before = append(before, text(ind))
				continue
			}
			if poa := ind.Event.LinkTuple().PointOfAttachment; poa != bssid(point, network) {
				w.radioLab.t.Errorf("point of attachment %s, want the BSSID %s", poa, bssid(point, network))
			}
			return before
		case <-time.After(radioPatience):
			w.radioLab.t.Fatalf("nothing more came; want %s after %v; %+v\nthe station says:\n%s", w.up(point, network, identity), before, w.Status(), w.read("wl0.log"))
		}
	}
}

// expectBefore compares what came before a Link_Up.
func (w watching) expectBefore(got []string, want ...string) {
	w.radioLab.t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.radioLab.t.Errorf("before came %q, want %q", got, want)
	}
}

// handshakes is how many 4-way handshakes an access point had.
func (w watching) handshakes(point int) int {
	return strings.Count(w.read(fmt.Sprintf("ap%d.log", point)), "EAPOL-4WAY-HS-COMPLETED")
}

// One hostapd with several networks: each is watched by itself. A station that goes from one to another of them leaves the first, which
// is told before or after, for each has its own socket.
func TestRadioSeveralNetworksOfOneHostapd(t *testing.T) {
	w := watchRadios(t, nil)
	at, identity := "", ""
	for _, network := range networks {
		w.use(0, network)
		came := ""
		if strings.Contains(network, "eap") {
			came = "mn@example.net"
		}
		before := w.arrives(0, network, came)
		if at != "" {
			left := w.down(0, at, identity)
			if len(before) == 0 {
				w.expect(left)
			} else {
				w.expectBefore(before, left)
			}
		}
		at, identity = network, came
	}
	for i, p := range w.Status().Peers {
		want := 0
		if i == len(networks)-1 {
			want = 1
		}
		if p.Stations != want || p.PointOfAttachment != bssid(i/len(networks), networks[i%len(networks)]) {
			t.Errorf("%+v: want %d stations", p, want)
		}
	}
}

// A station roams there and back. The access point that it left does not know: when it returns, that one ends the old association first.
func TestRadioRoaming(t *testing.T) {
	w := watchRadios(t, nil)
	for _, network := range []string{"psk", "eap", "ft"} {
		identity := ""
		if network == "eap" {
			identity = "mn@example.net"
		}
		w.use(0, network)
		w.arrives(0, network, identity)
		handshakes := w.handshakes(1)
		atOnce := w.roam(1, network)
		before := w.arrives(1, network, identity)
		if atOnce {
			w.expectBefore(of(network, before))
		}
		if needed := w.handshakes(1) > handshakes; needed == (network == "ft") {
			t.Errorf("%s: a 4-way handshake at the second access point: %v", network, needed)
		}
		atOnce = w.roam(0, network)
		before = w.arrives(0, network, identity)
		if atOnce {
			w.expectBefore(of(network, before), w.down(0, network, identity))
		}
		if peers := w.Status().Peers; peers[0].Stations+peers[1].Stations+peers[2].Stations != 1 {
			t.Errorf("%s: stations %+v, want one", network, peers)
		}
	}
}

// of are those that are about one network: an access point forgets what a station had with its others when it comes.
func of(network string, told []string) (list []string) {
	for _, ind := range told {
		words := strings.Fields(ind)
		if words[1] == interfaceOf(0, network) || words[1] == interfaceOf(1, network) {
			list = append(list, ind)
		}
	}
	return list
}

// Who comes by fast transition with 802.1X is known at the first access point only.
func TestRadioFastTransitionWith8021X(t *testing.T) {
	w := watchRadios(t, nil)
	w.use(0, "ft-eap")
	w.arrives(0, "ft-eap", "mn@example.net")
	handshakes := w.handshakes(1)
	w.roam(1, "ft-eap")
	w.arrives(1, "ft-eap", "")
	if w.handshakes(1) != handshakes {
		t.Error("that was no fast transition")
	}
	if w.Status().Counters["identity_untold"] == 0 {
		t.Errorf("not counted: %v", w.Status().Counters)
	}
}

// The signal of a station that goes away and comes back, by the configured threshold and by one that a user set.
func TestRadioSignal(t *testing.T) {
	w := watchRadios(t, func(c *Config) {
		c.Interfaces[0].SignalPollInterval, c.Interfaces[0].GoingDownThreshold = 200*time.Millisecond, -60
	})
	w.signal(-30)
	w.use(0, "psk")
	w.arrives(0, "psk", "")
	w.chatter()
	ctx, link := context.Background(), mih.LinkID{Type: mih.LinkType80211, Address: radioStation}
	tuple := mih.LinkTupleID{Link: link, PointOfAttachment: bssid(0, "psk")}
	done, err := w.ConfigureThresholds(ctx, tuple, []mih.LinkParameterConfiguration{rssi(mih.ThresholdNormal, below(-50))})
	if err != nil || len(done) != 1 || !done[0].Success {
		t.Fatalf("threshold: %+v, %v", done, err)
	}
	status, err := w.Parameters(ctx, link, mih.LinkStatusRequest{States: mih.AskChannel, Parameters: []mih.LinkParameterType{mih.Parameter80211RSSI}})
	if err != nil || describe(status) != "channel=1 "+describe(mih.LinkStatus{Parameters: []mih.LinkParameter{{Type: mih.Parameter80211RSSI, Value: -30}}}) {
		t.Errorf("parameters: %s, %v", describe(status), err)
	}
	w.signal(-55)
	w.crosses(-55, -50, mih.ThresholdBelow)
	w.signal(-70)
	w.crosses(-70, -60, mih.ThresholdBelow)
	w.expect(fmt.Sprintf("Link_Going_Down %s %s %q", interfaceOf(0, "psk"), radioStation, ""))
	w.signal(-40)
	w.crosses(-40, -60, mih.ThresholdAbove)
}

// A station that gets weak is asked what it hears (802.11k), and knows the other access point from its last scan.
func TestRadioNeighbours(t *testing.T) {
	w := watchRadios(t, func(c *Config) {
		i := &c.Interfaces[0]
		i.SignalPollInterval, i.GoingDownThreshold, i.LinkDetected = 200*time.Millisecond, -60, true
	})
	w.signal(-30)
	w.use(0, "psk")
	w.arrives(0, "psk", "")
	w.chatter()
	w.hear(1, "psk")
	w.signal(-55)
	for {
		select {
		case ind := <-w.got:
			heard, ok := ind.Event.(mih.LinkDetected)
			if !ok || heard.Link.PointOfAttachment != bssid(1, "psk") {
				continue
			}
			if heard.Link.Link.Address != radioStation || heard.SignalStrength.Value != -30 {
				t.Errorf("%+v, want -30 dBm", heard)
			}
			return
		case <-time.After(radioPatience):
			t.Fatalf("it said nothing: %+v", w.Status())
		}
	}
}

// signal sets how strong the station is heard.
func (w watching) signal(dBm int) {
	w.radioLab.t.Helper()
	if err := hwsim.SetSignal(w.phy, dBm); err != nil {
		w.radioLab.t.Fatal(err)
	}
}

// crosses waits for the report that a threshold was crossed.
func (w watching) crosses(value, threshold int, direction mih.ThresholdDirection) {
	w.radioLab.t.Helper()
	ind := w.expect(fmt.Sprintf("Link_Parameters_Report %s %s %q", interfaceOf(0, "psk"), radioStation, ""))
	report := ind.Event.(mih.LinkParametersReport).Parameters[0]
	if report.Value != value || report.Crossed == nil || *report.Crossed != (mih.Threshold{Value: threshold, Direction: direction}) {
		w.radioLab.t.Errorf("got %+v, want %d dBm across %d", report, value, threshold)
	}
}

// A station that is asked to go does, and its old association is ended after the time.
func TestRadioTransition(t *testing.T) {
	w := watchRadios(t, nil)
	link := mih.LinkID{Type: mih.LinkType80211, Address: radioStation}
	w.use(0, "psk")
	w.arrives(0, "psk", "")
	if err := w.Steer(context.Background(), link, []apadapters.Target{{PointOfAttachment: bssid(1, "psk"), Channel: 6}}, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	w.expectBefore(w.arrives(1, "psk", ""))
	w.expect(w.down(0, "psk", ""))
	if n := w.Status().Counters["steer_accepted"]; n != 1 {
		t.Errorf("%d answers, want 1", n)
	}
}

// A station that is sent away comes back, and so do all when hostapd was killed and started again.
func TestRadioReturn(t *testing.T) {
	w := watchRadios(t, nil)
	w.use(0, "psk")
	w.arrives(0, "psk", "")
	tuple := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: radioStation}, PointOfAttachment: bssid(0, "psk")}
	w.station("bssid", "0", bssid(0, "psk").String())
	if got := w.Act(context.Background(), mih.LinkActionRequest{Link: tuple.Link, Action: mih.LinkAction{Type: mih.ActionDisconnect}}); got.Outcome != mih.ActionSucceeded {
		t.Fatal(got)
	}
	w.expectBefore(w.arrives(0, "psk", ""), w.down(0, "psk", ""))
	w.chatter()
	w.hostapds[0].Process.Kill()
	w.hostapds[0].Wait()
	eventually(t, "the loss of hostapd noticed", func() bool { return !w.Status().Peers[0].Connected })
	w.startPoint(0)
	// It returns when it notices, which may be after the grace.
	for _, ind := range w.arrives(0, "psk", "") {
		if ind != w.down(0, "psk", "")+" resync" {
			t.Errorf("before it returned came %s", ind)
		}
	}
	if n := w.Status().Counters["restarts"]; n == 0 {
		t.Errorf("no restart counted: %v", w.Status().Counters)
	}
}
