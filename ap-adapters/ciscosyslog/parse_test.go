package ciscosyslog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"netlmm/mih"
)

// corpus reads testdata/lines.txt.
func corpus(t testing.TB) (lines, want []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/lines.txt")
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		switch line := s.Text(); {
		case line == "" || line[0] == '#':
		case len(lines) == len(want):
			lines = append(lines, line)
		default:
			want = append(want, line)
		}
	}
	if len(lines) != len(want) || len(lines) == 0 {
		t.Fatalf("testdata/lines.txt: %d lines, %d results", len(lines), len(want))
	}
	return lines, want
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func TestCorpus(t *testing.T) {
	lines, want := corpus(t)
	for i, line := range lines {
		e := Explain([]byte(line))
		got := fmt.Sprintf("%s %s %s %q %q", e.Event, orDash(e.Station), orDash(e.PointOfAttachment), e.Identity, e.Reason)
		if got != want[i] {
			t.Errorf("%s\n got %s\nwant %s", line, got, want[i])
		}
	}
}

// TestTruncation: of a line that was cut anywhere in its message, no event may name another station than the whole line.
func TestTruncation(t *testing.T) {
	lines, _ := corpus(t)
	for _, line := range lines {
		whole, err := Parse([]byte(line))
		if err != nil || strings.Contains(line, "dead.beef") || strings.Contains(line, "de:ad:be:ef") || strings.Contains(line, "10beef") {
			continue // a name that reads as a message is one, when what follows it is cut off
		}
		for n := range len(line) {
			if r, err := Parse([]byte(line[:n])); err == nil && (r.Station != whole.Station || r.Event != whole.Event) {
				t.Errorf("%s\nread as %s of %s", line[:n], r.Event, r.Station)
			}
		}
	}
}

func TestDownReasons(t *testing.T) {
	for text, want := range map[string]mih.LinkDownReason{
		"Sending station has left the BSS":                                               mih.DownExplicitDisconnect,
		"Disassociated due to inactivity":                                                mih.DownPacketTimeout,
		"Previous authentication no longer valid":                                        mih.DownAuthenticationFailure,
		"Disassociated because AP is unable to handle all currently associated stations": mih.DownNoResource,
		"something else": mih.DownExplicitDisconnect,
	} {
		if got := downReason(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestLineTooLong(t *testing.T) {
	if _, err := Parse(bytes.Repeat([]byte("x"), MaximumLine+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("error %v, want %v", err, ErrTooLong)
	}
}

func TestControlCharacters(t *testing.T) {
	for _, c := range []string{"\n", "\r", "\r\n", "\x00", "\x1b", "\x7f", "\u0085"} {
		name := "Station x" + c + forged + c + " "
		if r, err := Parse([]byte(strings.Replace(attached, "Station ", name, 1))); !errors.Is(err, ErrControl) || ErrorLabel(err) != "control_characters" {
			t.Errorf("%q in a station's name: %s of %s, error %v", c, r.Event, r.Station, err)
		}
		if _, err := Parse([]byte(c + attached)); !errors.Is(err, ErrControl) {
			t.Errorf("%q before a message: error %v", c, err)
		}
	}
	for _, line := range []string{attached + "\r\n", attached + "\n\x00", strings.Replace(attached, "Station ", "Station a\tb ", 1)} {
		if r, err := Parse([]byte(line)); err != nil || r.Event != Up {
			t.Errorf("%q: %s, error %v", line, r.Event, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	lines, _ := corpus(f)
	for _, line := range lines {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := Parse(line)
		if (err == nil) != (r.Event == Up || r.Event == Down) {
			t.Fatalf("event %q with error %v", r.Event, err)
		}
		if mac, ok := r.Station.MAC(); err == nil && (!ok || mac[0]&1 != 0) {
			t.Fatalf("%s of %s, which is no station", r.Event, r.Station)
		}
		if err != nil && ErrorLabel(err) == "truncated" && !errors.Is(err, ErrTruncated) {
			t.Fatalf("error %v has no label", err)
		}
	})
}
