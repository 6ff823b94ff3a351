package wire

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	start  = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	peerA  = netip.MustParseAddrPort("[2001:db8::a]:4551")
	limits = ReassemblyLimits{Timeout: time.Second, OctetsPerPeer: 100 << 10, Octets: 250 << 10}
)

// longMessage has so many octets.
func longMessage(t testing.TB, transaction uint16, size int) []byte {
	t.Helper()
	m := Message{Header: Header{TransactionID: transaction, ACKRequest: true}, Source: "a", Destination: "b", Body: DeRegisterRequest{}}
	fixed, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	value := size - len(fixed)
	m.Extra = []TLV{{200, strings.Repeat("m", value-1-LengthOctets(value-1-LengthOctets(value)))}}
	b, err := m.Append(nil)
	if err != nil || len(b) != size {
		t.Fatalf("%d octets, want %d: %v", len(b), size, err)
	}
	return b
}

func fragments(t testing.TB, message []byte, limit int) [][]byte {
	t.Helper()
	all, err := Fragment(message, limit)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFragment(t *testing.T) {
	message := longMessage(t, 7, 3000)
	all := fragments(t, message, 1400)
	if len(all) != 3 || len(all[0]) != 1400 || len(all[1]) != 1400 || len(all[2]) != 8+(2992-2*1392) {
		t.Fatalf("%d fragments", len(all))
	}
	for i, want := range []string{"190014030007" + "0570", "190214030007" + "0570", "180414030007" + "00d0"} {
		if got := hexOf(string(all[i][:8])); got != "0x"+want {
			t.Errorf("header %d is %s, want %s", i, got, want)
		}
		if _, err := Decode(all[i]); err == nil || err.(*DecodeError).Reaction != Reassemble {
			t.Errorf("fragment %d: %v", i, err)
		}
		if !IsFragment(all[i]) {
			t.Errorf("fragment %d is none", i)
		}
	}
	if whole := fragments(t, message, 3000); len(whole) != 1 || &whole[0][0] != &message[0] || IsFragment(whole[0]) {
		t.Error("a message that fits does not come back as it is")
	}
	for name, bad := range map[string]struct {
		octets []byte
		limit  int
	}{
		"too many": {message, 31}, "limit below the header": {message, 8}, "a fragment": {all[0], 600}, "cut": {message[:2000], 1400}, "nothing": {nil, 1400},
	} {
		if got, err := Fragment(bad.octets, bad.limit); err == nil {
			t.Errorf("%s: %d fragments", name, len(got))
		}
	}
	if got, err := Fragment(message, 32); err != nil || len(got) != 125 {
		t.Errorf("%d fragments of 32 octets, %v", len(got), err)
	}
}

// TestLongestInFragmentsOutOfOrder: 64 KiB in 128 fragments, in any order and each of them twice.
func TestLongestInFragmentsOutOfOrder(t *testing.T) {
	message := longMessage(t, 9, MaximumMessage)
	all := fragments(t, message, 8+512)
	if len(all) != 128 {
		t.Fatalf("%d fragments", len(all))
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	r := NewReassembler(limits)
	for i, f := range all {
		got, reason := r.Add(start, peerA, f)
		if i < len(all)-1 {
			if again, duplicate := r.Add(start, peerA, f); got != nil || reason != "" || again != nil || duplicate != DropDuplicate {
				t.Fatalf("fragment %d: %d octets, %q, then %d octets, %q", i, len(got), reason, len(again), duplicate)
			}
		} else if !bytes.Equal(got, message) {
			t.Fatalf("%d octets, %q", len(got), reason)
		}
	}
	wantEmpty(t, r)
	if d := cmp.Diff(map[DropReason]uint64{DropDuplicate: 127}, r.Dropped()); d != "" {
		t.Error(d)
	}
}

func wantEmpty(t interface {
	Helper()
	Fatalf(string, ...any)
}, r *Reassembler) {
	t.Helper()
	messages, octets := r.Held()
	if _, waiting := r.NextDeadline(); messages != 0 || octets != 0 || waiting || len(r.peers) != 0 || r.oldest.Len() != 0 {
		t.Fatalf("%d messages, %d octets, %d peers are held", messages, octets, len(r.peers))
	}
}

func TestWholeMessagesPass(t *testing.T) {
	r := NewReassembler(limits)
	message := longMessage(t, 1, 100)
	if got, reason := r.Add(start, peerA, message); &got[0] != &message[0] || reason != "" {
		t.Errorf("%x, %q", got, reason)
	}
	wantEmpty(t, r)
}

// TestFragmentsThatDoNotFit: each case ends with one drop, and no octet held of what was given up.
func TestFragmentsThatDoNotFit(t *testing.T) {
	all := fragments(t, longMessage(t, 7, 3000), 1008) // of 1,000 octets, the third one is the last
	edit := func(f []byte, change func([]byte)) []byte {
		f = bytes.Clone(f)
		change(f)
		return f
	}
	numbered := func(f []byte, number byte) []byte { return edit(f, func(f []byte) { f[1] = number << 1 }) }
	last := func(f []byte) []byte { return edit(f, func(f []byte) { f[0] &^= flagMoreFragments }) }
	huge := append(bytes.Clone(all[1][:8]), make([]byte, 0xffff)...)
	binary.BigEndian.PutUint16(huge[6:], 0xffff)
	for name, test := range map[string]struct {
		octets [][]byte
		want   DropReason
		held   int
	}{
		"no header":                {[][]byte{{0x11, 0}}, DropMalformed, 0},
		"other version":            {[][]byte{edit(all[0], func(f []byte) { f[0] = 0x21 })}, DropMalformed, 0},
		"cut":                      {[][]byte{all[0][:500]}, DropMalformed, 0},
		"empty":                    {[][]byte{edit(all[0][:8], func(f []byte) { f[6], f[7] = 0, 0 })}, DropMalformed, 0},
		"twice":                    {[][]byte{all[0], all[0]}, DropDuplicate, 1},
		"last one twice":           {[][]byte{all[2], all[2]}, DropDuplicate, 1},
		"overlap":                  {[][]byte{all[1], edit(all[1], func(f []byte) { f[9]++ })}, DropConflict, 0},
		"last and not last":        {[][]byte{all[1], last(all[1])}, DropConflict, 0},
		"two last ones":            {[][]byte{all[2], last(all[1])}, DropConflict, 0},
		"behind the last one":      {[][]byte{all[2], numbered(all[1], 5)}, DropConflict, 0},
		"last before another":      {[][]byte{numbered(all[1], 5), all[2]}, DropConflict, 0},
		"none is the last of all":  {[][]byte{numbered(all[1], 127)}, DropTooLong, 0},
		"together too long":        {[][]byte{all[0], huge}, DropTooLong, 0},
		"too long by a last one":   {[][]byte{huge, all[2]}, DropTooLong, 0},
		"two transactions, no mix": {[][]byte{all[0], edit(all[1], func(f []byte) { f[5]++ }), all[1], all[1]}, DropDuplicate, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReassembler(limits)
			for i, f := range test.octets {
				got, reason := r.Add(start, peerA, f)
				if want := test.want; got != nil || reason != want && i == len(test.octets)-1 || reason != "" && i < len(test.octets)-1 {
					t.Fatalf("%d: %d octets, %q", i, len(got), reason)
				}
			}
			if held, _ := r.Held(); held != test.held || r.Dropped()[test.want] != 1 || len(r.Dropped()) != 1 {
				t.Errorf("%d held, dropped %v", held, r.Dropped())
			}
			r.Expire(start.Add(limits.Timeout))
			wantEmpty(t, r)
		})
	}
}

func TestIncompleteMessagesEnd(t *testing.T) {
	r := NewReassembler(limits)
	first, second := fragments(t, longMessage(t, 1, 3000), 1008), fragments(t, longMessage(t, 2, 3000), 1008)
	r.Add(start, peerA, first[0])
	r.Add(start.Add(time.Millisecond), peerA, second[0])
	if deadline, waiting := r.NextDeadline(); !waiting || deadline != start.Add(limits.Timeout) {
		t.Errorf("deadline %v, %v", deadline, waiting)
	}
	r.Add(start.Add(limits.Timeout-1), peerA, first[1]) // does not put it off
	if r.Expire(start.Add(limits.Timeout - 1)); len(r.partial) != 2 {
		t.Errorf("%d are held", len(r.partial))
	}
	if got, reason := r.Add(start.Add(limits.Timeout), peerA, first[2]); got != nil || reason != "" || r.Dropped()[DropTimeout] != 1 {
		t.Errorf("%d octets, %q, dropped %v", len(got), reason, r.Dropped())
	}
	r.Expire(start.Add(time.Hour))
	wantEmpty(t, r)
	if d := cmp.Diff(map[DropReason]uint64{DropTimeout: 3}, r.Dropped()); d != "" {
		t.Error(d)
	}
}

// TestAPeerDisplacesItsOwn: a peer that begins messages without end gives up its own oldest ones, and no other's.
func TestAPeerDisplacesItsOwn(t *testing.T) {
	r := NewReassembler(limits)
	victim := fragments(t, longMessage(t, 1, 3000), 1008)
	other := netip.MustParseAddrPort("192.0.2.1:4551")
	r.Add(start, other, victim[0])
	for i := range 1000 {
		r.Add(start, peerA, fragments(t, longMessage(t, uint16(i), 3000), 1008)[0])
		if held := r.peers[peerA].octets; held > limits.OctetsPerPeer {
			t.Fatalf("%d octets are held of one peer", held)
		}
	}
	r.Add(start, other, victim[1])
	if got, _ := r.Add(start, other, victim[2]); got == nil {
		t.Error("another peer's message went")
	}
	if n := r.Dropped()[DropPeerFull]; n < 900 || len(r.Dropped()) != 1 {
		t.Errorf("dropped %v", r.Dropped())
	}
}

// TestThousandPeers: together they are bounded too; the oldest goes.
func TestThousandPeers(t *testing.T) {
	r := NewReassembler(limits)
	f := fragments(t, longMessage(t, 1, 3000), 1008)
	for i := range 1000 {
		peer := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), 4551)
		r.Add(start, peer, f[0])
		if _, held := r.Held(); held > limits.Octets || len(r.peers) > 250 {
			t.Fatalf("%d octets of %d peers are held", held, len(r.peers))
		}
	}
	if n := r.Dropped()[DropFull]; n < 800 || len(r.Dropped()) != 1 {
		t.Errorf("dropped %v", r.Dropped())
	}
	tight := NewReassembler(ReassemblyLimits{Timeout: time.Second, OctetsPerPeer: 1000, Octets: 1000})
	if got, reason := tight.Add(start, peerA, f[0]); got != nil || reason != DropPeerFull {
		t.Errorf("%d octets, %q", len(got), reason)
	}
	wantEmpty(t, tight)
}

// TestReassemblyProperty: whatever comes in whatever order, a message that comes out is one that went in, what is held is what the
// books say, and everything ends.
func TestReassemblyProperty(t *testing.T) {
	var sent [][]byte
	var parts [][]byte
	for i := range 4 {
		sent = append(sent, longMessage(t, uint16(i%2), 2000+500*i)) // two have one transaction
		parts = append(parts, fragments(t, sent[i], 700)...)
	}
	rapid.Check(t, func(t *rapid.T) {
		r, now := NewReassembler(ReassemblyLimits{Timeout: time.Second, OctetsPerPeer: 4000, Octets: 6000}), start
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "ms")) * time.Millisecond)
			peer := netip.AddrPortFrom(peerA.Addr(), uint16(rapid.IntRange(1, 3).Draw(t, "peer")))
			part := rapid.SampledFrom(parts).Draw(t, "part")
			if got, _ := r.Add(now, peer, part); got != nil && binary.BigEndian.Uint16(got[6:]) != uint16(len(got)-8) {
				t.Fatalf("%d octets came out with the length %d", len(got), binary.BigEndian.Uint16(got[6:]))
			}
			wantBooks(t, r)
		}
		r.Expire(now.Add(time.Second))
		wantEmpty(t, r)
	})
}

func wantBooks(t interface {
	Helper()
	Fatalf(string, ...any)
}, r *Reassembler) {
	t.Helper()
	all, peers := 0, map[netip.AddrPort]int{}
	for _, p := range r.partial {
		cost := messageOverhead
		for _, f := range p.fragments {
			cost += fragmentOverhead + len(f)
		}
		if cost != p.cost {
			t.Fatalf("%d octets are booked as %d", cost, p.cost)
		}
		all += cost
		peers[p.key.peer] += cost
	}
	for peer, share := range r.peers {
		if share.octets != peers[peer] || share.octets > r.limits.OctetsPerPeer || share.octets == 0 {
			t.Fatalf("peer %v has %d octets, booked as %d", peer, peers[peer], share.octets)
		}
	}
	if all != r.octets || all > r.limits.Octets || len(peers) != len(r.peers) || r.oldest.Len() != len(r.partial) {
		t.Fatalf("%d octets of %d peers are booked as %d of %d", all, len(peers), r.octets, len(r.peers))
	}
}
