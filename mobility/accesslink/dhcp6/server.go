package dhcp6

import (
	"crypto/sha256"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"netlmm/mobility"
)

// serverDUID is the server's identifier (section 11.4), the same at every gateway of every domain, so that a mobile node's
// Renew finds its server after a handover: it is made of the link-layer address that RFC 6543 gives to all gateways.
var serverDUID = append([]byte{0, 3, 0, 1}, mobility.FixedMAGLinkLayerAddress[:]...)

// Kind is what a message is; its text is a metric label.
type Kind string

// Kinds of message.
const (
	Advertise Kind = "dhcpv6_advertise"
	Reply     Kind = "dhcpv6_reply"
	Declined  Kind = "dhcpv6_decline" // the Reply to a Decline
)

// onlyServer is the preference that ends the client's wait for others (section 18.2.1).
const onlyServer = 255

// Answer answers a client's message. The reason is empty when there is an answer.
func Answer(message []byte, lease Lease) ([]byte, Kind, Reason) {
	r, reason := decode(message)
	if reason == "" {
		reason = r.validate()
	}
	if reason == "" && len(lease.Prefixes) == 0 {
		reason = NoAddress
	}
	if reason != "" {
		return nil, "", reason
	}
	answer := r.reply()
	kind := Reply
	switch r.kind {
	case dhcpv6.MessageTypeSolicit:
		if r.rapidCommit { // section 18.3.1
			answer.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit})
		} else {
			kind, answer.MessageType = Advertise, dhcpv6.MessageTypeAdvertise
			answer.AddOption(dhcpv6.OptPreference(onlyServer))
		}
		r.assign(answer, lease, withoutForeign)
	case dhcpv6.MessageTypeRequest:
		r.assign(answer, lease, refuseForeign)
	case dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRebind:
		r.assign(answer, lease, endForeign)
	case dhcpv6.MessageTypeConfirm:
		if !r.confirm(answer, lease) {
			return nil, "", NoAddress
		}
	case dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline:
		if r.kind == dhcpv6.MessageTypeDecline {
			kind = Declined
		}
		r.giveBack(answer, lease)
	}
	if servers := lease.nameServers(); len(servers) != 0 && r.configures() {
		answer.AddOption(dhcpv6.OptDNS(servers...))
	}
	octets := answer.ToBytes()
	if len(octets) > maximumMessage {
		return nil, "", TooLong
	}
	return octets, kind, ""
}

// configures says whether the answer carries configuration.
func (r request) configures() bool {
	return !slices.Contains([]dhcpv6.MessageType{dhcpv6.MessageTypeConfirm, dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline}, r.kind)
}

// reply is what all answers have in common (section 18.3).
func (r request) reply() *dhcpv6.Message {
	answer := &dhcpv6.Message{MessageType: dhcpv6.MessageTypeReply, TransactionID: r.transaction}
	answer.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionServerID, OptionData: serverDUID})
	if r.client != nil {
		answer.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionClientID, OptionData: r.client})
	}
	return answer
}

// foreign says what is done with addresses that the client names and that are not of its home network prefixes.
type foreign int

const (
	withoutForeign foreign = iota // Solicit: they are hints and ignored
	refuseForeign                 // Request: the association is returned with NotOnLink (section 18.3.2)
	endForeign                    // Renew, Rebind: returned with lifetimes 0 (sections 18.3.4, 18.3.5)
)

// assign gives each identity association its addresses. A gateway that never saw the client gives the same ones as that
// which the client got them from. There are no temporary addresses and no delegated prefixes.
func (r request) assign(answer *dhcpv6.Message, lease Lease, what foreign) {
	lifetime := min(max(lease.Remaining.Truncate(time.Second), shortestLifetime), (1<<32-2)*time.Second)
	for _, ia := range r.addresses {
		out := &dhcpv6.OptIANA{IaId: ia.IaId}
		ours := lease.addresses(r.client, ia.IaId)
		strangers := slices.DeleteFunc(named(ia.Options.Options), lease.onLink)
		if what == refuseForeign && len(strangers) != 0 {
			out.Options.Add(status(iana.StatusNotOnLink))
			answer.AddOption(out)
			continue
		}
		out.T1, out.T2 = lifetime/2, lifetime/5*4 // section 21.4
		for _, address := range ours {
			out.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: address.AsSlice(), PreferredLifetime: lifetime, ValidLifetime: lifetime})
		}
		if what == endForeign {
			gone := slices.DeleteFunc(named(ia.Options.Options), func(a netip.Addr) bool { return slices.Contains(ours, a) })
			for _, address := range gone {
				out.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: address.AsSlice()})
			}
		}
		answer.AddOption(out)
	}
	for _, ia := range r.temporary {
		out := &dhcpv6.OptIATA{IaId: ia.IaId}
		out.Options.Add(status(iana.StatusNoAddrsAvail))
		answer.AddOption(out)
	}
	for _, ia := range r.delegated {
		out := &dhcpv6.OptIAPD{IaId: ia.IaId}
		out.Options.Add(status(iana.StatusNoPrefixAvail))
		answer.AddOption(out)
	}
}

// confirm says whether all named addresses belong to this link (section 18.3.3); it reports false if there are none.
func (r request) confirm(answer *dhcpv6.Message, lease Lease) bool {
	var addresses []netip.Addr
	for _, ia := range r.addresses {
		addresses = append(addresses, named(ia.Options.Options)...)
	}
	for _, ia := range r.temporary {
		addresses = append(addresses, named(ia.Options.Options)...)
	}
	if len(addresses) == 0 {
		return false
	}
	code := iana.StatusSuccess
	if slices.ContainsFunc(addresses, func(a netip.Addr) bool { return !lease.onLink(a) }) {
		code = iana.StatusNotOnLink
	}
	answer.AddOption(status(code))
	return true
}

// giveBack answers a Release or a Decline (sections 18.3.7, 18.3.8). Nothing is kept of either: the addresses of a mobile
// node's own prefixes can go to nobody else.
func (r request) giveBack(answer *dhcpv6.Message, lease Lease) {
	answer.AddOption(status(iana.StatusSuccess))
	for _, ia := range r.addresses {
		ours := lease.addresses(r.client, ia.IaId)
		if !slices.ContainsFunc(named(ia.Options.Options), func(a netip.Addr) bool { return slices.Contains(ours, a) }) {
			out := &dhcpv6.OptIANA{IaId: ia.IaId}
			out.Options.Add(status(iana.StatusNoBinding))
			answer.AddOption(out)
		}
	}
}

func status(code iana.StatusCode) dhcpv6.Option { return &dhcpv6.OptStatusCode{StatusCode: code} }

func (lease Lease) onLink(address netip.Addr) bool {
	return slices.ContainsFunc(lease.Prefixes, func(p netip.Prefix) bool { return p.Contains(address) })
}

// addresses are those of an identity association: one of each home network prefix (RFC 5213 section 6.11), made of a hash of
// the prefix and the client's identifiers. The identifiers know of no gateway, so a handover changes nothing.
func (lease Lease) addresses(client []byte, association [4]byte) (out []netip.Addr) {
	for _, prefix := range lease.Prefixes {
		out = append(out, addressIn(prefix, client, association))
	}
	return out
}

// addressIn never returns an interface identifier that IANA reserves (RFC 5453): zero, that of RFC 6543 and its like, and the
// anycast ones.
func addressIn(prefix netip.Prefix, client []byte, association [4]byte) netip.Addr {
	octets := prefix.Masked().Addr().As16()
	for attempt := byte(0); ; attempt++ {
		sum := sha256.Sum256(slices.Concat([]byte{attempt}, octets[:], association[:], client))
		candidate := octets
		for bit := prefix.Bits(); bit < 128; bit++ {
			mask := byte(0x80) >> (bit % 8)
			candidate[bit/8] = candidate[bit/8]&^mask | sum[bit/8]&mask
		}
		if !reserved([8]byte(candidate[8:])) || attempt == 255 { // a prefix of 127 bits has little choice
			return netip.AddrFrom16(candidate)
		}
	}
}

func reserved(identifier [8]byte) bool {
	iana := [5]byte(identifier[:]) == [5]byte{0x02, 0x00, 0x5e, 0xff, 0xfe}
	anycast := [7]byte(identifier[:]) == [7]byte{0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff} && identifier[7] >= 0x80
	return identifier == [8]byte{} || iana || anycast
}

func (lease Lease) nameServers() (servers []net.IP) {
	for _, s := range lease.DNSServers {
		if s.Is6() {
			servers = append(servers, s.AsSlice())
		}
	}
	return servers
}
