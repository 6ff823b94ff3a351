package main

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"netlmm/mobility/lma"
)

// fakeGuard knows one gateway, mag1.
type fakeGuard struct {
	mu       sync.Mutex
	identity string    // behind mag1
	told     time.Time // charon's last word
}

func (g *fakeGuard) Awaits(peer netip.Addr) bool { return peer == mag1 && g.Identity(peer) == "" }

func (g *fakeGuard) Identity(peer netip.Addr) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if peer != mag1 {
		return ""
	}
	return g.identity
}

func (g *fakeGuard) Told(since time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.told.After(since)
}

func (g *fakeGuard) learn(identity string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.identity, g.told = identity, time.Now()
}

func TestAdmission(t *testing.T) {
	for _, c := range []struct {
		name   string
		source netip.Addr
		when   func(a *admission, g *fakeGuard)
		posted []string // identities
		drops  []string
	}{
		{"the association stands already", mag1, func(_ *admission, g *fakeGuard) { g.learn("mag1") }, []string{"mag1"}, nil},
		{"not a gateway of ours: the core refuses it", mag2, func(*admission, *fakeGuard) {}, []string{""}, nil},
		{"charon is not reached: the gateway shall try again", mag1, func(*admission, *fakeGuard) {}, nil, []string{noSecurityAssociation}},
		{"only an old list says that none stands", mag1, func(_ *admission, g *fakeGuard) { g.learn("") }, nil, []string{noSecurityAssociation}},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, g, o := newAdmissionOf(t)
			c.when(a, g)
			time.Sleep(time.Millisecond)
			o.take(a, lma.MessageReceived{Source: c.source})
			time.Sleep(identityPatience)
			o.wantOf(t, c.name, c.posted, c.drops)
		})
	}
}

func TestAdmissionAfterCharonsWord(t *testing.T) {
	for _, c := range []struct{ name, identity string }{
		{"none stands, or another identity's: the core answers 154", ""}, {"it stands, but the word of it was lost", "mag1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, g, o := newAdmissionOf(t)
			o.take(a, lma.MessageReceived{Source: mag1})
			time.Sleep(identityPatience / 2)
			o.wantOf(t, c.name, nil, nil)
			g.learn(c.identity)
			time.Sleep(identityPatience)
			o.wantOf(t, c.name, []string{c.identity}, nil)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		a, g, o := newAdmissionOf(t)
		o.take(a, lma.MessageReceived{Source: mag1})
		g.learn("mag1")
		a.changed(mag1, true)
		o.wantOf(t, "it comes to stand: at once", []string{"mag1"}, nil)
	})
}

// fates records what becomes of messages: their identity, or the reason why they were dropped.
type fates struct {
	mu            sync.Mutex
	posted, drops []string
	post          func(lma.MessageReceived)
}

func newAdmissionOf(t *testing.T) (*admission, *fakeGuard, *fates) {
	t.Helper()
	o, g := &fates{}, &fakeGuard{}
	post := func(m lma.MessageReceived) bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.posted = append(o.posted, m.PeerIdentity)
		return true
	}
	o.post = func(m lma.MessageReceived) { post(m) }
	a := newAdmission(post, func(reason string) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.drops = append(o.drops, reason)
	})
	a.associations = g
	return a, g, o
}

func (o *fates) wantOf(t *testing.T, what string, posted, drops []string) {
	t.Helper()
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Equal(o.posted, posted) || !slices.Equal(o.drops, drops) {
		t.Errorf("%s: posted %q, dropped %q; want %q and %q", what, o.posted, o.drops, posted, drops)
	}
}

// take gives a message to the admission and records it if that lets it through at once.
func (o *fates) take(a *admission, m lma.MessageReceived) {
	if m, admitted := a.take(m); admitted {
		o.post(m)
	}
}
