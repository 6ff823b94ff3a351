package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mobility/mag"
)

const reloadable = `
mag: {proxy_care_of_address: "2001:db8:f0::1"}
lmas: [{address: "2001:db8:f0::ff"}]
access_links: [{interface: acc0}]
adapters: {hostapd: [{control_socket: /run/hostapd/wlan0, interface: acc0}]}
security: {mode: none}
policy: {default: deny, profiles_file: %s}
`

// A reload takes a file of profiles whole or not at all, and what it changes reaches the MAG.
func TestReloadIsAllOrNothing(t *testing.T) {
	profiles := filepath.Join(t.TempDir(), "mobile_nodes.yaml")
	rewrite := func(text string) {
		if err := os.WriteFile(profiles, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rewrite("mobile_nodes: [{nai: mn1@example.net}]")
	file := filepath.Join(t.TempDir(), "magd.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(reloadable, "%s", profiles, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := configs.LoadMagd(file)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		g, events := newGatewayOf(t, cfg)
		g.mih.Emit(link(func(tuple mih.LinkTupleID) mih.LinkEvent { return mih.LinkUp{Link: tuple} }))
		if e, ok := next(events).(mag.LinkAttached); !ok || e.LMAAddress != cfg.LMAs[0].Address {
			t.Fatalf("%+v", e)
		}
		rewrite("mobile_nodes: [{nai: mn1@example.net, proxy_registration: false}, {nai: mn2@example.net, lifetime: never}]")
		if err := g.reload(); err == nil || !strings.Contains(err.Error(), "mobile_nodes[1].lifetime") {
			t.Errorf("%v", err)
		}
		if e := next(events); e != nil {
			t.Errorf("a file with an error changed something: %+v", e)
		}
		s, warnings, err := g.policyStatus(context.Background())
		if err != nil || !strings.Contains(s.Error, "mobile_nodes[1].lifetime") || len(warnings) != 1 || s.Served != 1 {
			t.Errorf("%+v, %v, %v", s, warnings, err)
		}
		rewrite("mobile_nodes: [{nai: mn1@example.net, proxy_registration: false}]")
		if err := g.reload(); err != nil {
			t.Error(err)
		}
		if e, ok := next(events).(mag.LinkDetached); !ok {
			t.Errorf("%+v", e)
		}
		if s, warnings, _ = g.policyStatus(context.Background()); s.Error != "" || warnings != nil || s.Withheld != 1 {
			t.Errorf("%+v, %v", s, warnings)
		}
	})
}
