package vici_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"netlmm/security"
	"netlmm/security/vici"
)

// pki runs strongSwan's pki and stores what it prints.
func pki(t *testing.T, into string, args ...string) string {
	t.Helper()
	cmd := exec.Command("pki", args...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pki %v: %v %s", args, err, complaints.String())
	}
	if err := os.WriteFile(into, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return into
}

// issue makes a key for both ends and certificates of one authority.
func issue(t *testing.T, ends ...*end) {
	t.Helper()
	dir := t.TempDir() + "/"
	newKey := func(name string) string {
		return pki(t, dir+name+".key", "--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem")
	}
	caKey := newKey("ca")
	ca := pki(t, dir+"ca.crt", "--self", "--ca", "--type", "ecdsa", "--in", caKey, "--dn", "O=netlmm, CN=authority", "--outform", "pem")
	for _, e := range ends {
		key := newKey(e.name)
		public := pki(t, dir+e.name+".pub", "--pub", "--type", "ecdsa", "--in", key)
		e.creds = vici.ConnectionConfig{Auth: vici.AuthPubkey, KeyFile: key, CAFile: ca, LocalID: e.name + ".example.net"}
		e.creds.CertFile = pki(t, dir+e.name+".crt", "--issue", "--cacert", ca, "--cakey", caKey, "--in", public,
			"--dn", "O=netlmm, CN="+e.name+".example.net", "--san", e.name+".example.net", "--outform", "pem")
	}
}

func TestNetlmmLoadsCertificate(t *testing.T) {
	a, b := newPair(t)
	issue(t, a, b)
	for _, e := range []*end{a, b} {
		peer := e.peer(security.ByNetlmm, e.name == "a")
		peer.Identity += ".example.net"
		e.startCharon()
		e.startDaemon(peer)
	}
	a.awaitState("up")
	b.awaitState("up")
	if s := b.status(); s.Identity != "a.example.net" {
		t.Errorf("status %+v", s)
	}
}

// A certificate of the same authority, but of somebody else: charon itself refuses the identity.
func TestCertificateOfSomebodyElse(t *testing.T) {
	a, b := newPair(t)
	issue(t, a, b)
	for _, e := range []*end{a, b} {
		peer := e.peer(security.ByNetlmm, e.name == "a")
		peer.Identity = map[string]string{"a": "b.example.net", "b": "somebody.example.net"}[e.name]
		e.startCharon()
		e.startDaemon(peer)
	}
	a.awaitError("AUTHENTICATION_FAILED")
	if len(a.changed()) != 0 || len(b.changed()) != 0 {
		t.Fatalf("an SA stands: %v %v", a.changed(), b.changed())
	}
}

func TestMissingCredentialFile(t *testing.T) {
	a, _ := newPair(t)
	a.creds = vici.ConnectionConfig{Auth: vici.AuthPubkey, CertFile: "/nonexistent/magd.crt"}
	a.startCharon()
	a.startDaemon(a.peer(security.ByNetlmm, true))
	a.awaitError("/nonexistent/magd.crt")
}

// swanctlConf is what an operator writes.
func (e *end) swanctlConf(connection, child string) {
	e.swanctlConfFor(connection, child, true)
}

// swanctlConfFor writes it with the selectors for MIH, or with those for Mobility Headers alone.
func (e *end) swanctlConfFor(connection, child string, withMIH bool) {
	far := e.peer(security.BySwanctl, true).Identity
	mode, protocol, length := "transport", "135", 128
	if e.libipsec {
		mode, protocol = "tunnel", "59"
	}
	if e.self.Is4() {
		protocol, length = "udp/5436", 32
	}
	protocols := []string{protocol}
	if withMIH {
		protocols = append(protocols, "udp/4551", "tcp")
	}
	selectors := func(a netip.Addr) string {
		var list []string
		for _, p := range protocols {
			list = append(list, fmt.Sprintf("%s/%d[%s]", a, length, p))
		}
		return strings.Join(list, ", ")
	}
	e.write("swanctl.conf", fmt.Sprintf(`connections {
  %[1]s {
    version = 2
    local_addrs = %[3]s
    remote_addrs = %[4]s
    mobike = no
    reauth_time = 0
    unique = replace
    local { auth = psk
      id = %[5]s }
    remote { auth = psk
      id = %[6]s }
    children {
      other { local_ts = 2001:db8:ffff::/64
        remote_ts = 2001:db8:fffe::/64 }
      %[2]s { mode = %[8]s
        local_ts = %[9]s
        remote_ts = %[10]s }
    }
  }
}
secrets { ike-core { secret = "%[7]s" } }
`, connection, child, e.self, e.far, e.name, far, sharedSecret, mode, selectors(e.self), selectors(e.far)))
}

func TestSwanctlManagesConnection(t *testing.T) {
	for _, named := range []bool{true, false} {
		t.Run(fmt.Sprintf("named=%v", named), func(t *testing.T) {
			a, b := newPair(t)
			for _, e := range []*end{a, b} {
				peer := e.peer(security.BySwanctl, e.name == "a")
				if named {
					peer.Connection, peer.Child = "core", "signalling"
				}
				e.startCharon()
				e.startDaemon(peer)
			}
			a.awaitError("run swanctl --load-all")
			if got := a.status(); got.Attempts != 0 || got.State != "waiting" {
				t.Errorf("status %+v", got)
			}
			for _, e := range []*end{b, a} {
				e.swanctlConf("core", "signalling")
				e.swanctl("--load-all")
			}
			a.awaitState("up")
			b.awaitState("up")
			if named {
				return
			}
			b.killCharon() // charon-systemd's unit loads the configuration after a restart; here it is us
			b.startCharon()
			await(t, "charon answers", func() bool { _, err := b.client.Version(context.Background()); return err == nil }, func() any { return b.status() })
			b.swanctl("--load-all")
			awaitAgreement(t, a, b)
		})
	}
}

// An SA that the peer's identity does not match does not count, whatever its selectors.
func TestOtherIdentityDoesNotStand(t *testing.T) {
	a, b := newPair(t)
	for _, e := range []*end{a, b} {
		peer := e.peer(security.BySwanctl, e.name == "a")
		if e.name == "b" {
			peer.Identity = "mag7"
		}
		e.startCharon()
		e.swanctlConfWhenUp("core", "signalling")
		e.startDaemon(peer)
	}
	a.awaitState("up")
	b.awaitError(`expected is "mag7"`)
	if len(b.changed()) != 0 {
		t.Errorf("changes %v", b.changed())
	}
}

// swanctlConfWhenUp loads the configuration as soon as charon listens.
func (e *end) swanctlConfWhenUp(connection, child string) {
	e.t.Helper()
	e.swanctlConf(connection, child)
	await(e.t, "the socket of charon", func() bool {
		c, err := net.Dial("unix", e.path("charon.vici")) // after a kill -9 the file of the last one is still there
		if err != nil {
			return false
		}
		return c.Close() == nil
	}, func() any { return e.dir })
	e.swanctl("--load-all")
}

// The far charon dies for good: dead peer detection takes the SA down here.
func TestDeadPeerIsDetected(t *testing.T) {
	a, b := upWithPSK(t)
	b.killCharon()
	await(t, "a is no longer up", func() bool { return a.status().State != "up" }, func() any { return a.status() })
}

func TestCommandsWithoutCharon(t *testing.T) {
	client := vici.New(vici.Config{Socket: t.TempDir() + "/charon.vici"})
	if _, err := client.SAs(context.Background()); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "is strongSwan running") {
		t.Errorf("error %v", err)
	}
}

func TestSecretNeverPrints(t *testing.T) {
	config := vici.ConnectionConfig{PSK: vici.NewSecret("hush")}
	text, _ := config.PSK.MarshalText()
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("load", "psk", config.PSK, "config", config)
	for _, shown := range []string{fmt.Sprint(config), fmt.Sprintf("%+v %#v %s %q", config, config, config.PSK, config.PSK), string(text), log.String()} {
		if strings.Contains(shown, "hush") {
			t.Errorf("secret shown in %s", shown)
		}
	}
}
