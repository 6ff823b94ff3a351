package ciscosyslog

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"netlmm/mih"
)

// TestWhatFoundTheQueueFullIsToldLater: of each station the latest, in the order of the lines. Over TCP the line stands in no datagram
// that could have been lost on the way, and is not sent again.
func TestWhatFoundTheQueueFullIsToldLater(t *testing.T) {
	s := startWith(t, tcpConfig(false))
	conn := s.dial("::1")
	say(t, conn, attached+"\n")
	s.expect(`Link_Up acc0 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	s.full.Store(true)
	const created = "%APF-6-USER_NAME_CREATED: [PA]apf_80211.c:1 Username entry (mn2@example.net) with length (15) created for mobile 02:00:5e:10:00:02\n"
	say(t, conn, detached+"\n"+created+"%DOT11-6-ASSOC: Interface Dot11Radio1, Station 0200.5e10.0002 Associated\n")
	s.counted("dropped", 3)
	if p := s.Status().Peers; p[0].Stations != 1 {
		t.Errorf("peers %+v", p)
	}
	s.full.Store(false)
	s.expect(`Link_Down acc0 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	s.expect(`Link_Up acc0 02:00:5e:10:00:02 00:00:00:00:00:00 "mn2@example.net"`)
}

// TestNewsWaitForWhatIsOwed: else a departure from the old access point would be told after the arrival at the new one.
func TestNewsWaitForWhatIsOwed(t *testing.T) {
	a, err := New(Config{Sources: []Source{{Address: netip.MustParsePrefix("::1/128"), Interface: "acc0"}}})
	if err != nil {
		t.Fatal(err)
	}
	room := 0
	var told []mih.EventType
	a.emit = func(ind mih.Indication) bool {
		if room == 0 {
			return false
		}
		room--
		told = append(told, ind.Event.EventType())
		return true
	}
	receive := func(line string) {
		a.receive(time.Now(), message{from: netip.IPv6Loopback(), iface: "lo", text: []byte(line)})
	}
	receive(detached)
	room = 1
	receive(forged) // another station
	room = 1
	if !a.settle() || len(told) != 2 || told[0] != mih.EventLinkDown || told[1] != mih.EventLinkUp {
		t.Errorf("told %v", told)
	}
	for i := range maximumStations + 2 {
		receive(fmt.Sprintf("%%DOT11-6-ASSOC: Interface Dot11Radio1, Station 0200.5e11.%04x Associated", i))
	}
	if got := a.counters.Snapshot()["lost"]; got != 2 || len(a.owed.of) != maximumStations || a.owed.order.Len() != maximumStations {
		t.Errorf("%d lost, %d owed", got, len(a.owed.of))
	}
	if p := a.Status().Peers; p[0].Stations != maximumStations {
		t.Errorf("peers %+v", p)
	}
}
