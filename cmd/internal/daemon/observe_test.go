package daemon

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"netlmm/cmd/internal/api"
)

func TestTheStatusIsScraped(t *testing.T) {
	registry := prometheus.NewRegistry()
	Observe(registry, slog.Default(), func(context.Context) (api.Status, error) {
		return api.Status{Bindings: 7, Security: api.SecurityStatus{PeersUp: 1, PeersExpected: 2, CharonReached: true}, Warnings: []string{"w"}}, nil
	})
	want := `
# HELP netlmm_bindings Mobile nodes with a binding.
# TYPE netlmm_bindings gauge
netlmm_bindings 7
# HELP netlmm_security_charon_reached 1 while strongSwan answers.
# TYPE netlmm_security_charon_reached gauge
netlmm_security_charon_reached 1
# HELP netlmm_warnings Warnings of netlmmctl status.
# TYPE netlmm_warnings gauge
netlmm_warnings 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "netlmm_bindings", "netlmm_security_charon_reached", "netlmm_warnings"); err != nil {
		t.Error(err)
	}
}

func TestAWarningIsLoggedOnceWhenItComesAndOnceWhenItGoes(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	known := compareWarnings(log, nil, []string{"disk is full"})
	known = compareWarnings(log, known, []string{"disk is full"})
	compareWarnings(log, known, nil)
	if text := out.String(); strings.Count(text, "disk is full") != 2 || strings.Count(text, "no longer") != 1 {
		t.Errorf("log:\n%s", text)
	}
}
