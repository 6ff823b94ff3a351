package ciscosyslog

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/leodido/go-syslog/v4/rfc5424"
)

// Header is what stands before the %FACILITY-SEVERITY-MNEMONIC of a line. None of it is needed to understand the message, and an
// access point may leave all of it out.
type Header struct {
	Host     string // that wrote the line, by the name it gives itself; of a relayed line the one that wrote it first
	Sequence string // of `service sequence-numbers`, or the message counter
	Clock    Clock
}

// Clock is the time that a line says, in one of the many forms that Cisco's systems have for it.
type Clock struct {
	Time     time.Time     // in UTC if the line says no other zone that is known; year 0: the line has none. Zero: no time of day
	Uptime   time.Duration // of `service timestamps log uptime`
	Fraction bool          // finer than a second
	NeverSet bool          // a leading *: the clock was never set, or the system does not vouch for it
	Drifting bool          // a leading .: it was set, and is not synchronised now
}

// String is the clock for people; "" for none.
func (c Clock) String() string {
	form := "Jan _2 15:04:05"
	if c.Time.Year() != 0 {
		form = "2006-01-02T15:04:05"
	}
	if c.Fraction {
		form += ".000"
	}
	switch {
	case c.Uptime != 0:
		return "up " + c.Uptime.String()
	case c.Time.IsZero():
		return ""
	case c.NeverSet:
		return c.Time.Format(form) + ", clock not set"
	case c.Drifting:
		return c.Time.Format(form) + ", clock not synchronised"
	}
	return c.Time.Format(form)
}

// distinguishes says whether two lines with this header are one if all of their text is the same: a sequence number or a fine clock
// tells two like messages apart.
func (h Header) distinguishes() bool { return h.Sequence != "" || h.Clock.Fraction }

var (
	priority    = regexp.MustCompile(`<\d{1,3}>`)
	standard    = regexp.MustCompile(`^<\d{1,3}>[1-9]\d{0,2} `) // RFC 5424 section 6: the version
	sequence    = regexp.MustCompile(`^\d{1,20}$`)
	wallClock   = regexp.MustCompile(`^([*.]?)\s*(?:[A-Z][a-z]{2}\s+)?([A-Z][a-z]{2}\s+\d{1,2}(?:\s+\d{4})?\s+\d{2}:\d{2}:\d{2})(\.\d{1,6})?(?:\s+(AM|PM))?(?:\s+(\d{4}))?(?:\s+|$)`)
	isoClock    = regexp.MustCompile(`^([*.]?)(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2}))(?:\s+|$)`)
	uptime      = regexp.MustCompile(`^([*.]?)(\d{1,2}):(\d{2}):(\d{2})(\.\d{1,6})?$`)
	uptimeUnits = regexp.MustCompile(`^([*.]?)(?:(\d{1,3})y)?(?:(\d{1,2})w)?(?:(\d{1,3})d)?(?:(\d{1,2})h)?$`)
	zone        = regexp.MustCompile(`^(?:[A-Z]{2,5}|[+-]\d{1,2}(?::?\d{2})?)$`)
)

// split takes a line into its header and the message with its tag. Of one in the form of RFC 5424 that has a mistake there is no
// message: what is in its quoted parts could pass for one.
func split(line string) (h Header, message string) {
	if standard.MatchString(line) {
		return splitStandard(line)
	}
	at := header.FindStringIndex(line)
	if at == nil {
		return h, ""
	}
	tag := at[0] + strings.IndexByte(line[at[0]:], '%')
	h.read(line[:tag])
	return h, line[tag:]
}

func splitStandard(line string) (h Header, message string) {
	parsed, err := rfc5424.NewParser().Parse([]byte(line))
	if err != nil {
		return h, ""
	}
	m := parsed.(*rfc5424.SyslogMessage)
	if m.Message == nil {
		return h, ""
	}
	text := strings.TrimPrefix(strings.TrimSpace(*m.Message), "\ufeff")
	at := header.FindStringIndex(text)
	if at == nil {
		return h, ""
	}
	tag := at[0] + strings.IndexByte(text[at[0]:], '%')
	h.read(text[:tag])
	if m.Timestamp != nil && h.Clock.Time.IsZero() {
		h.Clock.Time, h.Clock.Fraction = m.Timestamp.UTC(), m.Timestamp.Nanosecond() != 0
	}
	if m.Hostname != nil && h.Host == "" {
		h.Host = *m.Hostname
	}
	return h, text[tag:]
}

// read takes what stands before the tag apart: pieces that end in a colon. A relay may have put a header of RFC 3164 before them.
func (h *Header) read(text string) {
	text = priority.ReplaceAllString(text, ": ") // a relay's own, and the first one's behind it
	for piece := range strings.SplitSeq(text, ": ") {
		piece = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(piece), ":"))
		switch {
		case piece == "":
		case sequence.MatchString(piece):
			h.Sequence = piece
		case h.readClock(piece):
		case strings.HasPrefix(piece, "*"): // the task of a controller that runs AireOS
		default:
			words := strings.Fields(piece)
			h.readWords(words)
		}
	}
}

// readClock reads a piece that begins with a time. Behind it may stand its zone, or as in RFC 3164 who sent it.
func (h *Header) readClock(piece string) bool {
	if c, ok := readUptime(piece); ok {
		h.Clock = c
		return true
	}
	var c Clock
	var mark, rest string
	if m := wallClock.FindStringSubmatch(piece); m != nil {
		year := 0
		at, err := time.Parse("Jan 2 15:04:05", strings.Join(strings.Fields(m[2]), " "))
		if err != nil {
			if at, err = time.Parse("Jan 2 2006 15:04:05", strings.Join(strings.Fields(m[2]), " ")); err != nil {
				return false
			}
		}
		if m[5] != "" {
			year, _ = strconv.Atoi(m[5]) // four digits
			at = at.AddDate(year, 0, 0)
		}
		if m[4] == "PM" && at.Hour() < 12 {
			at = at.Add(12 * time.Hour)
		}
		mark, rest = m[1], piece[len(m[0]):]
		c.Time, c.Fraction = at.Add(fraction(m[3])), m[3] != ""
	} else if m := isoClock.FindStringSubmatch(piece); m != nil {
		at, err := time.Parse(time.RFC3339Nano, m[2])
		if err != nil {
			return false
		}
		mark, rest = m[1], piece[len(m[0]):]
		c.Time, c.Fraction = at.UTC(), m[3] != ""
	} else {
		return false
	}
	c.NeverSet, c.Drifting = mark == "*", mark == "."
	words := strings.Fields(rest)
	if len(words) > 0 && zone.MatchString(words[0]) {
		c.Time = c.Time.Add(-offset(words[0]))
		words = words[1:]
	}
	h.Clock = c
	h.readWords(words)
	return true
}

// readWords reads what is neither time nor number on its own: names of who sent the line, the last of them its author, and a
// number behind them.
func (h *Header) readWords(words []string) {
	for _, word := range words {
		if sequence.MatchString(word) {
			h.Sequence = word
		} else {
			h.Host = word
		}
	}
}

func readUptime(piece string) (c Clock, ok bool) {
	number := func(text string) time.Duration { n, _ := strconv.Atoi(text); return time.Duration(n) }
	const day = 24 * time.Hour
	var mark string
	if m := uptime.FindStringSubmatch(piece); m != nil {
		mark = m[1]
		c.Uptime = number(m[2])*time.Hour + number(m[3])*time.Minute + number(m[4])*time.Second + fraction(m[5])
		c.Fraction = m[5] != ""
	} else if m := uptimeUnits.FindStringSubmatch(piece); m != nil && len(piece) > len(m[1]) {
		mark = m[1]
		c.Uptime = number(m[2])*365*day + number(m[3])*7*day + number(m[4])*day + number(m[5])*time.Hour
	} else {
		return c, false
	}
	c.NeverSet, c.Drifting = mark == "*", mark == "."
	return c, true
}

// fraction reads a decimal fraction of a second, its point included.
func fraction(text string) time.Duration {
	seconds, _ := strconv.ParseFloat("0"+text, 64) // "" is none
	return time.Duration(seconds * float64(time.Second)).Round(time.Microsecond)
}

// offset is that of a zone given in numbers. Names of zones are not unique over the world; their time is left as it is.
func offset(text string) time.Duration {
	if text[0] != '+' && text[0] != '-' {
		return 0
	}
	digits := strings.ReplaceAll(text[1:], ":", "")
	hours, minutes := digits, "0"
	if len(digits) > 2 {
		hours, minutes = digits[:len(digits)-2], digits[len(digits)-2:]
	}
	h, _ := strconv.Atoi(hours)
	m, _ := strconv.Atoi(minutes)
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	if text[0] == '-' {
		return -d
	}
	return d
}
