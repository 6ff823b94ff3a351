// Package rules holds the test of the house rules on imports (design.md section 1: who may import whom).
package rules

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// packages are those of this module, as `go list` sees them, without their tests.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "netlmm/...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func under(path string, rooms ...string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool { return path == room || strings.HasPrefix(path, room+"/") })
}

// pure are the vocabularies, codecs and cores: plain state, no operating system.
var pure = []string{
	"netlmm/mih", "netlmm/mih/wire", "netlmm/mih/mihf", "netlmm/mih/handover", "netlmm/mih/pace", "netlmm/mih/transport/mos", "netlmm/mih/internal/fifo",
	"netlmm/mih/miis",
	"netlmm/mobility", "netlmm/mobility/mh", "netlmm/mobility/lma", "netlmm/mobility/mag", "netlmm/mobility/heartbeat",
	"netlmm/mobility/forwarding", "netlmm/mobility/policy", "netlmm/mobility/policy/decision", "netlmm/security", "netlmm/security/ipsec",
	"netlmm/mobility/forwarding/tunnelerror",
	"netlmm/internal/timers",
}

var cores = []string{
	"netlmm/mih/mihf", "netlmm/mih/handover", "netlmm/mih/miis", "netlmm/mobility/lma", "netlmm/mobility/mag", "netlmm/mobility/heartbeat",
	"netlmm/mobility/policy/decision", "netlmm/security/ipsec",
}

// onlyIn says which rooms may import a library.
var onlyIn = map[string][]string{
	"github.com/spf13/viper":         {"netlmm/configs"},
	"github.com/vishvananda/netlink": {"netlmm/mobility/forwarding/kernel", "netlmm/mobility/accesslink", "netlmm/testbed", "netlmm/ap-adapters/ethernet"},
	"github.com/strongswan/govici":   {"netlmm/security/vici"},
	"github.com/google/nftables":     {"netlmm/security/filter", "netlmm/mobility/forwarding/hold", "netlmm/mobility/forwarding/kernel"},
	"github.com/florianl/go-nfqueue": {"netlmm/mobility/forwarding/hold"},
	// Daemons build frames with gopacket; they never decode what a network sends with it. netlmmctl reads captures.
	"github.com/google/gopacket": {"netlmm/mobility/accesslink", "netlmm/testbed", "netlmm/cmd/testbed", "netlmm/cmd/netlmmctl"},
	"go.etcd.io/bbolt":           {"netlmm/mobility/store"},
	"gonum.org/v1/plot":          {"netlmm/testbed/experiments"},
	"github.com/miekg/dns":       {"netlmm/mih/transport/discover"},
	"layeh.com/radius":           {"netlmm/internal/radiusauth", "netlmm/mobility/policy/radius", "netlmm/ap-adapters/radius"},
}

func TestWhoMayImportWhom(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if why := forbidden(p.ImportPath, imported); why != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, imported, why)
			}
		}
		if slices.Contains(pure, p.ImportPath) {
			for _, dep := range p.Deps {
				if strings.Contains(strings.SplitN(dep, "/", 2)[0], ".") && !strings.HasPrefix(dep, "vendor/") {
					t.Errorf("%s depends on %s: vocabularies, codecs and cores use the standard library", p.ImportPath, dep)
				}
			}
		}
	}
}

func forbidden(from, imported string) string {
	for library, rooms := range onlyIn {
		if under(imported, library) && !under(from, rooms...) {
			return "only " + strings.Join(rooms, ", ") + " may"
		}
	}
	switch {
	case under(from, "netlmm/internal") && under(imported, "netlmm") && !under(imported, "netlmm/internal"):
		return "what everybody may use knows nobody"
	case under(from, "netlmm/mih") && under(imported, "netlmm/mobility"), under(from, "netlmm/mobility") && under(imported, "netlmm/mih"):
		return "802.21 and Proxy Mobile IPv6 meet in cmd only"
	case under(from, "netlmm/ap-adapters") && under(imported, "netlmm/mobility", "netlmm/security"):
		return "adapters speak 802.21 only"
	case under(imported, cores...) && !slices.Contains(cores, from) && !under(from, "netlmm/cmd", "netlmm/mobility/domaintest", imported):
		return "I/O packages speak vocabulary and bytes; only cmd wires cores"
	case slices.Contains(pure, from) && slices.Contains([]string{"os", "syscall", "log/slog", "math/rand", "math/rand/v2", "sync", "os/exec"}, imported):
		return "cores have no clock, randomness, lock or system of their own"
	}
	return ""
}
