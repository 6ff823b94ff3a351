package testbed

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

const lmaDropped = "netlmm_lma_pbu_dropped_total"

// What reaches the LMA or a MAG under a valid security association and must not count all the same: each message changes no
// binding and is counted under its reason, and the answers are those of the RFC.
func TestHostileMessagesUnderValidAssociations(t *testing.T) {
	t.Parallel()
	d := up(t, "s")
	if err := d.AddRogueHost(); err != nil { // before the capture, which listens at the ports that exist
		t.Fatal(err)
	}
	if err := d.StartDaemons(); err != nil {
		t.Fatal(err)
	}
	a := enter(t, d)
	updates := a.record(NodeLMA)
	a.handOverAll("the start") // both are at mag2 now
	a.handOverAll("the first") // and at mag1 again
	if err := d.AddRogueMAG(); err != nil {
		t.Fatal(err)
	}
	atRogue, atMAG1, atMAG2 := a.record(NodeRogueMAG), a.record(NodeMAG1), a.record(NodeMAG2)

	replays := registrations(updates, MAG2Address)
	if len(replays) == 0 {
		t.Fatal("the LMA's namespace saw no registration from mag2")
	}
	binding := d.bindings(t)[0]
	const window = 300 * time.Millisecond // TimestampValidityWindow, RFC 5213 section 9.1
	last := replays[len(replays)-1]
	if wait := time.Until(last.At.Add(2 * window)); wait > 0 {
		time.Sleep(wait) // so that nothing but the memory of the last timestamp can refuse the replay with 157
	}
	lowerThanPrevious := lmaDropped + "{" + mobility.StatusTimestampLowerThanPrevAccepted.String() + "}"
	notAuthorized := lmaDropped + "{" + mobility.StatusMAGNotAuthorizedForProxyReg.String() + "}"
	timestampMismatch := lmaDropped + "{" + mobility.StatusTimestampMismatch.String() + "}"

	for _, attack := range []struct {
		name     string
		from     string
		payload  []byte
		counter  string
		answered *Recorder // and what the sender gets back
		answer   func(payload []byte) bool
	}{
		{"a MAG that is not authorised", NodeRogueMAG, update(t, binding, nil), notAuthorized, atRogue, acknowledgedWith(mobility.StatusMAGNotAuthorizedForProxyReg)},
		{"a MAG that is not authorised takes a mobile node off", NodeRogueMAG, update(t, binding, func(u *mh.BindingUpdate) { u.Lifetime = 0 }),
			notAuthorized, atRogue, acknowledgedWith(mobility.StatusMAGNotAuthorizedForProxyReg)},
		{"a MAG that speaks for the address of another", NodeMAG2, update(t, binding, func(u *mh.BindingUpdate) {
			u.Options.AlternateCareOfAddress = MAG1Address
			u.Options.Present.Add(mh.OptionAlternateCareOfAddress)
		}), notAuthorized, atMAG2, acknowledgedWith(mobility.StatusMAGNotAuthorizedForProxyReg)},
		{"replay after the timestamp window", NodeMAG2, last.Payload, lowerThanPrevious, atMAG2, acknowledgedWith(mobility.StatusTimestampLowerThanPrevAccepted)},
		{"from the future", NodeMAG2, update(t, binding, func(u *mh.BindingUpdate) { u.Options.Timestamp += 3600 << 16 }),
			timestampMismatch, atMAG2, acknowledgedWith(mobility.StatusTimestampMismatch)},
		{"off, by a MAG that does not have the mobile node", NodeMAG2, update(t, binding, func(u *mh.BindingUpdate) {
			u.Lifetime = 0
			u.Options.Timestamp = mh.TimestampOf(time.Now().Add(200 * time.Millisecond))
		}), lmaDropped, nil, nil},
		{"truncated option", NodeMAG2, truncatedOption(update(t, binding, nil)), lmaDropped + "{malformed}", nil, nil},
		{"cut short", NodeMAG2, update(t, binding, nil)[:24], lmaDropped + "{malformed}", nil, nil},
		{"option of the wrong length", NodeMAG2, wrongLength(update(t, binding, nil)), lmaDropped + "{malformed}", nil, nil},
		{"without the P flag", NodeMAG2, update(t, binding, func(u *mh.BindingUpdate) { u.Flags = mh.UpdateAcknowledge | mh.UpdateHome }),
			lmaDropped + "{not_proxy_registration}", nil, nil},
		{"without a mobile node", NodeMAG2, update(t, binding, func(u *mh.BindingUpdate) { u.Options.Present &^= 1 << mh.OptionMobileNodeID }),
			lmaDropped + "{" + mobility.StatusMissingMNIdentifierOption.String() + "}", atMAG2, acknowledgedWith(mobility.StatusMissingMNIdentifierOption)},
		{"unknown type", NodeMAG2, []byte{59, 0, 200, 0, 0, 0, 0, 0}, lmaDropped + "{unknown_message_type}", atMAG2, bindingError2},
		{"an acknowledgement that nobody asked for, to the LMA", NodeMAG2, acknowledgement(t, binding), lmaDropped + "{unexpected_message_type}", nil, nil},
	} {
		t.Run(attack.name, func(t *testing.T) {
			before, counted := gateways(d.bindings(t)), d.sum(t, NodeLMA, attack.counter)
			var answers int
			if attack.answered != nil {
				answers = count(attack.answered, attack.answer)
			}
			source, _ := coreAddress(attack.from)
			if err := d.SendMobilityHeader(attack.from, source, LMAAddress, attack.payload); err != nil {
				t.Fatal(err)
			}
			eventually(t, d, "the LMA counts "+attack.counter, func() (bool, error) { return d.sum(t, NodeLMA, attack.counter) > counted, nil })
			if attack.answered != nil {
				eventually(t, d, "the sender is answered", func() (bool, error) { return count(attack.answered, attack.answer) > answers, nil })
			}
			if after := gateways(d.bindings(t)); !reflect.DeepEqual(before, after) {
				t.Errorf("bindings were\n%v\nand are\n%v", before, after)
			}
		})
	}
	t.Run("replay right after a handover", func(t *testing.T) {
		a := a.with(t)
		mn := a.MobileNodes[0]
		a.move(mn) // to mag2
		a.waitGateway(mn, MAG2Address)
		a.move(mn) // to mag1
		a.waitGateway(mn, MAG1Address)
		counted := d.counter(t, NodeLMA, lowerThanPrevious)
		replays := registrations(updates, MAG2Address)
		if err := d.SendMobilityHeader(NodeMAG2, MAG2Address, LMAAddress, replays[len(replays)-1].Payload); err != nil {
			t.Fatal(err)
		}
		eventually(t, d, "the LMA counts the replay", func() (bool, error) { return d.counter(t, NodeLMA, lowerThanPrevious) > counted, nil })
		a.waitGateway(mn, MAG1Address)
	})
	t.Run("acknowledgement replayed to a MAG", func(t *testing.T) {
		const unmatched = "netlmm_mag_ignored_total{unmatched}"
		received := atMAG1.Received(byte(mh.TypeBindingAcknowledgement))
		if len(received) == 0 {
			t.Fatal("mag1's namespace saw no acknowledgement")
		}
		counted := d.counter(t, NodeMAG1, unmatched)
		if err := d.SendMobilityHeader(NodeLMA, LMAAddress, MAG1Address, received[0].Payload); err != nil {
			t.Fatal(err)
		}
		eventually(t, d, "mag1 counts it", func() (bool, error) { return d.counter(t, NodeMAG1, unmatched) > counted, nil })
	})
	t.Run("garbage", func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		before := gateways(d.bindings(t))
		const messages = 300
		for _, target := range []struct {
			from, to, counter string
			source, address   netip.Addr
		}{
			{NodeMAG2, NodeLMA, lmaDropped, MAG2Address, LMAAddress},
			{NodeLMA, NodeMAG2, "netlmm_mag_ignored_total", LMAAddress, MAG2Address},
		} {
			// some are of the type of a heartbeat, and are counted there
			all := func() uint64 {
				return d.sum(t, target.to, target.counter) + d.sum(t, target.to, "netlmm_heartbeat_total")
			}
			counted := all()
			for range messages {
				if err := d.SendMobilityHeader(target.from, target.source, target.address, garbage(random)); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, d, fmt.Sprintf("%s counts %d messages", target.to, messages), func() (bool, error) {
				return all() >= counted+messages, nil
			})
		}
		if after := gateways(d.bindings(t)); !reflect.DeepEqual(before, after) {
			t.Errorf("bindings were\n%v\nand are\n%v", before, after)
		}
	})
	a.nothingInClear("before the rogue host spoke")
	t.Run("in clear", func(t *testing.T) {
		before, dropped := gateways(d.bindings(t)), d.status(t, NodeLMA).Security.DroppedClear
		sources := []netip.Addr{RogueHostAddress, MAG1Address, MAG2Address}
		for _, source := range sources {
			if err := d.SendSpoofed(source, LMAAddress, update(t, binding, nil)); err != nil {
				t.Fatal(err)
			}
		}
		// behind extension headers, from the address of a MAG whose association stands: nothing else is wrong with them
		hidden := [][]byte{
			behind(unix.IPPROTO_DSTOPTS, []byte{0, 1, 4, 0, 0, 0, 0}, update(t, binding, nil)),
			behind(unix.IPPROTO_FRAGMENT, []byte{0, 0, 0, 1, 2, 3, 4}, update(t, binding, nil)),
		}
		for _, packet := range hidden {
			if err := d.sendRaw(NodeRogueHost, int(packet[0]), MAG2Address, LMAAddress, packet[1:]); err != nil {
				t.Fatal(err)
			}
		}
		sent := uint64(len(sources) + len(hidden))
		eventually(t, d, "the LMA's filter counts what came in clear", func() (bool, error) {
			return d.status(t, NodeLMA).Security.DroppedClear >= dropped+sent, nil
		})
		if after := gateways(d.bindings(t)); !reflect.DeepEqual(before, after) {
			t.Errorf("bindings were\n%v\nand are\n%v", before, after)
		}
		// which also shows that the capture would have seen any other
		if n := a.capture.Counts().MHInClear; n != sent {
			t.Errorf("the capture saw %d Mobility Headers in clear, the rogue host sent %d", n, sent)
		}
	})
	a.trafficFlows("all attacks")
	a.handOverAll("all attacks")
	a.handOverAll("all attacks, and back") // both are at mag1
	t.Run("a gateway that proves another identity than the configured one", func(t *testing.T) {
		a := a.with(t)
		d.restarted(t, NodeLMA, "identity: "+IKEIdentity(NodeMAG2), "identity: somebody.example.net")
		counted := d.counter(t, NodeLMA, notAuthorized)
		before := gateways(d.bindings(t))
		if err := d.SendMobilityHeader(NodeMAG2, MAG2Address, LMAAddress, update(t, binding, nil)); err != nil {
			t.Fatal(err)
		}
		eventually(t, d, "the LMA refuses it", func() (bool, error) { return d.counter(t, NodeLMA, notAuthorized) > counted, nil })
		if after := gateways(d.bindings(t)); !reflect.DeepEqual(before, after) {
			t.Errorf("bindings were\n%v\nand are\n%v", before, after)
		}
		mn := a.MobileNodes[0]
		a.move(mn) // magd of mag2 is refused, too, and keeps asking
		d.restarted(t, NodeLMA, "identity: somebody.example.net", "identity: "+IKEIdentity(NodeMAG2))
		a.waitGateway(mn, MAG2Address)
		a.trafficFlows("the identity was put right")
	})
}
