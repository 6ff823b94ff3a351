package main

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"netlmm/cmd/internal/api"
)

const (
	capabilitiesJSON = `{"events":["Link_Up","Link_Down"],"commands":["Link_Actions"],"queries":[],"transports":["udp","tcp"],
		"links":[{"technology":"IEEE 802.11","address":"02:00:00:00:a0:01"}]}`
	peersJSON = `[{"name":"hall","mihf_id":"ap1.example.net","address":"[2001:db8:f0::21]:4551","transport":"udp","state":"up","protection":"ipsec",
		"round_trip_ms":0.25,"sent":7,"received":8,"capabilities":` + capabilitiesJSON + `},
		{"name":"roof","mihf_id":"","address":"192.0.2.7:4551","transport":"tcp","state":"unnamed","protection":"none"}]`
	subscriptionsJSON = `[{"user":"mag1","name":"mag","at":"ap1.example.net","events":["Link_Up"],"stands":true},
		{"user":"mag1","at":"ap2","link":"02:00:00:00:00:07","events":["Link_Down"],"stands":false}]`
	transactionsJSON = `[{"peer":"ap2","tid":77,"message":"MIH_Event_Subscribe request","attempts":0},
		{"peer":"ap2","tid":78,"message":"MIH_Link_Up indication","attempts":2},{"peer":"ap2","tid":79,"message":"MIH_Link_Actions request","attempts":1,"acknowledged":true}]`
	linksJSON = `[{"station":"02:00:00:00:00:01","state":"up","interface":"acc0","sap":"mih","source":"ap1.example.net"}]`
)

func TestMIH(t *testing.T) {
	socket := serve(t, map[string]string{
		api.PathMIH: `{"mihf_id":"mag1","listen":["[2001:db8:f0::1]:4551"],"capabilities":` + capabilitiesJSON + `,"peers":` + peersJSON +
			`,"subscriptions":` + subscriptionsJSON + `,"transactions":[],"links":` + linksJSON + `}`,
		api.PathMIHPeers: peersJSON, api.PathMIHSubscriptions: subscriptionsJSON, api.PathMIHTransactions: transactionsJSON, api.PathLinks: linksJSON,
		api.PathMIHDiscovery: `{"mihf_id":"ap9","address":"192.0.2.9:4551","transport":"tcp","capabilities":` + capabilitiesJSON + `}`,
		api.PathMIHParameters: `{"status":"success","links":[{"technology":"IEEE 802.11","address":"02:00:00:00:00:01","mode":"normal","channel":6,
			"parameters":[{"name":"802.11_rssi","value":-60,"unit":"dBm"},{"name":"qos_classes","value":4}]}]}`,
		api.PathStatus: `{"daemon":"mihd","mih":{"mihf_id":"ap1","peers":2,"peers_up":1,"links":5}}`,
	})
	for _, test := range []struct {
		args string
		want []string
	}{
		{"mih", []string{"mag1  at [2001:db8:f0::1]:4551", "commands: Link_Actions", "02:00:00:00:a0:01 (IEEE 802.11)", "PEERS: 2", "TRANSACTIONS: 0", "LINKS: 1", "acc0"}},
		{"mih peers", []string{"hall", "0.250", "ipsec", "events: Link_Up, Link_Down", "unnamed"}},
		{"mih subscriptions", []string{"all", "02:00:00:00:00:07", "not answered", "yes"}},
		{"mih transactions", []string{"waits to be sent", "on its way", "acknowledged", "MIH_Link_Actions request"}},
		{"mih links", []string{"02:00:00:00:00:01", "ap1.example.net"}},
		{"mih discover 192.0.2.9 --tcp --port 4552", []string{"ap9  at 192.0.2.9:4551 over tcp", "transports: udp, tcp"}},
		{"mih get-parameters --peer ap1 --link 02:00:00:00:00:01", []string{"status success", "mode normal", "channel 6", "802.11_rssi -60 dBm", "qos_classes 4\n"}},
		{"status", []string{"MIH function", "ap1, 1 of 2 peers up", "5 links"}},
	} {
		args := append(strings.Fields(test.args), "--socket", socket)
		out, err := run(t, "", args...)
		if err != nil {
			t.Errorf("%s: %v", test.args, err)
		}
		for _, text := range test.want {
			if !strings.Contains(out, text) {
				t.Errorf("%s: no %q in\n%s", test.args, text, out)
			}
		}
		if out, err = run(t, "", append(args, "--json")...); err != nil || !json.Valid([]byte(out)) {
			t.Errorf("%s --json: %v\n%s", test.args, err, out)
		}
	}
	if out, err := run(t, "", "status", "--socket", socket); err != nil || strings.Contains(out, "bindings") {
		t.Errorf("mihd has bindings: %v, %s", err, out)
	}
	for _, args := range [][]string{{"mih", "discover"}, {"mih", "discover", "ap1"}, {"mih", "discover", "::1", "--port", "70000"}, {"mih", "get-parameters"}} {
		if out, err := run(t, "", append(args, "--socket", socket)...); err == nil {
			t.Errorf("%v: %s", args, out)
		}
	}
}

// TestMIHAsksForWhatWasTyped: what stands behind the question mark.
func TestMIHAsksForWhatWasTyped(t *testing.T) {
	var asked url.Values
	socket := serveFunc(t, func(u *url.URL) string {
		asked = u.Query()
		return "{}"
	})
	for typed, want := range map[string]string{
		"mih discover 2001:db8::1":                                           "address=2001%3Adb8%3A%3A1&port=4551",
		"mih discover 192.0.2.1 --tcp --port 7":                              "address=192.0.2.1&port=7&transport=tcp",
		"mih get-parameters --link 02:00:00:00:00:01 --type ethernet":        "link=02%3A00%3A00%3A00%3A00%3A01&peer=&type=ethernet",
		"mih get-parameters --peer ap1@example.net --link 02:00:00:00:00:01": "link=02%3A00%3A00%3A00%3A00%3A01&peer=ap1%40example.net&type=",
	} {
		if _, err := run(t, "", append(strings.Fields(typed), "--socket", socket)...); err != nil || asked.Encode() != want {
			t.Errorf("%s asks for %s, %v; want %s", typed, asked.Encode(), err, want)
		}
	}
}
