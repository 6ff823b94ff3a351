package lma

import (
	"bytes"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// The captures in testdata are of two other implementations talking to themselves (wire/pmipv6.md section 6). Here their
// MAGs talk to this anchor, once with the profile of the peer and once as if they were strict.

// captured are the messages that the MAGs of a capture sent to their LMA, by frame number.
func captured(t *testing.T, name string) map[int]MessageReceived {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := pcapgo.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	const mobilityHeader = 135
	messages := map[int]MessageReceived{}
	for frame := 1; ; frame++ {
		data, info, err := reader.ReadPacketData()
		if err != nil {
			return messages
		}
		ip, ok := gopacket.NewPacket(data, reader.LinkType(), gopacket.Default).Layer(layers.LayerTypeIPv6).(*layers.IPv6)
		if !ok || ip.NextHeader != mobilityHeader {
			continue
		}
		m := MessageReceived{ReceivedAt: info.Timestamp, Payload: bytes.Clone(ip.Payload)}
		m.Source, _ = netip.AddrFromSlice(ip.SrcIP)
		m.Destination, _ = netip.AddrFromSlice(ip.DstIP)
		if m.Destination == capturedLMA {
			messages[frame] = m
		}
	}
}

var (
	capturedLMA    = netip.MustParseAddr("2001:db8:1::1")
	capturedPrefix = netip.MustParsePrefix("2001:db8:aaaa:1::/64")
)

// anchorFor is an anchor of which all peers have this profile, and every mobile node the prefix of the captures.
func anchorFor(t *testing.T, compat mobility.Compat) *LMA {
	t.Helper()
	l, err := New(Config{
		LMAAddresses: []netip.Addr{capturedLMA},
		Authorized:   func(netip.Addr, string) bool { return true },
		Compat:       func(netip.Addr) mobility.Compat { return compat },
		Random:       func(b []byte) { clear(b) },
		Profile: func(id mobility.MobileNodeID) (mobility.Profile, bool) {
			return mobility.Profile{MobileNodeID: id, ProxyRegistration: true, HomeNetworkPrefixes: []netip.Prefix{capturedPrefix}}, true
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// outcome is what came of a message: the change, the answer and the reason to ignore it, as far as there are any.
type outcome struct {
	change  Change
	answer  *mh.BindingAcknowledgement
	payload []byte
	reason  DropReason
}

func play(t *testing.T, l *LMA, m MessageReceived) outcome {
	t.Helper()
	l.Expire(m.ReceivedAt)
	var o outcome
	for _, a := range l.Handle(m.ReceivedAt, m) {
		switch a := a.(type) {
		case BindingChanged:
			o.change = a.Change
		case Ignored:
			o.reason = a.Reason
		case SendMessage:
			o.answer, o.payload = &mh.BindingAcknowledgement{}, a.Payload
			if err := o.answer.Decode(a.Payload); err != nil {
				t.Fatal(err)
			}
		}
	}
	return o
}

// TestPeerOAI: registration, refresh, de-registration and handover of the capture, with the peer's own octets in the answers.
func TestPeerOAI(t *testing.T) {
	messages := captured(t, "oai-core.pcap")
	want := []struct {
		frame  int
		change Change
	}{{4, Created}, {6, Extended}, {8, Extended}, {9, Extended}, {16, Extended}, {27, Deregistered}, {31, Handover}, {33, Extended}, {39, Extended}}
	if len(messages) != len(want) {
		t.Fatalf("%d messages to the LMA, want %d", len(messages), len(want))
	}
	l := anchorFor(t, mobility.CompatOAI)
	for _, w := range want {
		m := messages[w.frame]
		got := play(t, l, m)
		if got.change != w.change || got.answer == nil || got.answer.Status != mobility.StatusAccepted {
			t.Fatalf("frame %d: %v, %+v, %v; want %v", w.frame, got.change, got.answer, got.reason, w.change)
		}
		var asked mh.BindingUpdate
		if err := asked.Decode(mh.RepairHeaderLen(m.Payload)); err != nil {
			t.Fatal(err)
		}
		a, q := &got.answer.Options, &asked.Options
		if got.answer.Sequence != asked.Sequence || a.MobileNodeID != q.MobileNodeID || !slices.Equal(a.HomeNetworkPrefixes, q.HomeNetworkPrefixes) ||
			a.MobileNodeLinkLayerID != q.MobileNodeLinkLayerID || a.Timestamp != q.Timestamp {
			t.Errorf("frame %d: answer %+v does not repeat %+v", w.frame, got.answer, asked)
		}
		for _, e := range l.Snapshot() {
			if mac := [6]byte{2, 5: 0xa1}; e.MobileNodeID != mobility.EUI48(mac) || e.MobileNodeLinkLayerID != mobility.LinkLayerID(mac) ||
				!slices.Equal(e.HomeNetworkPrefixes, []netip.Prefix{capturedPrefix}) || e.ProxyCareOfAddress != m.Source || e.Timestamp != 0 {
				t.Errorf("frame %d: entry %+v", w.frame, e)
			}
		}
	}
	// The former MAG, late: it takes nothing back.
	if got := play(t, l, messages[27]); got.reason != DeregistrationFromFormer {
		t.Errorf("a de-registration of the former MAG: %+v", got)
	}
	strict := anchorFor(t, mobility.CompatStrict)
	for frame, m := range messages {
		if got := play(t, strict, m); got.reason != Malformed || got.answer != nil {
			t.Errorf("strict, frame %d: %+v, want malformed", frame, got)
		}
	}
}

// TestPeerOAIAsksForAnyPrefix: an all-zero prefix is answered with the assigned one, at the length that the peer knows.
func TestPeerOAIAsksForAnyPrefix(t *testing.T) {
	m := captured(t, "oai-core.pcap")[4]
	prefix := capturedPrefix.Addr().As16()
	at := bytes.Index(m.Payload, prefix[:])
	clear(m.Payload[at : at+16])
	got := play(t, anchorFor(t, mobility.CompatOAI), m)
	if got.answer == nil || len(got.answer.Options.HomeNetworkPrefixes) != 1 || got.answer.Options.HomeNetworkPrefixes[0] != netip.PrefixFrom(capturedPrefix.Addr(), 128) {
		t.Errorf("answer %+v", got.answer)
	}
}

// TestPeerOPMIP: registration and handover of the capture, then the repeated PBUs that its own LMA left without an answer.
func TestPeerOPMIP(t *testing.T) {
	messages := captured(t, "opmip-core.pcap")
	repeated := []int{49, 50, 53, 54}
	for _, compat := range []mobility.Compat{mobility.CompatOPMIP, mobility.CompatStrict} {
		l := anchorFor(t, compat)
		if got := play(t, l, messages[4]); got.change != Created || got.answer.Status != mobility.StatusAccepted {
			t.Errorf("%v, frame 4: %+v", compat, got)
		}
		// Its MAGs name the prefix, have no link-layer identifier and do not say that it is a handoff: for a strict peer that
		// is a second interface, which cannot have the prefix of the first (RFC 5213 section 5.4.1.1, 6).
		change, status := Handover, mobility.StatusAccepted
		if compat == mobility.CompatStrict {
			change, status = 0, mobility.StatusNotAuthorizedForHomeNetworkPrefix
		}
		if got := play(t, l, messages[18]); got.change != change || got.answer.Status != status {
			t.Errorf("%v, frame 18: %+v", compat, got)
		}
		for frame := 33; frame <= 48; frame++ { // each broken in another way
			if got := play(t, l, messages[frame]); got.change != 0 {
				t.Errorf("%v, frame %d: %+v", compat, frame, got)
			}
		}
		l = anchorFor(t, compat)
		var first []byte
		for _, frame := range repeated {
			got := play(t, l, messages[frame])
			switch {
			case got.answer == nil:
				t.Errorf("%v, frame %d: %+v, no answer", compat, frame, got)
			case first == nil:
				if first = got.payload; got.change != Created {
					t.Errorf("%v, frame %d: %+v", compat, frame, got)
				}
			case compat == mobility.CompatOPMIP && (got.reason != RepeatedUpdate || got.change != 0 || !bytes.Equal(got.payload, first)):
				t.Errorf("frame %d: %+v, want the first answer again", frame, got)
			case compat == mobility.CompatStrict && got.answer.Status != mobility.StatusSequenceNumberOutOfWindow:
				t.Errorf("strict, frame %d: status %v", frame, got.answer.Status)
			}
		}
	}
}

// TestPeerOPMIPIsPaced: this peer answers a refusal with the same message at once, for ever; the anchor lets it wait.
func TestPeerOPMIPIsPaced(t *testing.T) {
	messages := captured(t, "opmip-core.pcap")
	l := anchorFor(t, mobility.CompatOPMIP)
	play(t, l, messages[18])
	answers, m := 0, messages[49] // a lower number
	for range 1000 {
		if got := play(t, l, m); got.answer != nil {
			answers++
		}
		m.ReceivedAt = m.ReceivedAt.Add(10 * time.Millisecond)
	}
	if answers != 10 {
		t.Errorf("%d refusals in ten seconds, want one a second", answers)
	}
}
