package main

import (
	"errors"
	"testing"

	"netlmm/configs"
)

// What the configuration does not tell is no silent success.
func TestCleanWithoutConfiguration(t *testing.T) {
	cfg, err := configs.LoadMagd("../../configs/examples/magd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if steps := cleanAccess(cfg, nil); len(steps) != len(cfg.AccessLinks) {
		t.Errorf("%d steps for %d access links", len(steps), len(cfg.AccessLinks))
	}
	unread := errors.New("unknown key")
	steps := cleanAccess(nil, unread)
	if len(steps) != 1 {
		t.Fatalf("%d steps say that access links are left out", len(steps))
	}
	if removed, err := steps[0](); !errors.Is(err, unread) || len(removed) > 0 {
		t.Errorf("removed %q, error %v", removed, err)
	}
}
