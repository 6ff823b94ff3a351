package main

import (
	"testing"

	"netlmm/mobility"
)

// What a configuration says stands in the table in its own words, for any number of selectors in one line.
func TestOffloadPoliciesInTheWordsOfTheConfiguration(t *testing.T) {
	addresses := func(text string) (r mobility.AddressRange) {
		if err := r.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return r
	}
	full := mobility.TrafficSelector{
		Source: addresses("192.0.2.0/24"), SourcePort: mobility.Numbers(80, 443), DestinationPort: mobility.Numbers(7, 7), Protocol: mobility.Numbers(6, 6), DS: mobility.Numbers(0, 184),
	}
	for _, c := range []struct {
		mode      mobility.OffloadMode
		selectors []mobility.TrafficSelector
		want      string
	}{
		{mobility.OffloadMatching, []mobility.TrafficSelector{full}, "matching: correspondents 192.0.2.0/24 correspondent_ports 80-443 mobile_node_ports 7 protocol tcp ds 0-184"},
		{mobility.OffloadOthers, []mobility.TrafficSelector{{Source: addresses("192.0.2.1-192.0.2.9"), Protocol: mobility.Numbers(6, 17)}, full, {}},
			"others: correspondents 192.0.2.1-192.0.2.9 protocol 6-17, and 2 more"},
		{mobility.OffloadMatching, []mobility.TrafficSelector{{Source: addresses("0.0.0.0/0"), Destination: addresses("10.64.0.9"), SPI: mobility.Numbers(256, 257), Protocol: mobility.Numbers(50, 50)}},
			"matching: correspondents 0.0.0.0/0 mobile_node_addresses 10.64.0.9 protocol esp spi 256-257"},
		{mobility.OffloadMatching, []mobility.TrafficSelector{{}}, "matching: everything"},
		{mobility.OffloadOthers, []mobility.TrafficSelector{{}}, "nothing"},
	} {
		policy, err := mobility.NewOffloadPolicy(c.mode, c.selectors...)
		if err != nil {
			t.Fatal(err)
		}
		if got := offloadPolicy(policy).String(); got != c.want {
			t.Errorf("%v: %q, want %q", policy, got, c.want)
		}
	}
	if got := (offloadPolicy{}).String(); got != "none" {
		t.Errorf("no policy: %q", got)
	}
}
