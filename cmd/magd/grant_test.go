package main

import (
	"testing"
	"time"

	"netlmm/configs"
)

// What a grant is made from has the lifetime of mag.lifetime, so that a Session-Timeout cannot ask for more than an anchor can be told.
func TestAGrantHasTheLifetimeOfEverybody(t *testing.T) {
	if got := decisionConfig(&configs.Magd{Lifetime: 5 * time.Minute}).Everybody.Lifetime; got != 5*time.Minute {
		t.Errorf("lifetime %v", got)
	}
}
