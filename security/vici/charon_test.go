package vici_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"netlmm/security"
	"netlmm/security/vici"
)

// everything is what the SAs of netlmm cover.
const everything = security.MobilityHeaders | security.MIH

const sharedSecret = "correct horse battery staple"

func psk(e *end, secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.creds.Auth, e.creds.PSK = vici.AuthPSK, vici.NewSecret(secret)
}

// upWithPSK is the state most tests begin with: a (a MAG) initiated, b (an LMA) answered, both loaded by netlmm.
func upWithPSK(t *testing.T) (a, b *end) {
	a, b = newPair(t)
	for _, e := range []*end{a, b} {
		psk(e, sharedSecret)
		e.startCharon()
		e.startDaemon(e.peer(security.ByNetlmm, e.name == "a"))
	}
	a.awaitState("up")
	b.awaitState("up")
	return a, b
}

func TestNetlmmLoadsPreSharedKey(t *testing.T) {
	a, b := upWithPSK(t)
	ctx := context.Background()
	wantPlugin, wantMode := vici.KernelNetlink, "TRANSPORT" // what RFC 5213 section 4 asks for
	if a.libipsec {
		wantPlugin, wantMode = vici.KernelLibipsec, "TUNNEL"
	}
	if plugin, err := a.client.KernelPlugin(ctx); err != nil || plugin != wantPlugin {
		t.Errorf("kernel plugin %q, %v", plugin, err)
	}
	if version, err := a.client.Version(ctx); err != nil || !strings.HasPrefix(version, "charon-systemd ") {
		t.Errorf("version %q, %v", version, err)
	}
	sas, err := a.client.SAs(ctx)
	if err != nil || len(sas) == 0 {
		t.Fatalf("SAs %v, %v", sas, err)
	}
	sa := sas[0]
	if sa.Mode != wantMode || sa.Encapsulated != a.libipsec || sa.Algorithm != "AES_GCM_16-128" || sa.RemoteIdentity != "b" ||
		sa.LocalIdentity != "a" || sa.Local != addressA || sa.Remote != addressB || sa.Covers != everything || sa.SPIIn == "" || sa.IKEVersion != "2" {
		t.Errorf("SA %+v", sa)
	}
	if s := b.status(); s.Identity != "a" || s.Mode != wantMode || s.Algorithm != "AES_GCM_16-128" || s.Since.IsZero() || s.Covers != everything.String() {
		t.Errorf("status %+v", s)
	}
}

func TestRekeyKeepsPeerUp(t *testing.T) {
	a, b := upWithPSK(t)
	before := map[string]int{}
	for _, e := range []*end{a, b} {
		await(t, e.name+" has been told", func() bool { return len(e.changed()) > 0 }, func() any { return e.status() })
		before[e.name] = len(e.changed())
	}
	for range 3 {
		had := a.status().Rekeys
		a.swanctl("--rekey", "--child", "mh")
		await(t, "a rekeyed", func() bool { return a.status().Rekeys > had }, func() any { return a.status() })
	}
	a.swanctl("--rekey", "--ike", "to-b")
	a.client.Resync()
	b.client.Resync()
	time.Sleep(1500 * time.Millisecond) // the periodic snapshots see the same
	for _, e := range []*end{a, b} {
		if got := e.changed(); len(got) != before[e.name] || e.status().State != "up" {
			t.Errorf("%s: changes %v, status %+v: a rekey must not be seen from outside", e.name, got, e.status())
		}
	}
}

func TestWrongPreSharedKey(t *testing.T) {
	a, b := newPair(t)
	psk(a, "not the secret of the other end")
	psk(b, sharedSecret)
	for _, e := range []*end{a, b} {
		e.startCharon()
		e.startDaemon(e.peer(security.ByNetlmm, e.name == "a"))
	}
	a.awaitError("AUTHENTICATION_FAILED")
	t.Log(a.status().LastError)
	if s := fmt.Sprintf("%+v %+v %v", a.status(), a.creds, a.changed()); strings.Contains(s, "not the secret") {
		t.Errorf("a secret is shown: %s", s)
	}
	if len(a.changed()) != 0 || len(b.changed()) != 0 {
		t.Fatalf("an SA stands: %v %v", a.changed(), b.changed())
	}
	psk(a, sharedSecret)
	a.killCharon() // the corrected secret is loaded into the next charon
	a.startCharon()
	a.awaitState("up")
	b.awaitState("up")
}

func TestPeerComesLate(t *testing.T) {
	a, b := newPair(t)
	for _, e := range []*end{a, b} {
		psk(e, sharedSecret)
	}
	a.startCharon()
	a.startDaemon(a.peer(security.ByNetlmm, true))
	a.awaitError("initiate")
	b.startDaemon(b.peer(security.ByNetlmm, false)) // no charon yet
	b.awaitState("charon unreachable")
	b.startCharon()
	a.awaitState("up")
	b.awaitState("up")
	if n := a.status().Attempts; n > 40 {
		t.Errorf("%d attempts: not paced", n)
	}
}

// A MAG's charon is killed: the MAG initiates anew, the LMA takes the new SA in place of the stale one.
func TestCharonOfInitiatorKilled(t *testing.T) {
	a, b := upWithPSK(t)
	a.killCharon()
	a.awaitLoss()
	a.startCharon()
	a.awaitState("up")
	awaitAgreement(t, a, b)
}

// An LMA's charon is killed: the MAG's charon knows nothing of it; the LMA brings the SA back.
func TestCharonOfResponderKilled(t *testing.T) {
	a, b := upWithPSK(t)
	b.killCharon()
	b.awaitLoss()
	b.startCharon()
	b.awaitState("up")
	awaitAgreement(t, a, b)
}

// A MAG whose PBUs stay unanswered replaces the SA that only it believes in.
func TestSuspectReplacesSA(t *testing.T) {
	a, b := upWithPSK(t)
	before, err := a.client.SAs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	await(t, "another SA", func() bool {
		a.events <- security.Suspect{Peer: a.far}
		sas, err := a.client.SAs(context.Background())
		return err == nil && len(sas) > 0 && sas[0].IKEUniqueID != before[0].IKEUniqueID
	}, func() any { return a.status() })
	awaitAgreement(t, a, b)
}

// The same where nobody at the LMA cares: its charon comes back with the operator's configuration and waits.
func TestSuspectAfterFarCharonForgot(t *testing.T) {
	a, b := newPair(t)
	psk(a, sharedSecret)
	b.startCharon()
	b.swanctlConfWhenUp("core", "signalling")
	a.startCharon()
	a.startDaemon(a.peer(security.ByNetlmm, true))
	a.awaitState("up")
	b.killCharon()
	b.startCharon()
	b.swanctlConfWhenUp("core", "signalling")
	before := a.status().Attempts
	await(t, "a replaced the SA", func() bool {
		a.events <- security.Suspect{Peer: a.far}
		s := a.status()
		return s.State == "up" && s.Attempts > before && strings.Contains(b.swanctl("--list-sas"), "INSTALLED")
	}, func() any { return a.status() })
}

// awaitLoss: with libipsec the SA is gone with charon; the kernel's SA stays, and the loss shows beside it.
func (e *end) awaitLoss() {
	e.t.Helper()
	if e.libipsec {
		e.awaitState("charon unreachable")
		return
	}
	e.awaitError("charon is unreachable")
	if s := e.status(); s.State != "up" {
		e.t.Errorf("status %+v: the kernel's SA outlives charon", s)
	}
}

// awaitAgreement: both ends are up with the same SA, and stay so.
func awaitAgreement(t *testing.T, a, b *end) {
	t.Helper()
	spis := func(e *end) (pairs []string) {
		sas, err := e.client.SAs(context.Background())
		if err != nil {
			return []string{err.Error()}
		}
		for _, sa := range sas {
			if e.name == "a" {
				pairs = append(pairs, sa.SPIIn+"/"+sa.SPIOut)
			} else {
				pairs = append(pairs, sa.SPIOut+"/"+sa.SPIIn)
			}
		}
		return pairs
	}
	await(t, "both ends agree on the SAs", func() bool {
		one, two := spis(a), spis(b)
		if len(one) == 0 || len(one) != len(two) || a.status().State != "up" || b.status().State != "up" {
			return false
		}
		for _, pair := range one {
			if !strings.Contains(strings.Join(two, " "), pair) {
				return false
			}
		}
		return true
	}, func() any { return fmt.Sprint(spis(a), spis(b), a.status(), b.status()) })
}
