//go:build packages

package packaging

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// confinement: what runs has the capabilities of its unit and no other, and nothing of it warns that something could not be done.
func (s *site) confinement(t *testing.T) {
	for _, of := range []struct{ host, daemon, capabilities string }{
		{"lma", "lmad", "cap_net_admin,cap_net_raw,cap_bpf"},
		{"mag2", "magd", "cap_net_bind_service,cap_net_admin,cap_net_raw,cap_bpf"},
	} {
		c := s.containers[of.host]
		c.confined(t, of.daemon, of.capabilities)
		await(t, of.host+" has no warnings", func() error {
			status, err := c.try("netlmmctl status")
			if err == nil && strings.Contains(status, "WARNING") {
				err = errors.New(status)
			}
			return err
		})
		c.run(t, "test -w /etc/netlmm && systemd-analyze security --threshold=30 netlmm-"+of.daemon) // 2.2 of 10, of 0 for nothing
	}
}

// reload: a gateway reads its profiles again, or says that there are none, and goes on.
func (s *site) reload(t *testing.T) {
	c := s.containers["mag2"]
	before := c.run(t, "systemctl show -P MainPID netlmm-magd")
	c.run(t, "systemctl reload netlmm-magd")
	await(t, "magd reads its profiles again", func() error {
		log, err := c.try("journalctl -u netlmm-magd -o cat --no-pager")
		if err == nil && !strings.Contains(log, "there is no policy.profiles_file to read again") {
			err = errors.New(log)
		}
		return err
	})
	if after := c.run(t, "systemctl show -P MainPID netlmm-magd"); after != before {
		t.Errorf("process %s became %s", before, after)
	}
}

// confined looks at a daemon's process.
func (c *container) confined(t *testing.T, daemon, capabilities string) {
	t.Helper()
	status := c.run(t, "cat /proc/$(systemctl show -P MainPID netlmm-"+daemon+")/status")
	var effective string
	for line := range strings.Lines(status) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), ":\t"); key == "CapEff" {
			effective = value
		} else if key == "NoNewPrivs" && value != "1" || key == "Seccomp" && value != "2" {
			t.Errorf("%s: %s", daemon, line)
		}
	}
	if got, want := effective, fmt.Sprintf("%016x", capabilityBits(capabilities)); got != want {
		t.Errorf("%s has the capabilities %s, want %s (%s)", daemon, got, want, capabilities)
	}
}

// capabilityBits are the bits of capability names, of those that the units have.
func capabilityBits(names string) (bits uint64) {
	number := map[string]int{"cap_net_bind_service": 10, "cap_net_admin": 12, "cap_net_raw": 13, "cap_bpf": 39}
	for name := range strings.SplitSeq(names, ",") {
		bits |= 1 << number[name]
	}
	return bits
}

// leastCapabilities: without any of its capabilities a daemon does not start, or says what it lacks. (Without that for low ports only
// configurations with syslog or a DHCP relay would not.)
func (s *site) leastCapabilities(t *testing.T) {
	for host, daemon := range map[string]string{"lma": "lmad", "mag2": "magd"} {
		c, unit := s.containers[host], "netlmm-"+daemon
		all := []string{"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_BPF"}
		for i, without := range all {
			rest := strings.Join(slices.Delete(slices.Clone(all), i, i+1), " ")
			c.write(t, "/run/systemd/system/"+unit+".service.d/less.conf", "[Service]\nRestart=no\nCapabilityBoundingSet=\nCapabilityBoundingSet="+rest+"\n")
			_, err := c.try("systemctl daemon-reload && systemctl restart " + unit)
			if err != nil {
				continue
			}
			if status := c.run(t, "netlmmctl status"); !strings.Contains(status, "not permitted") {
				t.Errorf("%s does without %s:\n%s", daemon, without, status)
			}
		}
		c.run(t, "rm -r /run/systemd/system/"+unit+".service.d && systemctl daemon-reload && systemctl reset-failed "+unit+"; systemctl restart "+unit)
	}
}

// watchdog: a daemon that hangs is killed and started again.
func (s *site) watchdog(t *testing.T) {
	c := s.containers["mag2"]
	c.write(t, "/run/systemd/system/netlmm-magd.service.d/hasty.conf", "[Service]\nWatchdogSec=3s\n")
	c.run(t, "systemctl daemon-reload && systemctl restart netlmm-magd")
	before := c.run(t, "systemctl show -P NRestarts netlmm-magd")
	c.run(t, "systemctl kill -s STOP netlmm-magd")
	await(t, "a magd that hangs is started again", func() error {
		out, err := c.try("systemctl show -P NRestarts -P ActiveState netlmm-magd")
		if err == nil && (out == before+"active\n" || !strings.Contains(out, "active\n") || strings.Contains(out, "inactive")) {
			err = fmt.Errorf("restarts and state: %q, before: %q", out, before)
		}
		return err
	})
	if log := c.run(t, "journalctl -u netlmm-magd -o cat --no-pager"); !strings.Contains(log, "Watchdog timeout") {
		t.Errorf("it was not the watchdog:\n%s", log)
	}
	c.run(t, "rm -r /run/systemd/system/netlmm-magd.service.d && systemctl daemon-reload && systemctl restart netlmm-magd")
}

// accessPoint: what was mag1 becomes an access point with mihd, of which mag2 hears over 802.21. It starts with no configuration and
// with a wrong one, which systemd and the journal say, and do not try again.
func (s *site) accessPoint(t *testing.T) {
	ap, gateway := s.containers["mag1"], s.containers["mag2"]
	ap.run(t, "cd /root && apt-get install -y ./netlmm-mihd_*.deb")
	if out, err := ap.try("systemctl start netlmm-mihd"); err == nil || !strings.Contains(out, "Assertion failed on job for netlmm-mihd.service") {
		t.Errorf("started without a configuration: %v\n%s", err, out)
	}
	ap.write(t, "/etc/netlmm/mihd.yaml", "mih: {lisen: []}\n")
	if _, err := ap.try("systemctl start netlmm-mihd"); err == nil {
		t.Error("started with a wrong configuration")
	}
	if got := ap.run(t, "systemctl show -P NRestarts -P ExecMainStatus netlmm-mihd"); got != "0\n78\n" && got != "78\n0\n" {
		t.Errorf("restarts and status of a wrong configuration: %q", got)
	}
	if log := ap.run(t, "journalctl -u netlmm-mihd -o cat --no-pager"); !strings.Contains(log, "lisen") {
		t.Errorf("the journal does not say what is wrong:\n%s", log)
	}
	ap.write(t, "/etc/netlmm/mihd.yaml", `mih:
  mihf_id: ap1.example.net
  listen: ["2001:db8:f0::1"]
  peers:
    - {name: mag2, mihf_id: mag2.example.net, address: "2001:db8:f0::2"}
adapters:
  hostapd:
    - {control_socket: /run/hostapd/eth1, interface: eth1}
security:
  mode: ipsec
  peers:
    - `+secured("mag2", "2001:db8:f0::2", "mag1")+"\n")
	ap.run(t, "systemctl reset-failed netlmm-mihd; systemctl start netlmm-mihd")
	config := gateway.read(t, "/etc/netlmm/magd.yaml")
	config = strings.Replace(config, "  mode: ipsec\n", "  mode: ipsec\n  peers:\n    - "+secured("mag1", "2001:db8:f0::1", "mag2")+"\n", 1)
	gateway.write(t, "/etc/netlmm/magd.yaml", config+`mih:
  mihf_id: mag2.example.net
  peers:
    - {name: ap1, mihf_id: ap1.example.net, address: "2001:db8:f0::1", interface: eth1}
`)
	gateway.run(t, "magd --check && systemctl restart netlmm-magd")
	s.carry(t, "mag1")
	s.containers["laptop"].run(t, "wpa_cli -i eth0 reassociate")
	for _, c := range []*container{ap, gateway} {
		await(t, c.name+" knows of the station", func() error {
			links, err := c.try("netlmmctl links")
			if err == nil && !(strings.Contains(links, "mn1@example.net") && (c == ap || strings.Contains(links, "ap1"))) {
				status, _ := c.try("netlmmctl status; netlmmctl mih")
				err = errors.New(links + status)
			}
			return err
		})
	}
	ap.confined(t, "mihd", "cap_net_bind_service,cap_net_admin,cap_net_raw")
}

// secured is a peer of the control channel, in YAML.
func secured(peer, address, self string) string {
	return fmt.Sprintf(`{name: %[1]s, address: "%[2]s", identity: %[1]s.example.net, managed_by: netlmm, local_identity: %[3]s.example.net, `+
		`certificate_file: /etc/netlmm/%[3]s.crt, private_key_file: /etc/netlmm/%[3]s.key, ca_certificate_file: /etc/netlmm/ca.crt}`, peer, address, self)
}

// TestReproducible builds the packages again, elsewhere, and gets the same.
func TestReproducible(t *testing.T) {
	again := t.TempDir()
	build := exec.Command("sh", "build.sh")
	build.Env = append(os.Environ(), "OUT="+again)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found, err := filepath.Glob(again + "/*.deb")
	if err != nil || len(found) != 4 {
		t.Fatal(strconv.Itoa(len(found))+" packages", err)
	}
	for _, file := range found {
		one, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join("../out/packages", filepath.Base(file)))
		if err != nil {
			t.Fatalf("%v: run `make packages` for this commit first", err)
		}
		if !bytes.Equal(one, other) {
			t.Errorf("%s: two builds differ", filepath.Base(file))
		}
	}
}
