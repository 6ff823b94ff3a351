package hostapd

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"netlmm/mih"
)

const maxIdentity = 253 // of an NAI, RFC 7542 section 2.2

// station is what STA, STA-FIRST and STA-NEXT tell.
type station struct {
	address    mih.LinkAddress
	authorized bool          // may send data: associated, and through the 4-way handshake or 802.1X where these are in use
	naming     naming        // what is known of its identity
	identity   string        // of 802.1X when it is named, else ""
	age        time.Duration // of the association, in seconds; -1: not told
	signal     int           // dBm; 0: not told
	vlan       int           // that hostapd put it into; 0: none
	measured
}

// naming is what hostapd tells of the identity of a station.
type naming uint8

const (
	nameless    naming = iota // there is no 802.1X, or it let nobody through: the address is all there is
	named                     // by identity
	namePending               // there is 802.1X, and hostapd has no identity yet
	nameInvalid               // it has one that can be no NAI
	nameUntold                // there is 802.1X, but at another access point: hostapd will never have an identity
)

// noIdentities are what hostapd writes for an identity that it does not have.
var noIdentities = []string{"(null)", "N/A"}

// fastTransition are the suites of 802.1X with which a station that was authenticated elsewhere may come by fast transition (IEEE
// 802.11 table 9-188). hostapd 2.10 hands the keys on from one access point to the next, but not the identity.
var fastTransition = []string{"00-0f-ac-3", "00-0f-ac-13"}

// parseStation reads such a reply: the address, then a line key=value each. Of a key that occurs twice the first counts,
// for the identity comes from the station and might hold a line break. What is measured stands behind the identity: there the
// last one counts.
func parseStation(reply []byte) (station, error) {
	first, rest, _ := bytes.Cut(reply, []byte("\n"))
	s := station{age: -1}
	if err := s.address.UnmarshalText(bytes.TrimSpace(first)); err != nil {
		return s, fmt.Errorf("%w: %w", errGarbled, err)
	}
	values, measures := map[string]string{}, map[string]string{}
	for line := range strings.Lines(string(rest)) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if _, twice := values[key]; ok && !twice {
			values[key] = value
		}
		measures[key] = value
	}
	if len(values) == 0 {
		return s, fmt.Errorf("%w: no parameters of station %s", errGarbled, s.address)
	}
	s.authorized = strings.Contains(values["flags"], "[AUTHORIZED]")
	if name, ok := values["dot1xAuthSessionUserName"]; ok && s.authorized {
		s.naming, s.identity = nameOf(name, values["AKMSuiteSelector"])
	}
	for _, key := range []string{"connected_time", "dot1xAuthSessionTime"} {
		if seconds, err := strconv.ParseUint(values[key], 10, 31); err == nil {
			s.age = time.Duration(seconds) * time.Second
			break
		}
	}
	if dBm, err := strconv.ParseInt(measures["signal"], 10, 8); err == nil {
		s.signal = int(dBm)
	}
	s.measured = parseMeasured(values["flags"], measures)
	s.vlan = vlanOf(rest)
	return s, nil
}

// vlanOf finds the VLAN, which stands behind what is measured, or not at all: before that an identity may say what it likes.
func vlanOf(reply []byte) int {
	at := bytes.LastIndex(reply, []byte("\nrx_packets="))
	if at < 0 {
		return 0
	}
	for line := range strings.Lines(string(reply[at:])) {
		if text, ok := strings.CutPrefix(line, "vlan_id="); ok {
			vlan, err := strconv.ParseUint(strings.TrimSuffix(text, "\n"), 10, 31)
			if err == nil {
				return int(vlan)
			}
		}
	}
	return 0
}

// nameOf judges an identity. Whoever comes by fast transition could get the rights of another if the one that was known of the address
// before counted: since then it may have been authenticated as somebody else where this adapter does not see it.
func nameOf(text, suite string) (n naming, identity string) {
	switch {
	case slices.Contains(noIdentities, text) && slices.Contains(fastTransition, suite):
		return nameUntold, ""
	case slices.Contains(noIdentities, text):
		return namePending, ""
	case !validIdentity(text):
		return nameInvalid, ""
	}
	return named, text
}

// validIdentity reports whether an identity can be an NAI that is safe to print and to send on.
func validIdentity(id string) bool {
	return id != "" && len(id) <= maxIdentity && utf8.ValidString(id) &&
		strings.IndexFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// event is a message of an attached socket: "<priority>NAME arguments".
type event struct {
	name    string
	args    []string
	station mih.LinkAddress // the first argument when it is an address
}

func parseEvent(text string) (event, bool) {
	priority, body, ok := strings.Cut(text, ">")
	if !ok || len(priority) != 2 || priority[0] != '<' || priority[1] < '0' || priority[1] > '9' {
		return event{}, false
	}
	fields := strings.Fields(body)
	if len(fields) == 0 {
		return event{}, false
	}
	ev := event{name: fields[0], args: fields[1:]}
	if len(ev.args) > 0 {
		_ = ev.station.UnmarshalText([]byte(ev.args[0]))
	}
	return ev, true
}

// argument is the value of a name=value argument.
func (e event) argument(name string) string {
	for _, arg := range e.args {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value
		}
	}
	return ""
}
