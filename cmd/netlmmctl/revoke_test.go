package main

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestRevoke(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var asked, want string
	answer := `{"bindings":2,"complete":true,"outcomes":[
		{"gateway":"2001:db8:f0::1","mobile_node":"mn1@example.net","bindings":1,"answered":true,"status":"success"},
		{"gateway":"2001:db8:f0::2","bindings":1,"answered":false,"status":"timeout"}]}`
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/revocations", func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RawQuery
		w.Write([]byte(answer))
	})
	mux.HandleFunc("POST /v1/registrations", func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RawQuery
		w.Write([]byte(answer))
	})
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })

	out, err := run(t, "", "revoke", "--socket", socket, "--mobile-node", "mn1@example.net")
	if err != nil || asked != "mobile_node=mn1%40example.net&wait=true" {
		t.Errorf("asked %q, error %v", asked, err)
	}
	for _, want := range []string{"2 binding(s) revoked", "mn1@example.net", "success", "all", "timeout"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	answer = `{"bindings":1,"outcomes":null,"complete":false}`
	if out, err = run(t, "", "revoke", "--socket", socket, "--gateway", "mag1", "--wait=false"); err != nil || asked != "gateway=mag1&wait=false" ||
		!strings.Contains(out, "have yet to answer") {
		t.Errorf("asked %q, error %v, output\n%s", asked, err, out)
	}
	if out, err = run(t, "", "revoke", "--socket", socket, "--gateway", "mag1", "--json"); err != nil || !json.Valid([]byte(out)) {
		t.Errorf("error %v, output\n%s", err, out)
	}
	for answer, want = range map[string]string{`{"sessions":2}`: "2 registration(s) begun", `{"sessions":0}`: "nobody waits"} {
		if out, err := run(t, "", "register-again", "--socket", socket, "--mobile-node", "a@b"); err != nil || asked != "mobile_node=a%40b" || !strings.Contains(out, want) {
			t.Errorf("asked %q, error %v, output\n%s", asked, err, out)
		}
	}
	if out, err = run(t, "", "register-again", "--socket", socket, "--json"); err != nil || !json.Valid([]byte(out)) {
		t.Errorf("error %v, output\n%s", err, out)
	}
	for _, args := range [][]string{{"revoke"}, {"revoke", "--mobile-node", "a", "--gateway", "b"}} {
		if _, err := run(t, "", args...); err == nil {
			t.Errorf("%q accepted", args)
		}
	}
}

func TestConfigHelpSaysWhereValuesPersist(t *testing.T) {
	if help := config(&options{}).Long; !strings.Contains(help, "survives restarts") {
		t.Errorf("help %s", help)
	}
}
