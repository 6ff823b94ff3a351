package radius

import (
	"cmp"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2868"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"
	"layeh.com/radius/rfc4372"

	"netlmm/mih"
)

// IdentityAttribute is an attribute that says who a station's user is.
type IdentityAttribute string

// Attributes with an identity.
const (
	ChargeableUserIdentity IdentityAttribute = "chargeable_user_identity" // RFC 4372
	UserName               IdentityAttribute = "user_name"
)

// Record is what an Accounting-Request says (RFC 2866 section 5).
type Record struct {
	Status  rfc2866.AcctStatusType
	Session string // Acct-Session-Id, the NAS's own
	NAS     string // its identifier and addresses, as the request has them

	Station           mih.LinkAddress // zero: this session is of no station
	PointOfAttachment mih.LinkAddress // zero: not said
	Name              string          // of the access point, where Called-Station-Id has it in the address's place
	NASIdentifier     string
	SSID              string
	VLAN              string // Tunnel-Private-Group-ID
	Identity          string // "" when nobody authenticated
	LinkType          mih.LinkType

	Delay       time.Duration  // since what it tells of happened
	SessionTime *time.Duration // how long the session lasted by then; nil: not said
	Interim     time.Duration  // Acct-Interim-Interval; 0: not said
	DownReason  mih.LinkDownReason
}

var errNoStatus = errors.New("no Acct-Status-Type")

// ReadRecord takes out of a request what concerns the links of stations. identity is the order in which the attributes with
// identities are looked at.
func ReadRecord(p *codec.Packet, identity []IdentityAttribute) (r Record, err error) {
	if r.Status, err = rfc2866.AcctStatusType_Lookup(p); err != nil {
		return r, errNoStatus
	}
	r.Session = rfc2866.AcctSessionID_GetString(p)
	r.NAS = nasOf(p)
	if a, ok := stationAddress(rfc2865.CallingStationID_GetString(p)); ok {
		r.Station = a
	}
	r.PointOfAttachment, r.Name, r.SSID = calledStation(rfc2865.CalledStationID_GetString(p))
	r.NASIdentifier = rfc2865.NASIdentifier_GetString(p)
	_, r.VLAN = rfc2868.TunnelPrivateGroupID_GetString(p)
	for _, attribute := range identity {
		r.Identity = cmp.Or(r.Identity, identityFrom(p, attribute))
	}
	r.LinkType = linkType(rfc2865.NASPortType_Get(p))
	r.Delay = seconds(uint32(rfc2866.AcctDelayTime_Get(p)))
	if t, err := rfc2866.AcctSessionTime_Lookup(p); err == nil {
		d := seconds(uint32(t))
		r.SessionTime = &d
	}
	r.Interim = seconds(uint32(rfc2869.AcctInterimInterval_Get(p)))
	r.DownReason = downReason(rfc2866.AcctTerminateCause_Get(p))
	return r, nil
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// nasOf is all that a NAS says of who it is: behind another proxy, or in a network with private addresses, one of these alone
// may be that of several.
func nasOf(p *codec.Packet) string {
	return strings.Join([]string{
		rfc2865.NASIdentifier_GetString(p), string(p.Get(rfc2865.NASIPAddress_Type)), string(p.Get(rfc3162.NASIPv6Address_Type)),
	}, "\x00")
}

// macAddress reads an address at the begin of a text, in any of the forms that access points write: pairs, quadruples or
// sextuples of digits with a hyphen, colon or dot between them, or none.
func macAddress(text string) (a mih.LinkAddress, rest string, ok bool) {
	for _, group := range []int{2, 4, 6, 12} {
		for _, separator := range []string{"-", ":", "."} {
			if a, rest, ok = grouped(text, group, separator); ok {
				return a, rest, true
			}
		}
	}
	return mih.LinkAddress{}, text, false
}

func grouped(text string, group int, separator string) (a mih.LinkAddress, rest string, ok bool) {
	var digits strings.Builder
	for digits.Len() < 12 {
		if digits.Len() > 0 {
			if text, ok = strings.CutPrefix(text, separator); !ok {
				return a, "", false
			}
		}
		if len(text) < group {
			return a, "", false
		}
		digits.WriteString(text[:group])
		text = text[group:]
	}
	octets, err := hex.DecodeString(digits.String())
	if err != nil {
		return a, "", false
	}
	return mih.MACAddress([6]byte(octets)), text, true
}

// stationAddress reads a Calling-Station-Id that is the address of a single host; of a terminal server it is something else.
func stationAddress(text string) (mih.LinkAddress, bool) {
	a, rest, ok := macAddress(strings.TrimSpace(text))
	mac, isMAC := a.MAC()
	return a, ok && rest == "" && isMAC && mac[0]&1 == 0
}

// calledStation reads a Called-Station-Id: the BSSID and behind a colon the SSID (RFC 3580 section 3.20). Some access points write
// their name in the place of the first, or one of the two alone.
func calledStation(text string) (point mih.LinkAddress, name, ssid string) {
	point, rest, ok := macAddress(text)
	if ssid, found := strings.CutPrefix(rest, ":"); ok && (found || rest == "") {
		return point, "", ssid
	}
	name, ssid, found := strings.Cut(text, ":")
	if !found {
		ssid = name
	}
	return mih.LinkAddress{}, name, ssid
}

// identityFrom reads an attribute that can hold an NAI. A Chargeable-User-Identity of one zero octet is a question (RFC 4372
// section 2.1), a User-Name that is an address is that of a station nobody authenticated at.
func identityFrom(p *codec.Packet, attribute IdentityAttribute) string {
	text := rfc2865.UserName_GetString(p)
	if attribute == ChargeableUserIdentity {
		text = rfc4372.ChargeableUserIdentity_GetString(p)
	}
	_, rest, isAddress := macAddress(text)
	unprintable := func(c rune) bool { return !unicode.IsPrint(c) }
	if isAddress && rest == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, unprintable) {
		return ""
	}
	return text
}

// linkType: the link types of IEEE 802.21 that a NAS can have ports of are numbered as NAS-Port-Type is.
func linkType(port rfc2865.NASPortType) mih.LinkType {
	switch t := mih.LinkType(port); {
	case port > 0xff:
	case t == mih.LinkTypeEthernet, t == mih.LinkTypeWireless, t == mih.LinkType80211, t == mih.LinkTypeCDMA2000, t == mih.LinkTypeUMTS,
		t == mih.LinkTypeHRPD, t == mih.LinkType80216:
		return t
	}
	return 0
}

// downReason sorts the causes of RFC 2866 section 5.10 into the reasons of Link_Down.
func downReason(cause rfc2866.AcctTerminateCause) mih.LinkDownReason {
	switch cause {
	case rfc2866.AcctTerminateCause_Value_LostCarrier, rfc2866.AcctTerminateCause_Value_LostService, rfc2866.AcctTerminateCause_Value_IdleTimeout:
		return mih.DownPacketTimeout
	case rfc2866.AcctTerminateCause_Value_NASError, rfc2866.AcctTerminateCause_Value_PortPreempted, rfc2866.AcctTerminateCause_Value_ServiceUnavailable:
		return mih.DownNoResource
	case rfc2866.AcctTerminateCause_Value_UserError:
		return mih.DownAuthenticationFailure
	}
	return mih.DownExplicitDisconnect
}

// key stands for a longer text of a NAS: only those who know a secret of the configuration choose these texts, and the seed is
// not theirs.
type key uint64

var seed = maphash.MakeSeed()

func keyOf(a, b, c any) key { return key(maphash.Comparable(seed, [3]any{a, b, c})) }
