package radius

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"layeh.com/radius/rfc2866"

	"netlmm/internal/ingress"
	"netlmm/mih"
)

var statuses = map[string]rfc2866.AcctStatusType{
	"start": start, "interim": interim, "stop": stop, "on": rfc2866.AcctStatusType_Value_AccountingOn, "off": rfc2866.AcctStatusType_Value_AccountingOff,
}

// player plays requests to a picture, by a clock of its own.
type player struct {
	t      *testing.T
	server *server
	full   bool
	news   []string
}

func newPlayer(t *testing.T, change func(*Config)) *player {
	cfg := config()
	change(&cfg)
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := &player{t: t}
	p.server = newServer(a, func(ind mih.Indication) bool {
		if p.full {
			return false
		}
		name := strings.ToLower(strings.TrimPrefix(ind.Event.EventType().String(), "Link_"))
		mac, _ := ind.Event.LinkTuple().PointOfAttachment.MAC()
		word := fmt.Sprintf("%s ap%d", name, mac[5])
		if ind.Interface != "acc0" {
			word += " " + ind.Interface
		}
		if ind.Resync {
			word += fmt.Sprint(" resync ", ind.Since.Unix())
		}
		p.news = append(p.news, word)
		return true
	})
	return p
}

func epoch(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

// play takes one step: "SECOND NAS STATUS SESSION [delay=N] [time=N] [at=AP] [vlan=N] [interval=N]", "SECOND tick", "full" or "empty". It returns
// whether the request was taken.
func (p *player) play(step string) bool {
	p.t.Helper()
	words := strings.Fields(step)
	switch {
	case words[0] == "full", words[0] == "empty":
		p.full = words[0] == "full"
		return true
	case words[1] == "tick":
		p.server.tick(epoch(p.number(words[0])))
		return true
	}
	r := Record{Status: statuses[words[2]], NAS: words[1], Session: words[3], Station: station(0), PointOfAttachment: accessPoint(words[1]), LinkType: mih.LinkType80211}
	for _, option := range words[4:] {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "delay":
			r.Delay = seconds(uint32(p.number(value)))
		case "time":
			d := seconds(uint32(p.number(value)))
			r.SessionTime = &d
		case "interval":
			r.Interim = seconds(uint32(p.number(value)))
		case "at":
			r.PointOfAttachment = accessPoint(value)
		case "vlan":
			r.VLAN = value
		case "type":
			r.LinkType = mih.LinkType(p.number(value))
		default:
			p.t.Fatalf("option %q", option)
		}
	}
	if r.Status == statuses["on"] || r.Status == statuses["off"] {
		r.Station = mih.LinkAddress{}
		if !strings.Contains(step, "at=") {
			r.PointOfAttachment = mih.LinkAddress{}
		}
	}
	return p.server.take(epoch(p.number(words[0])), 0, ingress.Datagram{}, r)
}

func (p *player) number(text string) int {
	p.t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// accessPoint is the address of ap1, ap2, ...; "none" has none.
func accessPoint(name string) mih.LinkAddress {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "ap"))
	if err != nil {
		return mih.LinkAddress{}
	}
	return mih.MACAddress([6]byte{2, 0, 0, 0, 0, byte(n)})
}

func TestPicture(t *testing.T) {
	for _, test := range []struct{ name, steps, want, counted string }{
		{"comes and leaves", "100 ap1 start A; 160 ap1 stop A time=60", "up ap1; down ap1", ""},
		{"says it again", "100 ap1 start A; 103 ap1 start A delay=3; 109 ap1 start A delay=9", "up ap1", ""},
		{"an old Stop after the new Start", "100 ap1 start A; 200 ap2 start B; 201 ap1 stop A time=101", "up ap1; up ap2", "stale_stop"},
		{"an old Stop that was on its way", "100 ap1 start A; 200 ap2 start B; 230 ap1 stop A delay=25 time=105", "up ap1; up ap2", "stale_stop"},
		{"the new one ends, then the old", "100 ap1 start A; 200 ap2 start B; 210 ap2 stop B; 211 ap1 stop A", "up ap1; up ap2; down ap2", "stale_stop"},
		{"the old one's Start comes late", "200 ap2 start B; 201 ap1 start A delay=20", "up ap2", "stale_start"},
		{"Stop before Start, as hostapd repeats them", "100 ap1 stop A time=3; 105 ap1 start A delay=9", "down ap1", "stale_start"},
		{"Stop before Start, without delay", "100 ap1 stop A; 101 ap1 start A", "down ap1", "stale_start"},
		{"the name of a session is used again", "100 ap1 start A; 110 ap1 stop A; 400 ap1 start A", "up ap1; down ap1; up ap1", ""},
		{"a new association at the same place", "100 ap1 start A; 200 ap1 start B; 201 ap1 stop A", "up ap1; up ap1", "stale_stop"},
		{"there and back", "100 ap1 start A; 200 ap2 start B; 300 ap1 start C; 301 ap2 stop B; 302 ap1 stop A", "up ap1; up ap2; up ap1", "stale_stop stale_stop"},
		{"interim updates change nothing", "100 ap1 start A; 160 ap1 interim A time=60; 220 ap1 interim A time=120", "up ap1", ""},
		{"an interim update of who is not known", "1000 ap1 interim A time=600", "up ap1 resync 400", ""},
		{"a Start that was long on its way", "1000 ap1 start A delay=20", "up ap1 resync 979", ""},
		{"an old access point did not notice", "100 ap1 start A; 200 ap2 start B; 300 ap1 interim A time=200", "up ap1; up ap2", "stale_interim"},
		{"nor did it, and this end is new", "300 ap2 interim B time=100; 301 ap1 interim A time=201", "up ap2 resync 200", "stale_interim"},
		{"and in the other order", "300 ap1 interim A time=200; 301 ap2 interim B time=101", "up ap1 resync 100; up ap2 resync 200", ""},
		{"a lost Start", "100 ap1 start A; 300 ap2 interim B time=60", "up ap1; up ap2 resync 240", ""},
		{"an interim update after the end", "100 ap1 start A; 200 ap1 stop A; 201 ap1 interim A delay=10 time=90", "up ap1; down ap1", "stale_interim"},
		{"a controller moves a session", "100 wlc start A at=ap1; 200 wlc interim A at=ap2 time=100; 300 wlc stop A at=ap2", "up ap1; up ap2; down ap2", ""},
		{"and stops it where it was", "100 wlc start A at=ap1; 200 wlc start A at=ap2; 201 wlc stop A at=ap1", "up ap1; up ap2", "stale_stop"},
		{"before it starts it where it is", "100 wlc start A at=ap1; 200 wlc stop A at=ap1; 201 wlc start A at=ap2", "up ap1; down ap1; up ap2", ""},
		{"old news of a session that moved", "100 wlc start A at=ap1; 200 wlc interim A at=ap2; 205 wlc interim A at=ap1 delay=30", "up ap1; up ap2", ""},
		{"a Stop that does not say where", "100 ap1 start A; 200 ap1 stop A at=none", "up ap1; down ap1", ""},
		{"an access point starts anew", "100 ap1 start A; 200 ap1 on x", "up ap1; down ap1", ""},
		{"it goes down", "100 ap1 start A; 200 ap1 off x", "up ap1; down ap1", ""},
		{"another one starts anew", "100 ap1 start A; 200 ap2 on x", "up ap1", ""},
		{"a BSS of it starts anew", "100 ap1 start A; 200 ap1 on x at=ap2; 300 ap1 on x at=ap1", "up ap1; down ap1", ""},
		{"Accounting-On that was on its way", "100 ap1 start A; 105 ap1 on x delay=9", "up ap1", ""},
		{"names of sessions begin anew with it", "100 ap1 start A; 200 ap1 on x; 205 ap1 start A; 206 ap1 on x delay=6", "up ap1; down ap1; up ap1", ""},
		{"an Accounting-On that says nothing of its age, and the station is there", "100 ap1 start A; 105 ap1 on x; 130 ap1 interim A; 190 ap1 interim A",
			"up ap1; down ap1; up ap1 resync 130", ""},
		{"replayed, and the session counts from before it was known", "100 ap1 start A; 130 ap1 interim A time=31; 135 ap1 on x; 190 ap1 interim A time=91",
			"up ap1; down ap1; up ap1 resync 99", ""},
		{"once more", "100 ap1 start A; 105 ap1 on x; 130 ap1 interim A time=30; 135 ap1 on x; 190 ap1 interim A time=90; 200 ap1 stop A time=100",
			"up ap1; down ap1; up ap1 resync 100; down ap1; up ap1 resync 100; down ap1", ""},
		{"an interim update of before Accounting-On", "100 ap1 start A; 200 ap1 on x; 205 ap1 interim A delay=10 time=95", "up ap1; down ap1", "stale_interim"},
		{"one that a Stop was faster than", "100 ap1 start A; 105 ap1 on x; 130 ap1 stop A time=30; 131 ap1 interim A", "up ap1; down ap1", "stale_interim stale_stop"},
		{"a Stop of an older session says nothing of that", "100 ap2 start B; 110 ap1 start A; 115 ap1 on x; 116 ap2 stop B; 130 ap1 interim A time=20",
			"up ap2; up ap1; down ap1; up ap1 resync 110", "stale_stop"},
		{"one from where the station no longer is", "100 ap1 start A; 105 ap1 on x; 130 ap2 start B; 150 ap2 stop B; 160 ap1 interim A", "up ap1; down ap1; up ap2; down ap2", "stale_interim"},
		{"the station went elsewhere before", "100 ap1 start A; 150 ap2 start B; 200 ap1 on x", "up ap1; up ap2", ""},
		{"a VLAN says where it is", "100 ap1 start A vlan=20; 200 ap1 interim A; 300 ap1 stop A", "up ap1 acc20; down ap1 acc20", ""},
		{"and changes", "100 ap1 start A; 101 ap1 interim A vlan=20", "up ap1; up ap1 acc20", ""},
		{"a VLAN that is none of ours", "100 ap1 start A vlan=30", "", "ignored_no_link"},
		{"it changes to none of ours and back", "100 ap1 start A vlan=20; 160 ap1 interim A vlan=30 time=60; 220 ap1 interim A vlan=20 time=120",
			"up ap1 acc20; down ap1 acc20; up ap1 acc20 resync 100", "ignored_no_link"},
		{"another technology is another link", "100 ap1 start A; 200 ap2 start B type=15", "up ap1; down ap1; up ap2", ""},
		{"a full queue", "full; 100 ap1 start A !; empty; 103 ap1 start A delay=3; full; 200 ap1 stop A !; empty; 203 ap1 stop A delay=3", "up ap1; down ap1", "dropped dropped"},
		{"a full queue at Accounting-On", "100 ap1 start A; full; 200 ap1 on x !; empty; 203 ap1 on x delay=3", "up ap1; down ap1", "dropped"},
		{"a full queue at a move", "100 wlc start A at=ap1; full; 200 wlc interim A at=ap2 !; empty; 203 wlc interim A at=ap2", "up ap1; up ap2", "dropped"},
		{"silent for too long", "100 ap1 start A interval=60; 160 ap1 interim A time=60; 339 tick; 341 tick; 400 ap1 interim A time=300",
			"up ap1; down ap1; up ap1 resync 100", "timed_out"},
		{"silent for less than an age", "100 ap1 start A interval=4294967295; 101 tick", "up ap1", ""},
		{"nobody says how often it speaks", "100 ap1 start A; 999999 tick", "up ap1", ""},
		{"a full queue when it is silent", "100 ap1 start A interval=60; full; 999 tick; empty; 1000 tick", "up ap1; down ap1", "dropped timed_out"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPlayer(t, func(c *Config) {
				c.SessionTimeout = 3
				c.Clients[0].Links = []Link{{VLAN: "20", Interface: "acc20"}, {VLAN: "30x", Interface: "acc30"}, {Interface: "acc0"}}
				if strings.Contains(test.steps, "vlan=30") {
					c.Clients[0].Links = c.Clients[0].Links[:2]
				}
			})
			for step := range strings.SplitSeq(test.steps, ";") {
				step, refused := strings.CutSuffix(strings.TrimSpace(step), " !")
				if p.play(step) == refused {
					t.Errorf("%s: taken: %t", step, !refused)
				}
			}
			if got := strings.Join(p.news, "; "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			var counted []string
			for name, n := range p.server.a.Status().Counters {
				for range n {
					if !strings.HasPrefix(name, "event_") {
						counted = append(counted, name)
					}
				}
			}
			slices.Sort(counted)
			if got := strings.Join(counted, " "); got != test.counted {
				t.Errorf("counted %q, want %q", got, test.counted)
			}
		})
	}
}

// What is kept is bounded: the session that was not heard of for longest is forgotten, and nobody is told that it ended.
func TestPictureIsBounded(t *testing.T) {
	p := newPlayer(t, func(*Config) {})
	p.server.picture.maximum = 100
	take := func(at, i int, status rfc2866.AcctStatusType) {
		r := Record{Status: status, Session: fmt.Sprint(i), Station: station(i), PointOfAttachment: accessPoint("ap1")}
		if !p.server.take(epoch(at), 0, ingress.Datagram{}, r) {
			t.Fatalf("record of station %d not taken", i)
		}
	}
	for i := range 250 {
		take(1000+i, i, start)
		take(1000+i, 0, interim) // is heard of all the time
	}
	if n := len(p.server.picture.stations); n != 100 || p.server.picture.order.Len() != 100 {
		t.Errorf("%d stations and %d in order, want 100", n, p.server.picture.order.Len())
	}
	s := p.server.a.Status()
	if s.Peers[0].Stations != 100 || s.Counters["forgotten_sessions"] != 150 {
		t.Errorf("status %+v", s)
	}
	if p.server.picture.stations[station(0)] == nil {
		t.Error("the one that is heard of all the time is forgotten")
	}
	p.news = nil
	take(2000, 1, stop)
	take(2000, 249, stop)
	if got := strings.Join(p.news, "; "); got != "down ap1; down ap1" {
		t.Errorf("the end of a forgotten and of a known session: %s", got)
	}
	p.server.picture.restarted(epoch(3000), Record{}, p.server.picture.stations[station(0)].nas)
	if s := p.server.a.Status(); s.Peers[0].Stations != 0 || len(p.server.picture.of) != 0 {
		t.Errorf("after Accounting-On: %d stations, %d access points", s.Peers[0].Stations, len(p.server.picture.of))
	}
}
