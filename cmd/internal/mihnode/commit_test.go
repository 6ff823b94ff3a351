package mihnode

import (
	"slices"
	"testing"
	"time"

	apadapters "netlmm/ap-adapters"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/wire"
)

func target(i byte) mih.TargetNetwork {
	return mih.TargetNetwork{PointOfAttachment: mih.MACAddress([6]byte{2, 0, 0, 0, 0xb0, i})}
}

// TestStationsAreSteeredFromElsewhere: Net_HO_Commit reaches the access point, and its answer who asked.
func TestStationsAreSteeredFromElsewhere(t *testing.T) {
	sap := &commanded{accessPoint: newAccessPoint(), steers: true}
	run(t, "ap", ap6, []configs.MIHPeer{peer("mag", mag6)}, sap)
	mag := run(t, "mag", mag6, []configs.MIHPeer{peer("ap", ap6)})
	eventually(t, "what the access point can do is known", func() bool { return mag.Takes("ap", mih.CommandNetworkHandover) })
	if mag.Takes("ap", mih.CommandMobileHandover) || mag.Takes("nobody", mih.CommandNetworkHandover) {
		t.Error("commands that nobody takes")
	}
	leave := mih.LinkActionRequest{Link: station(1), Action: mih.LinkAction{Type: mih.ActionDisconnect}, After: 300 * time.Millisecond}
	stay := mih.LinkActionRequest{Link: station(2)}
	for name, c := range map[string]struct {
		body     wire.NetHOCommitRequest
		channels string
		status   mih.Status
		outcomes []mih.LinkActionOutcome
		want     []steered
	}{
		"until its link ends": {
			wire.NetHOCommitRequest{Targets: []mih.TargetNetwork{target(1), target(2), target(1)}, Within: time.Second, Actions: []mih.LinkActionRequest{leave}}, "\x24\x0b\x24",
			mih.StatusSuccess, []mih.LinkActionOutcome{mih.ActionSucceeded},
			[]steered{{station(1), []apadapters.Target{{PointOfAttachment: target(1).PointOfAttachment, Channel: 36}, {PointOfAttachment: target(2).PointOfAttachment, Channel: 11}}, 300 * time.Millisecond}},
		},
		"if it likes": {
			wire.NetHOCommitRequest{Targets: []mih.TargetNetwork{target(1)}, Within: time.Second, Actions: []mih.LinkActionRequest{stay}}, "too many",
			mih.StatusSuccess, []mih.LinkActionOutcome{mih.ActionSucceeded},
			[]steered{{station(2), []apadapters.Target{{PointOfAttachment: target(1).PointOfAttachment}}, 0}},
		},
		"a station of elsewhere": {
			wire.NetHOCommitRequest{Targets: []mih.TargetNetwork{target(1)}, Actions: []mih.LinkActionRequest{{Link: station(1000)}}}, "",
			mih.StatusRejected, []mih.LinkActionOutcome{mih.ActionFailed}, nil,
		},
		"to nowhere": {wire.NetHOCommitRequest{Targets: []mih.TargetNetwork{{NetworkID: "example"}}, Actions: []mih.LinkActionRequest{leave}}, "", mih.StatusRejected, nil, nil},
		"nobody":     {wire.NetHOCommitRequest{Targets: []mih.TargetNetwork{target(1)}}, "", mih.StatusRejected, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			sap.mu.Lock()
			sap.steered = nil
			sap.mu.Unlock()
			body, err := mag.Ask(t.Context(), "ap", c.body, wire.TLV{Type: wire.TLVChannels, Value: c.channels})
			answer, ok := body.(wire.NetHOCommitResponse)
			if err != nil || !ok || answer.Status != c.status || len(answer.Results) != len(c.outcomes) {
				t.Fatalf("%+v, %v", body, err)
			}
			for i, want := range c.outcomes {
				if answer.Results[i].Outcome != want {
					t.Errorf("%+v", answer.Results)
				}
			}
			sap.mu.Lock()
			defer sap.mu.Unlock()
			if !slices.EqualFunc(sap.steered, c.want, func(a, b steered) bool {
				return a.station == b.station && a.within == b.within && slices.Equal(a.targets, b.targets)
			}) {
				t.Errorf("steered %+v, want %+v", sap.steered, c.want)
			}
		})
	}
}
