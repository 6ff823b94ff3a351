package load

import (
	"context"
	"net/netip"
	"os/exec"
	"testing"
)

// TestPlaysToLmad plays gateways of each kind to a real anchor that is told of their kind, over real sockets.
func TestPlaysToLmad(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir+"/", "netlmm/cmd/lmad").CombinedOutput(); err != nil {
		t.Fatalf("build lmad: %v\n%s", err, out)
	}
	for _, compat := range []Compat{Strict, OAI, OPMIP} {
		t.Run(string(compat), func(t *testing.T) {
			err := Bench{BinDir: dir}.inSpaceOf(compat, "none", func(s *space) error {
				cfg := testConfig()
				cfg.LMA, cfg.Compat, cfg.Count = netip.MustParseAddr(anchorAddress), compat, 1
				return inNamespace(s.gateway, func() error {
					r, err := Run(context.Background(), cfg)
					if err == nil && (r.Result != "pass" || r.Operations[Handover].Accepted != uint64(cfg.MobileNodes)) {
						t.Errorf("%v %v, log of lmad:\n%s", r.Violations, r.Examples, content(s.dir+"/lmad.log"))
					}
					return err
				})
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
