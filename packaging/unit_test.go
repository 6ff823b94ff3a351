package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestUnitsAllowEveryAdapter: magd and mihd offer the same ones, of which nd listens with a packet socket, ethernet and nl80211 ask the
// kernel by netlink, and syslog has a low port.
func TestUnitsAllowEveryAdapter(t *testing.T) {
	for _, daemon := range []string{"magd", "mihd"} {
		unit, err := os.ReadFile("netlmm-" + daemon + ".service")
		if err != nil {
			t.Fatal(err)
		}
		for key, wanted := range map[string][]string{
			"CapabilityBoundingSet":   {"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"},
			"RestrictAddressFamilies": {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"},
		} {
			var allowed []string
			for line := range strings.Lines(string(unit)) {
				if value, ok := strings.CutPrefix(line, key+"="); ok {
					allowed = append(allowed, strings.Fields(value)...)
				}
			}
			for _, w := range wanted {
				if !slices.Contains(allowed, w) {
					t.Errorf("%s's unit does not allow %s", daemon, w)
				}
			}
		}
	}
}

// TestRemovalTouchesNoKernelWithoutSystemd: in a chroot it is another machine's.
func TestRemovalTouchesNoKernelWithoutSystemd(t *testing.T) {
	script, err := os.ReadFile("prerm")
	if err != nil {
		t.Fatal(err)
	}
	here := t.TempDir()
	for _, program := range []string{"magd", "deb-systemd-invoke"} {
		if err := os.WriteFile(filepath.Join(here, program), []byte("#!/bin/sh\necho ${0##*/} \"$@\"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	local := strings.NewReplacer("/usr/sbin/@DAEMON@", here+"/magd", "@DAEMON@", "magd", "/run/systemd/system", here+"/booted").Replace(string(script))
	remove := func(what string) string {
		cmd := exec.Command("sh", "-c", local, "prerm", what)
		cmd.Env = append(os.Environ(), "PATH="+here+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
		return string(out)
	}
	if out := remove("remove"); out != "" {
		t.Errorf("without systemd: %s", out)
	}
	if err := os.Mkdir(filepath.Join(here, "booted"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out := remove("remove"); out != "deb-systemd-invoke stop netlmm-magd.service\nmagd --clean\n" {
		t.Errorf("with systemd: %s", out)
	}
	if out := remove("upgrade"); out != "" {
		t.Errorf("at an upgrade: %s", out)
	}
}
