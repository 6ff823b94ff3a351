package testbed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A broken configuration is refused with one message that lists every problem by its key, by --check and by a start.
func TestBrokenConfigurationIsRefusedWithEveryProblem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		daemon, configuration string
		problems              []string
	}{
		{"magd", `
mag:
  proxy_care_of_address: 192.0.2.1
  lifetime: 300
  lifetme: 5m
lmas:
  - name: lma
    address: fe80::1
    managed_by: somebody
access_links:
  - interface: acc0
    mtu: 1000
adapters:
  hostapd:
    - control_socket: /run/hostapd/acc0
      interface: acc7
security:
  mode: maybe
metrics:
  listen: "0.0.0.0:9521"
`, []string{"proxy_care_of_address", "mag.lifetime", "lifetme", "lmas[0].address", "lmas[0].managed_by", "access_links[0].mtu",
			"adapters.hostapd[0].interface", "security.mode", "metrics.listen"}},
		{"lmad", `
lma:
  address: not-an-address
  pools: ["2001:db8:1000::1/36"]
  prefix_length: 200
  min_delay_before_bce_delete: soon
mags:
  - name: mag1
    address: 2001:db8:f0::11
    identity: mag1.example.net
    managed_by: netlmm
    preshared_key_file: /nonexistent/psk
forwarding:
  backend: carrier-pigeon
`, []string{"lma.address", "lma.pools[0]", "prefix_length", "min_delay_before_bce_delete", "mags[0].preshared_key_file", "forwarding.backend", "security.mode"}},
	} {
		file := filepath.Join(t.TempDir(), c.daemon+".yaml")
		if err := os.WriteFile(file, []byte(c.configuration), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, arguments := range [][]string{{"--check", "--config", file}, {"--config", file}} {
			output, code := runDaemon(t, c.daemon, arguments...)
			if code == 0 {
				t.Errorf("%s %v: exit code 0", c.daemon, arguments)
			}
			for _, problem := range append(c.problems, file) {
				if !strings.Contains(output, problem) {
					t.Errorf("%s %v does not name %s:\n%s", c.daemon, arguments, problem, output)
				}
			}
			if n := strings.Count(output, file); n != 1 {
				t.Errorf("%s %v names its file %d times, want one message:\n%s", c.daemon, arguments, n, output)
			}
			if strings.Contains(output, "goroutine ") {
				t.Errorf("%s %v panics:\n%s", c.daemon, arguments, output)
			}
		}
	}
	for _, daemon := range []string{"magd", "lmad"} {
		file := filepath.Join(t.TempDir(), "missing.yaml")
		if output, code := runDaemon(t, daemon, "--check", "--config", file); code == 0 || !strings.Contains(output, file) {
			t.Errorf("%s with a missing file: exit code %d, %s", daemon, code, output)
		}
	}
}
