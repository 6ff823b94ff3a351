package main

import (
	"testing"
	"time"

	"netlmm/configs"
	"netlmm/mobility"
)

// What a grant is made from has the lifetime of mag.lifetime, so that a Session-Timeout cannot ask for more than an anchor can be told.
func TestAGrantHasTheLifetimeOfEverybody(t *testing.T) {
	if got := decisionConfig(&configs.Magd{Lifetime: 5 * time.Minute}).Everybody.Lifetime; got != 5*time.Minute {
		t.Errorf("lifetime %v", got)
	}
}

// The offload of IPv4 flows and the policies that servers name are what the configuration says (RFC 6909 section 4).
func TestOffloadIsAsConfigured(t *testing.T) {
	offload, err := mobility.NewOffloadPolicy(mobility.OffloadMatching, mobility.TrafficSelector{})
	if err != nil {
		t.Fatal(err)
	}
	for _, enabled := range []bool{false, true} {
		c := &configs.Magd{EnableIPv4TrafficOffloadSupport: enabled, Policy: configs.Policy{
			OffloadPolicies: map[string]mobility.OffloadPolicy{"all": offload}, Everybody: mobility.Profile{OffloadPolicy: offload},
		}}
		if coreConfig(c, nil, nil).EnableIPv4TrafficOffloadSupport != enabled {
			t.Errorf("at the machine it is not %v", enabled)
		}
		c.OffloadNAT = "none"
		if w := where(c).Offloading; w.Wanted != enabled || w.NAT != "none" {
			t.Errorf("the data plane is told %+v", w)
		}
		if d := decisionConfig(c); d.Offload["all"] != offload || d.Everybody.OffloadPolicy != offload {
			t.Errorf("%+v", d)
		}
	}
}
