package ciscosyslog

import (
	"fmt"
	"regexp"
	"strings"

	"netlmm/mih"
)

// Parts of the grammar. A station's name may hold anything, an address and the words around one included, and comes from
// the station. So each form is anchored: where the name stands before the address, the address is the last one that the
// message's fixed end follows (the greedy .* sees to that); where it stands behind, the address is the first thing. Names of
// access points and networks are the operator's own.
const (
	address   = `([0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5})`
	port      = `^Interface\s+\S+,\s+`
	named     = `(?:.*\s)?` // the name before an address, or none
	bracketed = `\[[^\]]*\]`
	process   = `^(?:Chassis\s+\d+\s+)?R\d+/\d+:\s+\w+:\s+` // of IOS-XE
	source    = `^(?:\[\w+\])?[\w.-]+\.c:\d+\s+`            // of AireOS: the file and line of its own source
	detailed  = process + `Username\s+\((.*)\),\s+MAC:\s*` + address + `,\s+IP\s+(?:[0-9A-Fa-f:.]+,?\s+)*`
)

// form is one form of a message: its expression and how the groups are read.
type form struct {
	expr *regexp.Regexp
	read func(r *Record, groups []string) error
}

// forms by facility and mnemonic; the severity is the operator's to change.
var forms = map[string][]form{
	"DOT11-ASSOC":    association,
	"DOT11-REASSOC":  association,
	"DOT11-ADD":      {{regexp.MustCompile(port + `Station\s+` + named + address + `\s+(?:Rea|A)ssociated\s+to\s+Parent\s+` + address + `\s*$`), readParent}},
	"DOT11-DISASSOC": {{regexp.MustCompile(port + `(?:Deauthenticating|Disassociating)\s+Station\s+` + address + `(?:\s+(.*))?$`), readDisassociation}},
	"DOT11-ROAMED":   {{regexp.MustCompile(`^Station\s+` + named + address + `\s+Roamed\s+to\s+` + address + `\s*$`), readRoamed}},
	"DOT11-MAXRETRIES": {{regexp.MustCompile(`^Packet\s+to\s+client\s+` + named + address + `\s+reached\s+max\s+retries,\s+removing\s+the\s+client\.?\s*$`),
		readMaxRetries}},
	"APBR-STA_ASSOC_OK": {{regexp.MustCompile(`^\[([^\]]*)\]\s+Station\s+\[.*\]([0-9A-Fa-f]{12}|` + address[1:] + `\s+((?:Rea|A)ssociated)\s*$`), readBridge}},
	"CLIENT_ORCH_LOG-CLIENT_ADDED_TO_RUN_STATE": {
		{regexp.MustCompile(`Username\s+entry\s+\((.*)\)\s+joined\s+with\s+ssid\s+\(.*\)\s+for\s+device\s+with\s+MAC:\s*` + address +
			`(?:\s+on\s+channel\s+\(\d+\))?\s*$`), readClient},
		{regexp.MustCompile(`Username\s+entry\s+\((.*)\)\s+joined\s+with\s+ssid\s+\(.*\)\s+for\s+device\s+with\s+AP\s+name\s+\((.*)\)\s+AP\s+mac\s+\(` + address +
			`\)\s+channel\s+\(\d+\)(?:\s+rssi\s+\(-?\d+\))?\s*$`), readClientAtAccessPoint},
	},
	// With `wireless client syslog-detailed`. The addresses of IP are of no interest here, and as many as the client has.
	"CLIENT_ORCH_LOG-CLIENT_MOVED_TO_RUN_STATE":                   {{regexp.MustCompile(detailed + `associated\s+to\s+AP\s+\((.*)\)\s+with\s+SSID\s+\(.*\)(?:\s+on\s+channel\s+\(\d+\))?\s*$`), readRun}},
	"CLIENT_ORCH_LOG-CLIENT_MOVED_TO_DELETE_STATE":                {{regexp.MustCompile(detailed + `disconnected\s+from\s+AP\s+\((.*)\)\s+with\s+SSID\s+\(.*\)(?:\s+on\s+channel\s+\(\d+\))?\s*$`), readDelete}},
	"CLIENT_EXCLUSION_SERVER-ADD_TO_BLACKLIST_REASON_DYNAMIC":     exclusion,
	"CLIENT_EXCLUSION_SERVER-ADD_TO_EXCLUSIONLIST_REASON_DYNAMIC": exclusion,
	// AireOS.
	"APF-USER_NAME_CREATED":       {{regexp.MustCompile(source + `Username\s+entry\s+\((.*)\)\s+with\s+length\s+\(\d+\)\s+created\s+for\s+mobile\s+` + address + `\.?\s*$`), readCreated}},
	"APF-USER_NAME_DELETED":       {{regexp.MustCompile(source + `Username\s+entry\s+\((.*)\)\s+is\s+deleted\s+for\s+mobile\s+` + address + `\.?\s*$`), readDeleted}},
	"DOT1X-MAX_EAPOL_KEY_RETRANS": {{regexp.MustCompile(source + `Max\s+EAPOL-[Kk]ey\s+M\d\s+retransmissions\s+exceeded\s+for\s+client\s+` + address + `\.?\s*$`), readNoKey}},
}

var exclusion = []form{
	{regexp.MustCompile(process + `Client\s+MAC:\s*` + address + `\s+was\s+added\s+to\s+exclusion\s+list\s+associated\s+with\s+AP\s+Name:\s*(.*),\s+BSSID:\s*MAC:\s*` +
		address + `,?\s+reason:\s*(.*)$`), readExclusion},
}

var association = []form{
	{regexp.MustCompile(port + `Station\s+` + named + address + `\s+((?:Rea|A)ssociated)(?:\s+KEY_MGMT` + bracketed + `)?\s*$`), readAssociation},
	{regexp.MustCompile(port + `Station\s+` + named + address + `,\s+SSID\s+\[.*\],\s+Authentication\s+Type\s+` + bracketed +
		`,\s+Key\s+Management\s+` + bracketed + `,\s+((?:Rea|A)ssociated)\s*$`), readAssociation},
}

func readAssociation(r *Record, g []string) error {
	r.Reason = strings.ToLower(g[1])
	return r.setStation(Up, g[0])
}

func readParent(r *Record, g []string) error {
	r.Reason = "associated behind a repeater"
	r.PointOfAttachment, _ = parseAddress(g[1])
	return r.setStation(Up, g[0])
}

// readDisassociation finds the reason behind the last "Reason:", for the name that may stand before it can hold the word.
func readDisassociation(r *Record, g []string) error {
	reason := "deauthenticated"
	if i := strings.LastIndex(g[1], "Reason:"); i >= 0 {
		reason = strings.TrimSpace(g[1][i+len("Reason:"):])
	}
	return r.setDown(reason, downReason(reason), g[0])
}

// readRoamed: the second address is the station's new access point, not the one that writes.
func readRoamed(r *Record, g []string) error {
	to, _ := parseAddress(g[1])
	return r.setDown("roamed to "+to.String(), mih.DownExplicitDisconnect, g[0])
}

func readMaxRetries(r *Record, g []string) error {
	return r.setDown("maximum of retries reached", mih.DownPacketTimeout, g[0])
}

func readBridge(r *Record, g []string) error {
	r.AccessPoint, r.Reason = g[0], strings.ToLower(g[len(g)-1])
	return r.setStation(Up, g[1])
}

func readClient(r *Record, g []string) error {
	r.Reason = "client runs"
	r.setIdentity(g[0])
	return r.setStation(Up, g[1])
}

// readClientAtAccessPoint: the line has no address of the station, unless that is its user name. That is so with MAC authentication;
// with 802.1X a client chooses its outer identity, and so could name another's address.
func readClientAtAccessPoint(r *Record, g []string) error {
	if _, ok := parseAddress(strings.TrimSpace(g[0])); !ok {
		return fmt.Errorf("%w: the line names the access point and the user only", ErrStation)
	}
	r.Reason, r.AccessPoint, r.ByUserName = "client runs", g[1], true
	r.PointOfAttachment, _ = parseAddress(g[2])
	return r.setStation(Up, strings.TrimSpace(g[0]))
}

func readRun(r *Record, g []string) error {
	r.Reason, r.AccessPoint = "client runs", g[2]
	r.setIdentity(g[0])
	return r.setStation(Up, g[1])
}

func readDelete(r *Record, g []string) error {
	r.AccessPoint = g[2]
	r.setIdentity(g[0])
	return r.setDown("client deleted", mih.DownExplicitDisconnect, g[1])
}

// readExclusion: a client that the controller refuses to serve has no link any more.
func readExclusion(r *Record, g []string) error {
	r.AccessPoint = g[1]
	r.PointOfAttachment, _ = parseAddress(g[2])
	reason := strings.TrimSpace(g[3])
	return r.setDown("excluded: "+reason, downReason(reason), g[0])
}

// readCreated: AireOS notes the name once the client is authenticated.
func readCreated(r *Record, g []string) error {
	r.Reason = "authenticated"
	r.setIdentity(g[0])
	return r.setStation(Up, g[1])
}

func readDeleted(r *Record, g []string) error {
	r.setIdentity(g[0])
	return r.setDown("client deleted", mih.DownExplicitDisconnect, g[1])
}

func readNoKey(r *Record, g []string) error {
	return r.setDown("key handshake not answered", mih.DownAuthenticationFailure, g[0])
}
