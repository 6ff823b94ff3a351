package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"netlmm/cmd/internal/api"
)

func run(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	c := command(strings.NewReader(stdin), &out)
	c.SetArgs(args)
	c.SetErr(&out)
	err := c.Execute()
	return out.String(), err
}

// serve answers the paths of the admin API with fixed JSON.
func serve(t *testing.T, answers map[string]string) string {
	t.Helper()
	return serveFunc(t, func(u *url.URL) string { return answers[u.Path] })
}

func serveFunc(t *testing.T, answer func(*url.URL) string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(answer(r.URL))) })}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return socket
}

func TestTables(t *testing.T) {
	socket := serve(t, map[string]string{
		api.PathBindings: `[{"mobile_node_id":"mn1@example.net","mobile_node_link_layer_id":"02:00:00:00:00:01","home_network_prefixes":["2001:db8:1000::/64"],
			"ipv4_home_address":"10.64.0.9/16","proxy_care_of_address":"2001:db8:f0::1","lma_address":"2001:db8:f0::ff","state":"registered",
			"offload_policy":{"mode":"matching","selectors":[{"source_port":"443","protocol":"6"}]}}, {"mobile_node_id":"mn2@example.net"},
			{"mobile_node_id":"mn3@example.net","offload_policy":{"mode":"others","selectors":[{"protocol":"50"}]},"offload_suspended":true}]`,
		api.PathPeers: `[{"name":"lma","address":"2001:db8:f0::ff","identity":"lma","state":"up","mode":"TRANSPORT","rekeys":2,
			"heartbeat":{"state":"failed","restart_counter":7,"last_heard":"2026-01-01T00:00:00Z","missing":4}},
			{"name":"other","address":"2001:db8:f0::fe","state":"up"}]`,
		api.PathConfig: `[{"key":"lma.min_delay_before_bce_delete","variable":"MinDelayBeforeBCEDelete","reference":"RFC 5213 section 9.1","value":"7s","default":"10s","is_default":false},
			{"key":"lma.pools","value":["2001:db8:1000::/40"],"default":null,"is_default":false},{"key":"security.filter","value":true,"default":true,"is_default":true},
			{"key":"lma.maximum_bindings","value":100000,"default":100000,"is_default":true},{"key":"forwarding.uplink","value":"","default":"","is_default":true}]`,
		api.PathHandovers: `[{"mobile_node":"mn1@example.net","trigger":"hostapd","to":"2001:db8:f0::1","total_ms":1.5,"outcome":"complete"}]`,
		api.PathLinks:     `[{"station":"02:00:00:00:00:01","state":"up","interface":"acc0","sap":"hostapd"}]`,
		api.PathStatus: `{"daemon":"magd","kernel":"6.1","security":{"mode":"ipsec","peers_up":1,"peers_expected":1},"forwarding":{"backend":"seg6","tunnels":[{"peer":"2001:db8:f0::ff","entries":2,"static":true}],"offload":{"packets":7,"octets":700,"nat":"masquerade"}},
			"counters":{"netlmm_mag_ignored_total{queue_full}":3},"warnings":["look here"]}`,
	})
	for name, want := range map[string][]string{
		"bindings":  {"MOBILE NODE", "mn1@example.net", "2001:db8:1000::/64", "10.64.0.9/16", "registered", "  matching: correspondent_ports 443 protocol tcp\n", "  none\n", "  suspended: others: protocol esp\n"},
		"peers":     {"IDENTITY", "up", "TRANSPORT", "failed, 4 missing", "RESTARTS", "  7  ", "off"},
		"config":    {"MinDelayBeforeBCEDelete", "RFC 5213 section 9.1", "no: 10s", "[2001:db8:1000::/40]", "security.filter", "yes", `""`, "100000"},
		"handovers": {"TOTAL ms", "hostapd", "1.500", "complete"},
		"links":     {"STATION", "02:00:00:00:00:01", "acc0"},
		"status":    {"magd", "1 of 1 peers up", "queue_full} 3", "WARNING: look here", "seg6", "to 2001:db8:f0::ff, 2 prefixes, static", "7 packets, 700 octets, address translation: masquerade"},
	} {
		out, err := run(t, "", name, "--socket", socket)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("%s: no %q in\n%s", name, text, out)
			}
		}
		out, err = run(t, "", name, "--socket", socket, "--json")
		if err != nil || !json.Valid([]byte(out)) {
			t.Errorf("%s --json: %v\n%s", name, err, out)
		}
	}
}

func TestADaemonThatIsNotThere(t *testing.T) {
	if out, err := run(t, "", "status", "--socket", "/nonexistent"); err == nil || !strings.Contains(out, "is the daemon running") {
		t.Errorf("error %v, output %q", err, out)
	}
}

func TestExplainSyslog(t *testing.T) {
	log := "<189>12: ap1: *Mar  1 00:01:02.345: %DOT11-6-ASSOC: Interface Dot11Radio1, Station   c0ff.eec0.ffee Associated KEY_MGMT[WPAv2 PSK]\n" +
		"<189>13: *Mar  1 00:01:03.345: %DOT11-6-DISASSOC: Interface Dot11Radio0, Deauthenticating Station 0040.96a5.b5d4\n" +
		"%SYS-5-CONFIG_I: Configured from console\n" + strings.Repeat("x", 10000) + "\nlast line without an end"
	out, err := run(t, log, "explain-syslog", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for line := range strings.Lines(out) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		for _, field := range []string{"event", "station", "point_of_attachment", "identity", "reason"} {
			if _, ok := e[field]; !ok {
				t.Errorf("no field %s in %s", field, line)
			}
		}
		events = append(events, e["event"].(string))
	}
	if got := strings.Join(events, " "); got != "up down none none none" {
		t.Errorf("events %q", got)
	}
	if out, err = run(t, log, "explain-syslog", "-"); err != nil || !strings.Contains(out, "c0:ff:ee:c0:ff:ee") {
		t.Errorf("error %v, output\n%s", err, out)
	}
}
