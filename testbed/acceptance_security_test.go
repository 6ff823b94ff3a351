package testbed

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
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
			counted := d.sum(t, target.to, target.counter)
			for range messages {
				if err := d.SendMobilityHeader(target.from, target.source, target.address, garbage(random)); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, d, fmt.Sprintf("%s counts %d messages", target.to, messages), func() (bool, error) {
				return d.sum(t, target.to, target.counter) >= counted+messages, nil
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

// Without charon nothing leaves in clear: not from magd, not past it, not before charon has its connections, not after magd
// has ended. What was due happens by itself once charon is back.
func TestControlChannelFailsClosed(t *testing.T) {
	a := arrive(t, "f")
	a.probePastTheDaemons()
	mn := a.MobileNodes[0]
	waits := func(when string) {
		t.Helper()
		eventually(t, a.Domain, "magd of mag2 has a mobile node that waits, and says why "+when, func() (bool, error) {
			status := a.status(t, NodeMAG2)
			return status.Bindings > 0 && status.Security.PeersUp == 0 && len(status.Warnings) > 0, nil
		})
		for _, b := range a.bindings(t) {
			if b.MobileNodeID.String() == mn.ID && b.ProxyCareOfAddress != MAG1Address {
				t.Errorf("%s: the LMA has %s at %s", when, mn.ID, b.ProxyCareOfAddress)
			}
		}
		a.nothingInClear(when)
	}
	if err := a.Kill9(NodeMAG2, ProgramCharon); err != nil {
		t.Fatal(err)
	}
	a.nothingInClear("right after kill -9 of charon")
	if _, err := mn.Move(NodeMAG2); err != nil {
		t.Fatal(err)
	}
	waits("while charon is dead")
	eventually(t, a.Domain, "magd of mag2 warns of charon", func() (bool, error) {
		return strings.Contains(strings.Join(a.status(t, NodeMAG2).Warnings, "\n"), "charon is not reached"), nil
	})
	a.startUnloaded(t, NodeMAG2)
	waits("while charon has no connections")
	if err := a.Kill9(NodeMAG2, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	a.nothingInClear("after kill -9 of magd")
	if err := a.Restart(NodeMAG2, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	waits("when magd starts before charon has its connections")
	if err := a.loadConnections(NodeMAG2); err != nil {
		t.Fatal(err)
	}
	a.waitGateway(mn, MAG2Address)
	if err := a.AccessPoints[NodeMAG1].Forget(mn.MAC); err != nil {
		t.Fatal(err)
	}
	a.trafficFlows("charon got its connections")

	if err := a.StopProgram(NodeMAG2, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	if err := a.Kill9(NodeMAG2, ProgramCharon); err != nil {
		t.Fatal(err)
	}
	a.nothingInClear("after a graceful stop of magd, without charon")
	if err := a.Restart(NodeMAG2, ProgramCharon); err != nil {
		t.Fatal(err)
	}
	if err := a.Restart(NodeMAG2, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	a.trafficFlows("mag2 is back")
	a.killAndRestart(NodeLMA, ProgramLMAD, ProgramCharon)
	a.killAndRestart(NodeMAG1, ProgramCharon)
	a.trafficFlows("the LMA and the charon of mag1 are back")
	a.handOverAll("everything is back")
	a.nothingInClear("in the end")
}

// probePastTheDaemons sends Mobility Headers both ways between mag2 and the LMA, around magd and lmad, until the end of the
// test. The kernel may refuse one with an error, or drop it.
func (a *arrived) probePastTheDaemons() {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			_ = a.SendMobilityHeader(NodeMAG2, MAG2Address, LMAAddress, []byte{59, 0, 5, 0, 0, 0, 0, 1})
			_ = a.SendMobilityHeader(NodeLMA, LMAAddress, MAG2Address, []byte{59, 0, 6, 0, 0, 0, 0, 1})
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	a.t.Cleanup(func() {
		close(stop)
		<-done
	})
}

// The daemons load their connections into charon themselves: with a pre-shared key, then with certificates. After that the
// same domain runs without protection, because somebody wrote that down.
func TestDaemonsLoadConnectionsThemselves(t *testing.T) {
	d := up(t, "m")
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		d.emptyCharon(t, node)
		if err := d.writeDaemonConfiguration(node); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.Path(node, "psk"), []byte("not the domain's secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		d.edit(t, node, d.managed(node, func(string) string { return "managed_by: netlmm\n    preshared_key_file: " + d.Path(node, "psk") })...)
		binary, err := d.binary(daemonOf(node))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.start(node, daemonOf(node), nil, binary, "--config", d.Path(node, daemonOf(node)+".yaml")); err != nil {
			t.Fatal(err)
		}
		if err := d.waitDaemon(node); err != nil {
			t.Fatal(err)
		}
	}
	a := enter(t, d)
	a.handOverAll("start with a pre-shared key of the daemons")
	a.nothingInClear("with a pre-shared key of the daemons")
	// charon forgets everything; the daemons load it again
	for _, node := range []string{NodeMAG1, NodeLMA} {
		d.emptyCharon(t, node)
		a.handOverAll("the charon of " + node + " lost its connections")
	}

	d.certificates(t)
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		if err := d.StopProgram(node, daemonOf(node)); err != nil {
			t.Fatal(err)
		}
		d.emptyCharon(t, node)
		d.edit(t, node, "preshared_key_file: "+d.Path(node, "psk"),
			"certificate_file: "+d.Path(node, "crt.pem")+"\n    private_key_file: "+d.Path(node, "key.pem")+"\n    ca_certificate_file: "+d.Path(node, "ca.pem"))
	}
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		if err := d.Restart(node, daemonOf(node)); err != nil {
			t.Fatal(err)
		}
	}
	a.trafficFlows("a change to certificates")
	a.handOverAll("a change to certificates")
	a.nothingInClear("with certificates")

	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		if err := d.StopProgram(node, daemonOf(node)); err != nil {
			t.Fatal(err)
		}
		if err := d.Kill9(node, ProgramCharon); err != nil {
			t.Fatal(err)
		}
		if d.ipsec.Plugin == "kernel-netlink" { // the kernel's associations outlive charon, and would go on protecting
			if _, err := d.execute(node, nil, "sh", "-ec", "ip xfrm policy flush; ip xfrm state flush"); err != nil {
				t.Fatal(err)
			}
		}
		d.edit(t, node, "mode: ipsec", "mode: none")
	}
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		if err := d.Restart(node, daemonOf(node)); err != nil {
			t.Fatal(err)
		}
		if log := d.Log(node, daemonOf(node)); !strings.Contains(log, "security.mode is none") {
			t.Errorf("%s does not warn at start:\n%s", daemonOf(node), log)
		}
		if warnings := strings.Join(d.status(t, node).Warnings, "\n"); !strings.Contains(warnings, "security.mode is none") {
			t.Errorf("the status of %s does not warn: %s", daemonOf(node), warnings)
		}
	}
	a.trafficFlows("security.mode: none")
	a.handOverAll("security.mode: none")
	if a.capture.Counts().MHInClear == 0 {
		t.Error("with security.mode none the capture sees no Mobility Header in clear: it would not see one elsewhere either")
	}
}

// emptyCharon replaces a node's charon by one that knows no connection and no secret.
func (d *Domain) emptyCharon(t *testing.T, node string) {
	t.Helper()
	if err := d.Kill9(node, ProgramCharon); err != nil {
		t.Fatal(err)
	}
	d.startUnloaded(t, node)
}

// managed replaces how the connections of a node's daemon are managed; its own identity is added.
func (d *Domain) managed(node string, replacement func(peer string) string) (pairs []string) {
	peers := map[string]string{NodeLMA: "mh-lma"}
	if node == NodeLMA {
		peers = map[string]string{NodeMAG1: "mh-mag1", NodeMAG2: "mh-mag2"}
	}
	for peer, child := range peers {
		pairs = append(pairs, fmt.Sprintf("managed_by: swanctl\n    connection: %s\n    child: %s", peer, child),
			replacement(peer)+"\n    local_identity: "+IKEIdentity(node))
	}
	return pairs
}

// certificates gives every node a key and a certificate of one authority.
func (d *Domain) certificates(t *testing.T) {
	t.Helper()
	pki, err := program("pki", "strongswan-pki")
	if err != nil {
		t.Fatal(err)
	}
	run := func(file string, arguments ...string) {
		t.Helper()
		out, err := d.execute(NodeCorrespondent, nil, append([]string{pki}, arguments...)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	caKey, ca := d.Path(NodeCorrespondent, "ca.key"), d.Path(NodeCorrespondent, "ca.pem")
	run(caKey, "--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem")
	run(ca, "--self", "--ca", "--lifetime", "1", "--in", caKey, "--type", "ecdsa", "--dn", "CN=testbed", "--outform", "pem")
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		run(d.Path(node, "key.pem"), "--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem")
		run(d.Path(node, "pub.pem"), "--pub", "--in", d.Path(node, "key.pem"), "--type", "ecdsa", "--outform", "pem")
		run(d.Path(node, "crt.pem"), "--issue", "--lifetime", "1", "--cacert", ca, "--cakey", caKey, "--in", d.Path(node, "pub.pem"), "--type", "pub",
			"--dn", "CN="+IKEIdentity(node), "--san", IKEIdentity(node), "--outform", "pem")
		content, err := os.ReadFile(ca)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.Path(node, "ca.pem"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// with is the same domain in a subtest.
func (a *arrived) with(t *testing.T) *arrived {
	b := *a
	b.t = t
	return &b
}

// record records the Mobility Headers that a node receives until the end of the test.
func (a *arrived) record(node string) *Recorder {
	a.t.Helper()
	r, err := a.Record(node)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(r.Stop)
	return r
}

// registrations are the recorded updates of a MAG that registered a mobile node.
func registrations(r *Recorder, mag netip.Addr) (list []RecordedHeader) {
	for _, header := range r.Received(byte(mh.TypeBindingUpdate)) {
		var u mh.BindingUpdate
		if header.Source == mag && u.Decode(header.Payload) == nil && u.Lifetime > 0 {
			list = append(list, header)
		}
	}
	return list
}

// gateways is what an attacker must not change about the bindings; a MAG's own re-registration may extend one meanwhile.
func gateways(bindings []mobility.BindingCacheEntry) (list []string) {
	for _, b := range bindings {
		list = append(list, fmt.Sprint(b.MobileNodeID, b.MobileNodeLinkLayerID, b.HomeNetworkPrefixes, b.ProxyCareOfAddress, b.State))
	}
	return list
}

func count(r *Recorder, matches func([]byte) bool) (n int) {
	for _, t := range []mh.Type{mh.TypeBindingAcknowledgement, mh.TypeBindingError} {
		for _, header := range r.Received(byte(t)) {
			if matches(header.Payload) {
				n++
			}
		}
	}
	return n
}

func acknowledgedWith(status mobility.Status) func([]byte) bool {
	return func(payload []byte) bool {
		var ack mh.BindingAcknowledgement
		return ack.Decode(payload) == nil && ack.Status == status
	}
}

// bindingError2 says whether a message is a Binding Error for an unknown MH type (RFC 6275 section 6.1.9).
func bindingError2(payload []byte) bool {
	return len(payload) > 6 && payload[2] == byte(mh.TypeBindingError) && payload[6] == byte(mh.UnknownMHType)
}

// wrongLength makes the Access Technology Type option, which has two octets, one of one octet.
func wrongLength(payload []byte) []byte {
	broken := append([]byte{}, payload...)
	for at := 12; at+1 < len(broken); {
		switch mh.OptionType(broken[at]) {
		case mh.OptionPad1:
			at++
			continue
		case mh.OptionAccessTechnologyType:
			broken[at+1]--
			return broken
		}
		at += 2 + int(broken[at+1])
	}
	return broken
}

// acknowledgement is a Proxy Binding Acknowledgement out of nowhere.
func acknowledgement(t *testing.T, binding mobility.BindingCacheEntry) []byte {
	t.Helper()
	ack := mh.BindingAcknowledgement{Flags: mh.AcknowledgementProxy, Sequence: 1, Lifetime: 75, Options: mh.Options{MobileNodeID: binding.MobileNodeID}}
	ack.Options.Present.Add(mh.OptionMobileNodeID)
	payload, err := ack.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// garbage is a Mobility Header of random octets behind a Payload Proto that passes IPsec's selector.
func garbage(random *rand.Rand) []byte {
	payload := make([]byte, 8*(1+random.IntN(20)))
	for i := range payload {
		payload[i] = byte(random.Uint32())
	}
	payload[0] = 59
	if random.IntN(2) == 0 {
		payload[1], payload[2] = byte(len(payload)/8-1), byte(random.IntN(9))
	}
	return payload
}

// behind puts a Mobility Header behind one extension header of eight octets. The first octet of the result is the protocol
// of the extension header, the rest is the packet behind the IPv6 header.
func behind(extension byte, rest, payload []byte) []byte {
	payload = append([]byte{}, payload...)
	binary.BigEndian.PutUint16(payload[4:], mobilityChecksum(MAG2Address, LMAAddress, payload))
	return slices.Concat([]byte{extension, unix.IPPROTO_MH}, rest, payload)
}

// mobilityChecksum is RFC 6275 section 6.1.1's, over the pseudo-header with the Mobility Header's protocol.
func mobilityChecksum(source, destination netip.Addr, payload []byte) uint16 {
	from, to := source.As16(), destination.As16()
	var sum uint32
	for _, part := range [][]byte{from[:], to[:], binary.BigEndian.AppendUint32(nil, uint32(len(payload))), {0, unix.IPPROTO_MH}, payload} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(part[i])<<8 | uint32(part[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// sendRaw sends an IPv6 packet with any protocol number from a node; the source address must be one of its own.
func (d *Domain) sendRaw(node string, protocol int, source, destination netip.Addr, payload []byte) error {
	return d.in(node, func() error {
		socket, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
		if err != nil {
			return err
		}
		defer unix.Close(socket)
		if err := unix.Bind(socket, &unix.SockaddrInet6{Addr: source.As16()}); err != nil {
			return err
		}
		return unix.Sendto(socket, payload, 0, &unix.SockaddrInet6{Addr: destination.As16()})
	})
}
