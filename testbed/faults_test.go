package testbed

import (
	"testing"
	"time"

	"netlmm/mobility/mh"
)

// A program dies and comes back. The mobile nodes keep their addresses, traffic returns without anybody touching them, they
// can still move, and at no time does a Mobility Header cross the core link in clear.
func TestProgramsAreKilledAndRestarted(t *testing.T) {
	t.Parallel()
	a := arrive(t, "k")
	for _, fault := range []struct{ node, program string }{
		{NodeMAG1, ProgramMAGD},
		{NodeLMA, ProgramLMAD},
		{NodeMAG1, ProgramCharon},
		{NodeLMA, ProgramCharon},
		{NodeMAG1, ProgramHostapd},
	} {
		what := "kill -9 of " + fault.program + " of " + fault.node
		t.Log(what)
		if fault.program == ProgramCharon {
			a.move(a.MobileNodes[1])
			a.waitGateway(a.MobileNodes[1], MAG2Address)
		}
		if err := a.Kill9(fault.node, fault.program); err != nil {
			t.Fatal(err)
		}
		if fault.program == ProgramCharon {
			// magd of mag1 has an update to send now, and must keep it until there is an SA again
			a.move(a.MobileNodes[1])
			// past the daemon, while nothing would encrypt it: the filter refuses it, by an error or in silence
			source, _ := coreAddress(fault.node)
			destination := LMAAddress
			if fault.node == NodeLMA {
				destination = MAG1Address
			}
			if err := a.SendMobilityHeader(fault.node, source, destination, []byte{59, 0, 5, 0, 0, 0, 0, 1}); err == nil {
				t.Log("the kernel took a Mobility Header while charon was dead; the core link must not show it")
			}
		}
		if err := a.Restart(fault.node, fault.program); err != nil {
			t.Fatal(err)
		}
		a.trafficFlows(what)
		for _, gateway := range []string{NodeMAG2, NodeMAG1} {
			a.move(a.MobileNodes[0])
			address, _ := coreAddress(gateway)
			a.waitGateway(a.MobileNodes[0], address)
			a.trafficFlows("a move to " + gateway + " after " + what)
		}
		a.nothingInClear("after " + what)
	}
	for _, traffic := range a.running {
		if err := traffic.conversation.Alive(60 * time.Second); err != nil {
			t.Errorf("TCP connection of %s: %v", traffic.mn.Node, err)
		}
	}
}

// Proxy Binding Updates that must not count: none changes a binding, each is counted under its reason.
func TestHostileUpdatesChangeNoBinding(t *testing.T) {
	t.Parallel()
	a := arrive(t, "h")
	genuine := a.recordUpdate()
	if err := a.AddRogueHost(); err != nil {
		t.Fatal(err)
	}
	if err := a.AddRogueMAG(); err != nil {
		t.Fatal(err)
	}
	droppedInClear := func() uint64 { return a.status(t, NodeLMA).Security.DroppedClear }
	for _, attack := range []struct {
		name    string
		send    func() error
		counted func() uint64
	}{
		{"in clear, from another host", func() error {
			return a.SendSpoofed(RogueHostAddress, LMAAddress, a.refreshed(genuine))
		}, droppedInClear},
		{"in clear, under the address of an authorised MAG", func() error {
			return a.SendSpoofed(MAG2Address, LMAAddress, a.refreshed(genuine))
		}, droppedInClear},
		{"under the SA of a MAG that is not authorised", func() error {
			return a.SendMobilityHeader(NodeRogueMAG, RogueMAGAddress, LMAAddress, a.refreshed(genuine))
		}, func() uint64 { return a.counted("mag_not_authorized_for_proxy_reg") }},
		{"replayed under the SA of its MAG", func() error {
			return a.SendMobilityHeader(NodeMAG2, MAG2Address, LMAAddress, genuine)
		}, func() uint64 { return a.counted("timestamp_lower_than_prev_accepted", "timestamp_mismatch") }},
		{"malformed, under the SA of its MAG", func() error {
			return a.SendMobilityHeader(NodeMAG2, MAG2Address, LMAAddress, truncatedOption(genuine))
		}, func() uint64 { return a.counted("malformed") }},
	} {
		t.Run(attack.name, func(t *testing.T) {
			bindings, before := a.gateways(), attack.counted()
			if err := attack.send(); err != nil {
				t.Fatal(err)
			}
			err := poll(patience, "the LMA counts it", func() (bool, error) { return attack.counted() > before, nil })
			if err != nil {
				status, _ := a.Status(NodeLMA)
				t.Errorf("%v: %v", err, status.Counters)
			}
			if now := a.gateways(); now != bindings {
				t.Errorf("bindings were\n%sand are now\n%s", bindings, now)
			}
		})
	}
	a.trafficFlows("the attacks")
	if n := a.capture.Counts().MHInClear; n != 2 {
		t.Errorf("the capture saw %d Mobility Headers in clear, want the 2 that the rogue host sent", n)
	}
}

// recordUpdate moves the first mobile node to mag2 and back to mag1, and returns the update with which mag2 registered it.
func (a *arrived) recordUpdate() []byte {
	a.t.Helper()
	recorder, err := a.Record(NodeLMA)
	if err != nil {
		a.t.Fatal(err)
	}
	defer recorder.Stop()
	mn := a.MobileNodes[0]
	a.move(mn)
	a.waitGateway(mn, MAG2Address)
	a.move(mn)
	a.waitGateway(mn, MAG1Address)
	for _, header := range recorder.Received(byte(mh.TypeBindingUpdate)) {
		var update mh.BindingUpdate
		if header.Source == MAG2Address && update.Decode(header.Payload) == nil && update.Lifetime > 0 {
			return header.Payload
		}
	}
	a.t.Fatal("the LMA's namespace saw no registration from mag2")
	return nil
}

// refreshed is an update with the timestamp of now, so that nothing but its sender is wrong with it.
func (a *arrived) refreshed(payload []byte) []byte {
	a.t.Helper()
	var update mh.BindingUpdate
	if err := update.Decode(payload); err != nil {
		a.t.Fatal(err)
	}
	update.Options.Timestamp = mh.TimestampOf(time.Now())
	fresh, err := update.AppendTo(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return fresh
}

// truncatedOption makes the first option of an update longer than the message.
func truncatedOption(payload []byte) []byte {
	const firstOption = 12 // RFC 6275 section 6.1.7: after sequence number, flags and lifetime
	broken := append([]byte{}, payload...)
	broken[firstOption], broken[firstOption+1] = byte(mh.OptionMobileNodeID), 255
	return broken
}
