package ciscosyslog

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"netlmm/mih"
)

// EventKind is what a line means for the link of a station.
type EventKind string

// Kinds of event.
const (
	Up   EventKind = "up"
	Down EventKind = "down"
	None EventKind = "none"
)

// Record is what a line says.
type Record struct {
	Event             EventKind
	Mnemonic          string // FACILITY-SEVERITY-MNEMONIC
	Station           mih.LinkAddress
	PointOfAttachment mih.LinkAddress // zero: the line does not name it
	AccessPoint       string          // its name, where the line has it
	Identity          string          // an NAI; "" when only the address is known
	ByUserName        bool            // Station is what the user calls itself: with 802.1X whatever it likes
	Header            Header
	Reason            string // the line's or, where it has none, the mnemonic's meaning
	DownReason        mih.LinkDownReason
}

// Why a line is no event. The texts are for people; ErrorLabel is their form as a counter.
var (
	ErrForeign   = errors.New("no %FACILITY-SEVERITY-MNEMONIC: of a Cisco system in this line")
	ErrMnemonic  = errors.New("a message that says nothing about a station's attachment")
	ErrTruncated = errors.New("the message ends early or has another form than the ones known")
	ErrStation   = errors.New("no address of a station")
	ErrTooLong   = errors.New("longer than any message of an access point")
	ErrControl   = errors.New("control characters in the message: a line break may stand in a station's name and forge a second message")
)

// ErrorLabel names the error of Parse as a counter does.
func ErrorLabel(err error) string {
	switch {
	case errors.Is(err, ErrForeign):
		return "foreign"
	case errors.Is(err, ErrMnemonic):
		return "other_mnemonic"
	case errors.Is(err, ErrStation):
		return "no_station"
	case errors.Is(err, ErrTooLong):
		return "too_long"
	case errors.Is(err, ErrControl):
		return "control_characters"
	}
	return "truncated"
}

// MaximumLine is the longest line that is looked at, in octets.
const MaximumLine = 4096

// lineEnd is what may stand behind a message.
const lineEnd = " \t\r\n\x00"

// header finds the tag that every message of a Cisco system carries. What stands before it comes in many forms and may be missing,
// and the text after it may quote another tag: the first one counts.
var header = regexp.MustCompile(`(?:^|[\s:>])%([A-Z][A-Z0-9_]*)-([0-7])-([A-Z][A-Z0-9_]*):\s*`)

// Parse reads one line, which may end in line breaks and NUL. On an error the Record tells as much as is certain: the mnemonic.
func Parse(line []byte) (Record, error) {
	r := Record{Event: None}
	if len(line) > MaximumLine {
		return r, ErrTooLong
	}
	text := strings.TrimRight(string(line), lineEnd)
	if strings.IndexFunc(text, isControl) >= 0 {
		return r, ErrControl
	}
	r.Header, text = split(text)
	at := header.FindStringSubmatchIndex(text)
	if at == nil {
		return r, ErrForeign
	}
	group := func(i int) string { return text[at[2*i]:at[2*i+1]] }
	r.Mnemonic = group(1) + "-" + group(2) + "-" + group(3)
	known, ok := forms[group(1)+"-"+group(3)]
	if !ok {
		return r, fmt.Errorf("%s is %w", r.Mnemonic, ErrMnemonic)
	}
	for _, f := range known {
		groups := f.expr.FindStringSubmatch(text[at[1]:])
		if groups == nil {
			continue
		}
		full := r
		if err := f.read(&full, groups[1:]); err != nil {
			return r, fmt.Errorf("%s: %w", r.Mnemonic, err)
		}
		return full, nil
	}
	return r, fmt.Errorf("%s: %w", r.Mnemonic, ErrTruncated)
}

// isControl is true of what no access point writes within a message, and can make it look like two. A tab is as a space.
func isControl(c rune) bool { return unicode.IsControl(c) && c != '\t' }

// parseAddress reads an address in any of its spellings, twelve bare digits included.
func parseAddress(text string) (mih.LinkAddress, bool) {
	if len(text) == 12 {
		text = text[:4] + "." + text[4:8] + "." + text[8:]
	}
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 {
		return mih.LinkAddress{}, false
	}
	return mih.MACAddress([6]byte(mac)), true
}

// setStation takes the address of a station: one that a single host can have.
func (r *Record) setStation(event EventKind, text string) error {
	a, _ := parseAddress(text)
	if mac, ok := a.MAC(); !ok || mac[0]&1 != 0 {
		return fmt.Errorf("%w: %q belongs to no single host", ErrStation, text)
	}
	r.Event, r.Station = event, a
	return nil
}

func (r *Record) setDown(reason string, code mih.LinkDownReason, text string) error {
	r.Reason, r.DownReason = reason, code
	return r.setStation(Down, text)
}

// setIdentity takes a user name that can be an NAI; an address is none, nor is what a controller writes for nobody.
func (r *Record) setIdentity(user string) {
	_, isAddress := parseAddress(user)
	if user == "null" || user == "(null)" || user == "N/A" {
		return
	}
	printable := utf8.ValidString(user) && strings.IndexFunc(user, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
	if !isAddress && printable && len(user) <= 253 {
		r.Identity = user
	}
}

// downReason sorts the texts of access points into the reasons of Link_Down.
func downReason(text string) mih.LinkDownReason {
	text = strings.ToLower(text)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("authentic") && has("fail", "invalid", "no longer valid"):
		return mih.DownAuthenticationFailure
	case has("inactiv", "timeout", "timed out", "retries"):
		return mih.DownPacketTimeout
	case has("unable to handle", "resource"):
		return mih.DownNoResource
	}
	return mih.DownExplicitDisconnect
}
