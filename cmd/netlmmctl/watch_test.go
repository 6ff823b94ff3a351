package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// watched is a daemon whose answers to who watches its links are the test's, one after the other.
type watched struct {
	socket  string
	answers chan string
	asked   chan string // what was asked
	server  *http.Server
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{socket: filepath.Join(t.TempDir(), "s"), answers: make(chan string), asked: make(chan string, 100)}
	w.start(t)
	t.Cleanup(func() { _ = w.server.Close() })
	return w
}

func (w *watched) start(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("unix", w.socket)
	if err != nil {
		t.Fatal(err)
	}
	w.server = &http.Server{Handler: http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.asked <- r.URL.Query().Get("after")
		select {
		case answer := <-w.answers:
			_, _ = io.WriteString(out, answer)
		case <-r.Context().Done():
		}
	})}
	go w.server.Serve(listener)
}

// watching runs the command and hands out what it prints, line by line.
func (w *watched) watching(t *testing.T, args ...string) (line func() string) {
	t.Helper()
	reader, writer := io.Pipe()
	c := command(strings.NewReader(""), writer)
	c.SetArgs(append([]string{"links", "--watch", "--socket", w.socket}, args...))
	c.SetErr(writer)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.ExecuteContext(ctx) }()
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(reader); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the command: %v", err)
		}
		_ = writer.Close()
	})
	return func() string {
		t.Helper()
		select {
		case text := <-lines:
			return text
		case <-time.After(30 * time.Second):
			t.Fatal("no more output")
			return ""
		}
	}
}

func link(station int, state string) string {
	return fmt.Sprintf(`{"station":"02:00:00:00:00:%02x","technology":"Ethernet","state":%q,"interface":"acc0","sap":"nd"}`, station, state)
}

func TestLinksAreWatchedAsLines(t *testing.T) {
	w := newWatched(t)
	line := w.watching(t, "--json")
	expect := func(change, station, state string) {
		t.Helper()
		text := line()
		var c linkChange
		if err := json.Unmarshal([]byte(text), &c); err != nil || c.Change != change || !strings.HasSuffix(c.Link.Station, station) || c.Link.State != state || c.At.IsZero() {
			t.Fatalf("%s (%v), want %s %s %s", text, err, change, station, state)
		}
	}
	w.answers <- `{"incarnation":1,"revision":5,"whole":true,"links":[` + link(1, "up") + "," + link(2, "up") + `]}`
	expect("present", "01", "up")
	expect("present", "02", "up")
	w.answers <- `{"incarnation":1,"revision":5,"links":[],"gone":[]}` // nothing in time
	w.answers <- `{"incarnation":1,"revision":8,"links":[` + link(1, "down") + "," + link(3, "up") + `],"gone":[{"station":"02:00:00:00:00:02","technology":"Ethernet"}]}`
	expect("changed", "01", "down")
	expect("gone", "02", "up")
	expect("new", "03", "up")
	// The daemon is started again, and has another view.
	_ = w.server.Close()
	if text := line(); !strings.Contains(text, "trying again") {
		t.Fatalf("%q", text)
	}
	w.start(t)
	w.answers <- `{"incarnation":2,"revision":1,"whole":true,"links":[` + link(3, "up") + "," + link(4, "up") + `]}`
	expect("gone", "01", "down")
	expect("new", "04", "up")
	w.answers <- `{"incarnation":2,"revision":3,"links":[` + link(4, "down") + `],"gone":[{"station":"02:00:00:00:00:04","technology":"Ethernet"}]}` // forgotten, and anew
	expect("new", "04", "down")
	var asked []string
	for range 6 {
		asked = append(asked, <-w.asked)
	}
	if got := strings.Join(asked, " "); got != "0 5 5 8 8 1" && got != "0 5 5 8 1 3" {
		t.Errorf("asked after %s", got)
	}
}

func TestLinksAreWatchedAsATable(t *testing.T) {
	w := newWatched(t)
	line := w.watching(t)
	w.answers <- `{"incarnation":1,"revision":5,"whole":true,"links":[` + link(1, "up") + `]}`
	for _, want := range []string{": 1 stations, 1 up", "STATION", "   02:00:00:00:00:01"} {
		if text := line(); !strings.Contains(text, want) {
			t.Errorf("%q, want %q", text, want)
		}
	}
	w.answers <- `{"incarnation":1,"revision":8,"links":[` + link(1, "down") + "," + link(3, "up") + "," + link(4, "up") + `]}`
	for _, want := range []string{": 3 stations, 2 up", "STATION", "!  02:00:00:00:00:01", "+  02:00:00:00:00:03", "+  02:00:00:00:00:04"} {
		if text := line(); !strings.Contains(text, want) {
			t.Errorf("%q, want %q", text, want)
		}
	}
	w.answers <- `{"incarnation":1,"revision":9,"gone":[{"station":"02:00:00:00:00:01","technology":"Ethernet"}]}`
	for _, want := range []string{": 2 stations, 2 up", "STATION", "-  02:00:00:00:00:01", "   02:00:00:00:00:03", "   02:00:00:00:00:04"} {
		if text := line(); !strings.Contains(text, want) {
			t.Errorf("%q, want %q", text, want)
		}
	}
}

func TestNobodyIsWatchedWhoWasNeverThere(t *testing.T) {
	if out, err := run(t, "", "links", "--watch", "--socket", "/nonexistent"); err == nil || !strings.Contains(out, "is the daemon running") {
		t.Errorf("error %v, output %q", err, out)
	}
}
