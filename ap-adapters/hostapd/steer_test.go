package hostapd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

func TestSteer(t *testing.T) {
	f, a := commandLab(t, driverReply(-61, 540, 1000, 10, ""))
	target := func(i int, class, channel uint8) apadapters.Target {
		return apadapters.Target{PointOfAttachment: mih.MACAddress([6]byte{2, 0, 0, 0, 0, byte(i)}), OperatingClass: class, Channel: channel}
	}
	for _, test := range []struct {
		targets []apadapters.Target
		within  time.Duration
		want    string
	}{
		{[]apadapters.Target{target(5, 0, 11), target(6, 128, 36)}, 2 * time.Second,
			"BSS_TM_REQ 02:00:00:00:10:00 pref=1 disassoc_imminent=1 disassoc_timer=19 valid_int=19 neighbor=02:00:00:00:00:05,2,81,11,7,0301ff neighbor=02:00:00:00:00:06,2,128,36,9,0301fe"},
		{[]apadapters.Target{target(5, 0, 0)}, 0, "BSS_TM_REQ 02:00:00:00:10:00 pref=1 valid_int=255 neighbor=02:00:00:00:00:05,2,0,0,0,0301ff"},
		{[]apadapters.Target{{PointOfAttachment: mih.LinkAddress{}}, target(5, 131, 5)}, time.Nanosecond,
			"BSS_TM_REQ 02:00:00:00:10:00 pref=1 disassoc_imminent=1 disassoc_timer=1 valid_int=1 neighbor=02:00:00:00:00:05,2,131,5,14,0301ff"},
		{[]apadapters.Target{target(5, 0, 40)}, 1000 * time.Hour,
			"BSS_TM_REQ 02:00:00:00:10:00 pref=1 disassoc_imminent=1 disassoc_timer=65535 valid_int=255 neighbor=02:00:00:00:00:05,2,115,40,7,0301ff"},
	} {
		if err := a.Steer(context.Background(), stationLink, test.targets, test.within); err != nil || f.order() != test.want {
			t.Errorf("%v\ngot  %s\nwant %s", err, f.order(), test.want)
		}
	}
	many := make([]apadapters.Target, 300)
	for i := range many {
		many[i] = target(i+1, 81, 1)
	}
	if err := a.Steer(context.Background(), stationLink, many, time.Second); err != nil || strings.Count(f.order(), "neighbor=") != maximumTargets {
		t.Errorf("%v: %s", err, f.order())
	}
	f.event("<3>BSS-TM-RESP 02:00:00:00:10:00 status_code=0 bss_termination_delay=0 target_bssid=02:00:00:00:00:05")
	f.event("<3>BSS-TM-RESP 02:00:00:00:10:00 status_code=7 bss_termination_delay=0")
	eventually(t, "the answers counted", func() bool {
		c := a.Status().Counters
		return c["steer_accepted"] == 1 && c["steer_rejected"] == 1 && c["steered"] == 5 && c["event_bss_tm_resp"] == 2
	})
}

func TestSteerWhereItCannotBe(t *testing.T) {
	goal := []apadapters.Target{{PointOfAttachment: mobileNode(50), OperatingClass: 81, Channel: 1}}
	f, a := commandLab(t, "ext_capab=0400000000000040\n")
	steer := func() error { return a.Steer(context.Background(), stationLink, goal, time.Second) }
	if err := steer(); !errors.Is(err, apadapters.ErrIncapable) {
		t.Errorf("a station without 802.11v: %v", err)
	}
	f.setDetail("")
	if err := steer(); !errors.Is(err, apadapters.ErrIncapable) {
		t.Errorf("a station that told no capabilities: %v", err)
	}
	f.setDetail("ext_capab=000008\n")
	answer := func(reply string) {
		f.do(func() {
			f.answer = func(command string) (string, bool) { return reply, strings.HasPrefix(command, "BSS_TM_REQ") }
		})
	}
	answer("UNKNOWN COMMAND\n")
	if err := steer(); !errors.Is(err, apadapters.ErrIncapable) {
		t.Errorf("a hostapd without BSS transition management: %v", err)
	}
	answer("FAIL\n")
	if err := steer(); err == nil || errors.Is(err, apadapters.ErrIncapable) || errors.Is(err, apadapters.ErrNoAnswer) {
		t.Errorf("a driver that fails: %v", err)
	}
	if err := a.Steer(context.Background(), pointLink, goal, time.Second); !errors.Is(err, apadapters.ErrNoSuchLink) {
		t.Errorf("an access point: %v", err)
	}
	if err := a.Steer(context.Background(), stationLink, make([]apadapters.Target, 3), time.Second); !errors.Is(err, errNoTarget) {
		t.Errorf("nowhere: %v", err)
	}
	if f.order() != "" {
		t.Errorf("asked for %s", f.order())
	}
}

func TestOperatingClasses(t *testing.T) {
	for channel, want := range map[uint8]uint8{0: 0, 1: 81, 13: 81, 14: 82, 36: 115, 48: 115, 52: 118, 64: 118, 100: 121, 144: 121, 149: 125, 165: 125, 200: 0} {
		if got := operatingClass(apadapters.Target{Channel: channel}); got != want {
			t.Errorf("channel %d: class %d, want %d", channel, got, want)
		}
	}
}

func away(after time.Duration, attributes mih.LinkActionAttributes) mih.LinkActionRequest {
	return mih.LinkActionRequest{Link: stationLink, Action: mih.LinkAction{Type: mih.ActionDisconnect, Attributes: attributes}, After: after}
}

func TestActions(t *testing.T) {
	for _, test := range []struct {
		request mih.LinkActionRequest
		outcome mih.LinkActionOutcome
		order   string
	}{
		{away(0, 0), mih.ActionSucceeded, "DEAUTHENTICATE 02:00:00:00:10:00"},
		{away(0, mih.ActionRetainResources), mih.ActionSucceeded, "DISASSOCIATE 02:00:00:00:10:00"},
		{away(time.Millisecond, 0), mih.ActionSucceeded, "DEAUTHENTICATE 02:00:00:00:10:00"},
		{away(0, mih.ActionScan), mih.ActionIncapable, ""},
		{away(0, mih.ActionForwardData), mih.ActionIncapable, ""},
		{away(time.Hour, 0), mih.ActionRefused, ""},
		{mih.LinkActionRequest{Link: stationLink}, mih.ActionSucceeded, ""},
		{mih.LinkActionRequest{Link: pointLink, Action: mih.LinkAction{Type: mih.ActionDisconnect}}, mih.ActionIncapable, ""},
	} {
		f, a := commandLab(t, "")
		if got := a.Act(context.Background(), test.request); got.Outcome != test.outcome || got.Link != test.request.Link {
			t.Errorf("%+v: %+v, want %v", test.request, got, test.outcome)
		}
		if test.order != "" {
			a.expect(`Link_Down wlan0 02:00:00:00:10:00 ""`)
		}
		if f.order() != test.order {
			t.Errorf("%+v: %q, want %q", test.request, f.order(), test.order)
		}
	}
}

// A delayed action is about the association that the station had when it was asked for.
func TestDelayedActionIsVoidAfterAnotherAssociation(t *testing.T) {
	f, a := commandLab(t, "")
	for range 3 { // one replaces the other
		if got := a.Act(context.Background(), away(5*time.Second, 0)); got.Outcome != mih.ActionSucceeded {
			t.Fatal(got)
		}
	}
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:00")
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 ""`)
	eventually(t, "the action given up", func() bool { return a.Status().Counters["actions_void"] == 1 })
	if f.order() != "" {
		t.Errorf("ordered %s", f.order())
	}
}

func TestDelayedActionsAreBounded(t *testing.T) {
	s := &session{port: newPort(&Adapter{}, Interface{})}
	for i := range maximumDelayed + 1 {
		got := s.delay(delayed{about: &told{link: mih.LinkTupleID{Link: mih.LinkID{Address: mobileNode(i)}}}}, time.Second)
		if want := i < maximumDelayed; (got == mih.ActionSucceeded) != want {
			t.Fatalf("action %d: %v", i, got)
		}
	}
}
