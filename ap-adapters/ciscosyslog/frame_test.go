package ciscosyslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// read takes a stream apart, as text with how it ended.
func read(stream io.Reader, counted bool) string {
	var got []string
	for m := newMessages(stream, counted, func(time.Duration) {}); ; {
		text, err := m.next()
		if err != nil {
			return fmt.Sprintf("%q %v", got, err)
		}
		got = append(got, string(text))
	}
}

func TestMessages(t *testing.T) {
	long := strings.Repeat("x", 3*MaximumLine)
	for _, test := range []struct {
		stream, want string
		counted      bool
	}{
		{"", `[] EOF`, false},
		{"<1>a\n<1>b\r\n<1>c\x00\n\n<1>d", `["<1>a" "<1>b\r" "<1>c"] EOF`, false}, // an unfinished one is none
		{"4 <1>a4 <1>b", `["<1>a" "<1>b"] EOF`, true},
		{"4 <1>a\n8 <1>b\n<1>\n<1>c\n", `["<1>a" "<1>b\n<1>" "<1>c"] EOF`, false},
		{"4 <1>a<1>b\n", `["<1>a"] a message without its length before it, which the configuration asks for`, true},
		{"9 <1>a", `[] EOF`, false},
		{"99999 <1>a", `[] ` + errCount.Error() + `: "99999"`, false},
		{"123456789", `[] ` + errCount.Error(), false},
		{"1x <1>a", `[] ` + errCount.Error() + `: "1x"`, false},
		{fmt.Sprintf("%d %s4 <1>a", len(long), long), fmt.Sprintf("[%q \"<1>a\"] EOF", long[:MaximumLine+1]), false},
		{long + "\n<1>a\n", fmt.Sprintf("[%q \"<1>a\"] EOF", long[:MaximumLine+1]), false},
	} {
		for name, stream := range map[string]io.Reader{"whole": strings.NewReader(test.stream), "by octets": iotest.OneByteReader(strings.NewReader(test.stream))} {
			if got := read(stream, test.counted); got != test.want {
				t.Errorf("%.60q, %s:\n got %.200s\nwant %.200s", test.stream, name, got, test.want)
			}
		}
	}
}

// TestAMessageIsNotAwaitedForLong: a connection waits as long as it likes for a message, and not for its end.
func TestAMessageIsNotAwaitedForLong(t *testing.T) {
	for stream, want := range map[string]string{"": "[0s]", "<1>a": "[0s 10s]", "<1>a\n\r\n": "[0s 10s 0s]", "4 <1>a\n4 <": "[0s 10s 0s 10s]"} {
		var waits []time.Duration
		m := newMessages(iotest.OneByteReader(strings.NewReader(stream)), false, func(d time.Duration) {
			if len(waits) == 0 || waits[len(waits)-1] != d {
				waits = append(waits, d)
			}
		})
		for {
			if _, err := m.next(); err != nil {
				break
			}
		}
		if got := fmt.Sprint(waits); got != want {
			t.Errorf("%q: %s, want %s", stream, got, want)
		}
	}
}

func FuzzMessages(f *testing.F) {
	for _, seed := range []string{"<1>a\n<1>b\n", "4 <1>a4 <1>b", "4 <1>a\n<1>b\n99999 x", "\x00\n1"} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, stream []byte, counted bool) {
		m := newMessages(bytes.NewReader(stream), counted, func(time.Duration) {})
		for total := 0; ; {
			text, err := m.next()
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, errCount) && !errors.Is(err, errCounted) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if total += len(text); len(text) > MaximumLine+1 || total > len(stream) {
				t.Fatalf("%d octets, %d in all, of %d", len(text), total, len(stream))
			}
		}
	})
}
