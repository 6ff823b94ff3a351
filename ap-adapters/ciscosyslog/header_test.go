package ciscosyslog

import (
	"fmt"
	"testing"
)

// TestHeaders: every form of clock, with and without what may stand around it.
func TestHeaders(t *testing.T) {
	const message = "%SYS-5-RESTART: System restarted"
	for before, want := range map[string]string{
		"":                                  `"" "" "" false`,
		"<189>":                             `"" "" "" false`,
		"<189>48: ":                         `"" "48" "" true`,
		"<189>: ":                           `"" "" "" false`,
		"<189>ap7: ":                        `"ap7" "" "" false`,
		"<189>48: *Mar  1 00:01:02.345: ":   `"" "48" "Mar  1 00:01:02.345, clock not set" true`,
		"<189>48: .Nov 21 10:11:12: ":       `"" "48" "Nov 21 10:11:12, clock not synchronised" true`,
		"<189>*Mar  1 00:01:02: ":           `"" "" "Mar  1 00:01:02, clock not set" false`,
		"Nov 21 2026 10:11:12.131 UTC: ":    `"" "" "2026-11-21T10:11:12.131" true`,
		"Nov 21 2026 10:11:12 CEST: ":       `"" "" "2026-11-21T10:11:12" false`,
		"Nov 21 10:11:12.131 2026: ":        `"" "" "2026-11-21T10:11:12.131" true`,
		"Nov 21 2026 10:11:12.131 PM UTC: ": `"" "" "2026-11-21T22:11:12.131" true`,
		"Sat Nov 21 10:11:12 2026: ":        `"" "" "2026-11-21T10:11:12" false`,
		"Nov 21 10:11:12 +0530: ":           `"" "" "Nov 21 04:41:12" false`,
		"2026-11-21T10:11:12.131+01:00: ":   `"" "" "2026-11-21T09:11:12.131" true`,
		"<190>48: 1w2d: ":                   `"" "48" "up 216h0m0s" true`,
		"<190>2d03h: ":                      `"" "" "up 51h0m0s" false`,
		"<190>1y3w: ":                       `"" "" "up 9264h0m0s" false`,
		"<190>00:01:02: ":                   `"" "" "up 1m2s" false`,
		"<190>48: ap7: 000051: *Nov 21 10:11:12.131: ":                `"ap7" "000051" "Nov 21 10:11:12.131, clock not set" true`,
		"<190>Nov 21 10:11:13 ap7 48: *Mar  1 00:01:02.345: ":         `"ap7" "48" "Mar  1 00:01:02.345, clock not set" true`,
		"<134>Nov 21 10:11:13 relay wlc1: *task: Nov 21 10:11:12.6: ": `"wlc1" "" "Nov 21 10:11:12.600" true`,
		"<190>Nov 21 10:11:13 relay <134>Nov 21 10:11:12 ap7: ":       `"ap7" "" "Nov 21 10:11:12" false`,
		"<190>1 2026-11-21T10:11:12.131Z ap7 - - - - ":                `"ap7" "" "2026-11-21T10:11:12.131" true`,
		"<190>1 2026-11-21T10:11:12Z relay - - - - ap7: 51: ":         `"ap7" "51" "2026-11-21T10:11:12" true`,
		"<190>1 - - - - - - \ufeff":                                   `"" "" "" false`,
		"Foo 99 10:11:12: ":                                           `"10:11:12" "99" "" true`, // no clock: words
	} {
		r, err := Parse([]byte(before + message))
		h := r.Header
		if got := fmt.Sprintf("%q %q %q %t", h.Host, h.Sequence, h.Clock, h.distinguishes()); got != want || ErrorLabel(err) != "other_mnemonic" {
			t.Errorf("%q\n got %s (%v)\nwant %s", before, got, err, want)
		}
	}
}
