package transport

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

func TestThereAndBack(t *testing.T) {
	eachWay(t, func(t *testing.T, fam family, protocol Protocol) {
		a, b := listen(t, fam.a), listen(t, fam.b)
		received := collect(t, a)
		echo(t, b)
		for i, length := range []int{8, 24, 100, 1200, 9000, 40000} {
			sent := message(length, byte(i))
			before := time.Now()
			mustSend(t, a, to(fam.b, protocol), sent)
			p := next(t, received)
			if !bytes.Equal(p.Payload, sent) || p.From != at(fam.b) || p.To != fam.a || p.Protocol != protocol {
				t.Errorf("%d octets back of %d from %s to %s over %s", len(p.Payload), length, p.From, p.To, p.Protocol)
			}
			if p.ReceivedAt.Before(before.Add(-time.Second)) || p.ReceivedAt.After(time.Now().Add(time.Second)) {
				t.Errorf("received at %v", p.ReceivedAt)
			}
		}
		eventually(t, "6 sent and 6 received", func() bool {
			got := a.Status().Counters
			return got.Received[protocol.String()] == 6 && got.Sent[protocol.String()] == 6
		})
	})
}

// TestTheLongestMessage needs TCP: it fits into no datagram.
func TestTheLongestMessage(t *testing.T) {
	a, b := listen(t, a6), listen(t, b6)
	received := collect(t, a)
	echo(t, b)
	longest := message(MaximumMessage, 7)
	if got := reasonIn(t, a.Send(to(b6, UDP), longest)); got != TooBig {
		t.Errorf("over UDP: %q", got)
	}
	mustSend(t, a, to(b6, TCP), longest)
	if p := next(t, received); !bytes.Equal(p.Payload, longest) {
		t.Errorf("%d octets back", len(p.Payload))
	}
}

func TestEveryAddress(t *testing.T) {
	everywhere := open(t, Config{})
	echo(t, everywhere)
	eachWay(t, func(t *testing.T, fam family, protocol Protocol) {
		peer := open(t, Config{Addresses: []netip.Addr{fam.b}, Port: 4552})
		received := collect(t, peer)
		mustSend(t, peer, to(fam.a, protocol), message(50, 1))
		if p := next(t, received); p.From != at(fam.a) || p.To != fam.b {
			t.Errorf("answer from %s to %s", p.From, p.To)
		}
	})
}

func TestSeveralAddresses(t *testing.T) {
	several := listen(t, a6, b6, a4)
	received := collect(t, several)
	other := listen(t, b4)
	echo(t, other)
	for _, test := range []struct {
		from netip.Addr
		to   netip.Addr
	}{{a6, b6}, {b6, a6}, {netip.Addr{}, b6}} {
		d := to(test.to, UDP)
		d.Source = test.from
		mustSend(t, several, d, message(20, 3))
		want := test.from
		if !want.IsValid() {
			want = a6
		}
		if p := next(t, received); p.From != at(want) || p.To != test.to {
			t.Errorf("from %s to %s, want %s to %s", p.From, p.To, want, test.to)
		}
	}
	mustSend(t, several, to(b4, UDP), message(20, 4))
	if p := next(t, received); p.From != at(b4) || p.To != a4 {
		t.Errorf("from %s to %s", p.From, p.To)
	}
}

func TestWhatCannotBeSent(t *testing.T) {
	c := listen(t, a6)
	collect(t, c)
	ok := message(20, 1)
	for _, test := range []struct {
		name string
		to   Destination
		what []byte
		want SendReason
	}{
		{"no address", Destination{}, ok, InvalidDestination},
		{"port 0", Destination{Addr: netip.AddrPortFrom(b6, 0)}, ok, InvalidDestination},
		{"other family", to(b4, UDP), ok, InvalidDestination},
		{"other family over TCP", to(b4, TCP), ok, InvalidDestination},
		{"unknown protocol", to(b6, 7), ok, InvalidDestination},
		{"unspecified", to(netip.IPv6Unspecified(), UDP), ok, InvalidDestination},
		{"link-local without a link", to(netip.MustParseAddr("fe80::1"), UDP), ok, InvalidDestination},
		{"foreign source", Destination{Addr: at(b6), Source: b6}, ok, InvalidDestination},
		{"multicast over TCP", to(netip.MustParseAddr("ff05::1"), TCP), ok, InvalidDestination},
		{"no message over TCP", to(b6, TCP), []byte("hello"), InvalidMessage},
		{"wrong length over TCP", to(b6, TCP), ok[:19], InvalidMessage},
		{"no route", to(netip.MustParseAddr("2001:db8:ffff::1"), UDP), ok, Unreachable},
	} {
		err := c.Send(test.to, test.what)
		if got := reasonIn(t, err); got != test.want {
			t.Errorf("%s: %q (%v), want %q", test.name, got, err, test.want)
		}
		if err != nil && !strings.Contains(err.Error(), "mih message to") {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	total := uint64(0)
	for _, n := range c.Status().Counters.SendErrors {
		total += n
	}
	if total != 12 {
		t.Errorf("%d errors counted", total)
	}
}

// TestBatches: a batch keeps its order, and one message that cannot leave does not stop the others.
func TestBatches(t *testing.T) {
	a, b := listen(t, a6), listen(t, b6)
	received := collect(t, b)
	collect(t, a)
	var batch []Outgoing
	for i := range 100 {
		d := to(b6, UDP)
		switch i % 10 {
		case 3:
			d.Protocol = TCP
		case 7:
			d.Addr = netip.AddrPort{}
		case 8:
			d.Addr = at(netip.MustParseAddr("2001:db8:ffff::1"))
		}
		batch = append(batch, Outgoing{d, message(30, byte(i))})
	}
	failed := a.SendBatch(batch)
	next100 := map[Protocol]int{UDP: -1, TCP: -1}
	for range 80 {
		p := next(t, received)
		mark := int(p.Payload[29])
		if (p.Protocol == TCP) != (mark%10 == 3) || mark <= next100[p.Protocol] {
			t.Errorf("message %d over %s after %d", mark, p.Protocol, next100[p.Protocol])
		}
		next100[p.Protocol] = mark
	}
	for i, err := range failed {
		want := map[int]SendReason{7: InvalidDestination, 8: Unreachable}[i%10]
		if got := reasonIn(t, err); got != want {
			t.Errorf("message %d: %q, want %q", i, got, want)
		}
	}
	if a.SendBatch(batch[:3]) != nil {
		t.Error("an answer for a batch that left")
	}
}

func TestStrangersAreTurnedAway(t *testing.T) {
	for _, fam := range families {
		guarded := open(t, Config{Addresses: []netip.Addr{fam.a}, Admit: func(_ Protocol, a netip.Addr) bool { return a != fam.b }})
		received := collect(t, guarded)
		stranger := listen(t, fam.b)
		collect(t, stranger)
		for _, protocol := range []Protocol{UDP, TCP} {
			mustSend(t, stranger, to(fam.a, protocol), message(20, 1))
		}
		eventually(t, "both are refused", func() bool { return guarded.Status().Counters.Refused["not_admitted"] >= 2 })
		mustSend(t, guarded, to(fam.a, UDP), message(20, 2))
		if p := next(t, received); p.From.Addr() != fam.a {
			t.Errorf("a message of %s", p.From)
		}
	}
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	for _, bad := range []Config{
		{Addresses: []netip.Addr{{}}},
		{Addresses: []netip.Addr{netip.MustParseAddr("ff02::1")}},
		{Addresses: []netip.Addr{netip.MustParseAddr("fe80::1")}},
		{Addresses: []netip.Addr{netip.MustParseAddr("::ffff:1.2.3.4")}},
		{Addresses: []netip.Addr{a6, a6}},
		{Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::dead")}},
		{Groups: []Group{{Address: a6, Interface: "lo"}}},
		{Groups: []Group{{Address: netip.MustParseAddr("ff02::1:1"), Interface: "nosuch"}}},
	} {
		if c, err := Open(bad); err == nil {
			t.Errorf("%+v opens", bad)
			c.Close()
		} else {
			t.Log(err)
		}
	}
	first := listen(t, a6)
	if c, err := Open(Config{Addresses: []netip.Addr{a6}}); err == nil {
		t.Error("two have the same port")
		c.Close()
	}
	first.Close()
	listen(t, a6)
}

func TestRunEnds(t *testing.T) {
	c := listen(t, a6)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	for range 2 { // it can run again
		go func() { done <- c.Run(ctx, func([]Packet) {}) }()
		eventually(t, "Run runs", func() bool { return c.hub.Load() != nil })
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the context has ended: %v", err)
		}
		ctx, cancel = context.WithCancel(context.Background())
	}
	defer cancel()
	if got := reasonIn(t, c.Send(to(a6, TCP), message(20, 1))); got != NotRunning {
		t.Errorf("TCP outside of Run: %q", got)
	}
	go func() { done <- c.Run(ctx, func([]Packet) {}) }()
	eventually(t, "Run runs", func() bool { return c.hub.Load() != nil })
	if err := c.Run(ctx, func([]Packet) {}); err == nil || errors.Is(err, os.ErrClosed) {
		t.Errorf("a second Run: %v", err)
	}
	c.Close()
	if err := <-done; !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if err := c.Run(ctx, func([]Packet) {}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed before: %v", err)
	}
}

func TestGroups(t *testing.T) {
	for _, test := range []struct {
		name      string
		addresses []netip.Addr
		group     string
	}{
		{"IPv6, an address", []netip.Addr{b6}, "ff02::1234"},
		{"IPv6, wider", []netip.Addr{b6}, "ff05::1234"},
		{"IPv6, every address", nil, "ff02::1235"},
		{"IPv4, an address", []netip.Addr{l4}, "224.0.0.123"},
		{"IPv4, every address", nil, "224.0.0.124"},
	} {
		t.Run(test.name, func(t *testing.T) {
			group := netip.MustParseAddr(test.group)
			member := open(t, Config{Addresses: test.addresses, Groups: []Group{{group, "link0"}}})
			received := collect(t, member)
			sender := open(t, Config{Addresses: []netip.Addr{a6, l4}, Port: 4552})
			answers := collect(t, sender)
			d := to(group, UDP)
			if group.IsLinkLocalMulticast() && group.Is6() {
				d.Addr = at(group.WithZone("link0"))
			}
			mustSend(t, sender, d, message(20, 1))
			p := next(t, received)
			if p.To != group {
				t.Errorf("to %s", p.To)
			}
			mustSend(t, member, p.Reply(), message(20, 2))
			if answer := next(t, answers); answer.From.Addr().IsMulticast() || answer.From.Port() != Port {
				t.Errorf("answer from %s", answer.From)
			}
		})
	}
}
