package configs

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCampusExamples: the daemons take every file of the campus, and its anchor and gateways name each other alike.
func TestCampusExamples(t *testing.T) {
	files, err := filepath.Glob("examples/campus/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type end struct {
		address  netip.Addr
		identity string
	}
	anchor, gateways, known := end{}, map[string]end{}, map[string]end{}
	asked := map[string]end{} // the anchor as each gateway has it
	for _, file := range files {
		base, file := filepath.Base(file), withSecrets(t, file)
		switch daemon, name, _ := strings.Cut(strings.TrimSuffix(base, ".yaml"), "-"); daemon {
		case "lmad":
			cfg, err := LoadLmad(file)
			if err != nil {
				t.Fatal(err)
			}
			anchor = end{cfg.LMAAddress, "lma.example.net"}
			for _, mag := range cfg.MAGs {
				known[mag.Name] = end{mag.Address, mag.Identity}
			}
		case "magd":
			cfg, err := LoadMagd(file)
			if err != nil {
				t.Fatal(err)
			}
			gateways[name] = end{cfg.ProxyCareOfAddress, name + ".example.net"}
			asked[name] = end{cfg.LMAs[0].Address, cfg.LMAs[0].Identity}
		case "mihd":
			cfg, err := LoadMihd(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, peer := range cfg.MIH.Peers {
				if asked[peer.Name] == (end{}) {
					t.Errorf("%s: no gateway %q", file, peer.Name)
				}
			}
		default:
			t.Errorf("%s: of which daemon?", file)
		}
	}
	if !maps.Equal(gateways, known) {
		t.Errorf("the anchor knows %v, there are %v", known, gateways)
	}
	for name, got := range asked {
		if got != anchor {
			t.Errorf("%s asks %v, the anchor is %v", name, got, anchor)
		}
	}
}

// withSecrets is a copy of a configuration whose files in /etc/netlmm are there, with secrets in them.
func withSecrets(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text = regexp.MustCompile(`/etc/netlmm/\S+`).ReplaceAllFunc(text, func(path []byte) []byte {
		return []byte(write(filepath.Base(string(path)), []byte("a secret of sixteen octets")))
	})
	return write(filepath.Base(file), text)
}
