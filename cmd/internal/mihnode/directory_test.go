package mihnode

import (
	"net/netip"
	"slices"
	"testing"

	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/transport"
)

// TestWhoIsLetIn: peers, over both transports; others with few datagrams, and with no connection.
func TestWhoIsLetIn(t *testing.T) {
	n, err := Open(configFor(&bench{t: t}, "mag", mag6, []configs.MIHPeer{peer("ap", ap6, unnamed)}, func(*Config) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	found, stranger := netip.MustParseAddr("2001:db8:f0::31"), netip.MustParseAddr("2001:db8:bad::1")
	if n.admit(transport.TCP, found) {
		t.Error("a stranger's connection is let in")
	}
	n.directory.replace([]configs.MIHPeer{peer("found", found, unnamed)})
	let := 0
	for range 10 * strangersBurst {
		if n.admit(transport.UDP, stranger) {
			let++
		}
	}
	if let < strangersBurst || let > 2*strangersBurst {
		t.Errorf("%d datagrams of a stranger are let in", let)
	}
	for _, a := range []netip.Addr{ap6, found} {
		if !n.admit(transport.UDP, a) || !n.admit(transport.TCP, a) {
			t.Errorf("%v is not let in", a)
		}
	}
}

func TestWhoAPeerTurnsOutToBe(t *testing.T) {
	d := newDirectory([]configs.MIHPeer{peer("ap", ap6), peer("info", ap4, unnamed)})
	one, two := peer("one", netip.MustParseAddr("2001:db8::1"), unnamed), peer("two", netip.MustParseAddr("2001:db8::2"), unnamed)
	d.replace([]configs.MIHPeer{one, two})
	number := map[string]uint64{}
	for _, e := range d.all() {
		number[e.Name] = e.number
	}
	for _, c := range []struct {
		name string
		id   mih.MIHFID
		want answer
	}{
		{"ap", "ap", known}, {"ap", "other", taken}, {"info", "ap", taken}, {"info", "mag", taken}, {"info", "info", named}, {"info", "info", known},
		{"one", "one", named}, {"two", "one", same}, {"two", "info", same}, {"two", "mag", same}, {"nobody", "x", known},
	} {
		if _, got := d.answered(number[c.name], c.id, "mag"); got != c.want {
			t.Errorf("%s says that it is %s: %d, want %d", c.name, c.id, got, c.want)
		}
	}
	if gone := d.replace([]configs.MIHPeer{two}); !slices.Equal(gone, []mih.MIHFID{"one"}) || d.has(number["one"]) {
		t.Errorf("gone are %v", gone)
	}
	two.TCP = true
	if gone := d.replace([]configs.MIHPeer{two}); len(gone) != 0 || len(d.all()) != 3 || d.has(number["two"]) { // another way to it is another peer
		t.Errorf("gone are %v, there are %+v", gone, d.all())
	}
}

// TestWhoWasFoundIsAskedAFewTimes, until it is found again; who is configured is asked for ever.
func TestWhoWasFoundIsAskedAFewTimes(t *testing.T) {
	d := newDirectory([]configs.MIHPeer{peer("ap", ap6)})
	found := []configs.MIHPeer{peer("found", mag6, unnamed)}
	if d.grown() {
		t.Error("somebody was found")
	}
	d.replace(found)
	if !d.grown() || d.grown() {
		t.Error("nobody was found, or somebody for ever")
	}
	for range 2 {
		asked := 0
		for range 10 * maximumAsks {
			asked += len(d.unanswered())
		}
		if asked != 11*maximumAsks {
			t.Errorf("both are asked %d times", asked)
		}
		d.replace(found)
	}
}
