package discover

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"netlmm/mih/transport"
	"netlmm/mih/transport/mos"
)

// What is used of one answer at most. Records beyond that are of no use to anybody.
const (
	maximumTargets   = 8
	maximumHosts     = 16
	maximumAddresses = 16 // of one host
	maximumAliases   = 8
)

// records are those of type T that an answer has for the name, or for what it is an alias of.
func records[T dns.RR](section []dns.RR, name string) (found []T) {
	name = dns.CanonicalName(name)
	for range maximumAliases {
		for _, record := range section {
			if one, ok := record.(T); ok && dns.CanonicalName(record.Header().Name) == name && record.Header().Class == dns.ClassINET {
				found = append(found, one)
			}
		}
		alias, isOne := aliasOf(section, name)
		if len(found) > 0 || !isOne {
			return found
		}
		name = alias
	}
	return nil
}

func aliasOf(section []dns.RR, name string) (string, bool) {
	for _, record := range section {
		if alias, ok := record.(*dns.CNAME); ok && dns.CanonicalName(alias.Hdr.Name) == name {
			return dns.CanonicalName(alias.Target), true
		}
	}
	return "", false
}

// naptrTargets are what the NAPTR records say of a service, in their order. Records that are for something else are passed over,
// and so are those with a regular expression, which there must not be (RFC 5679 section 2.2).
func naptrTargets(answer *dns.Msg, domain string, service mos.Service) (targets []target) {
	list := records[*dns.NAPTR](answer.Answer, domain)
	slices.SortStableFunc(list, func(a, b *dns.NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	for _, record := range list {
		protocol, usable := protocolOf(record, service)
		t := target{dns.Fqdn(record.Replacement), protocol}
		if usable && len(targets) < maximumTargets && !slices.Contains(targets, t) {
			targets = append(targets, t)
		}
	}
	return targets
}

// protocolOf reads service fields such as MIHIS+M2T (RFC 5679 section 3).
func protocolOf(record *dns.NAPTR, service mos.Service) (p transport.Protocol, usable bool) {
	id, resolution, _ := strings.Cut(record.Service, "+")
	if !strings.EqualFold(record.Flags, "s") || !strings.EqualFold(id, service.String()) || record.Regexp != "" || record.Replacement == "." || record.Replacement == "" {
		return 0, false
	}
	switch strings.ToUpper(resolution) {
	case "M2T":
		return transport.TCP, true
	case "M2U":
		return transport.UDP, true
	}
	return 0, false // M2S is SCTP
}

// srvHosts are the SRV records in the order in which RFC 2782 has them tried: those of one priority by the chance that their
// weights give them. A record that names the root says that there is no such service.
func srvHosts(answer *dns.Msg, name string) (ordered []*dns.SRV) {
	list := slices.DeleteFunc(records[*dns.SRV](answer.Answer, name), func(r *dns.SRV) bool { return r.Port == 0 || r.Target == "." || r.Target == "" })
	slices.SortStableFunc(list, func(a, b *dns.SRV) int { return cmp.Compare(a.Priority, b.Priority) })
	for len(list) > 0 && len(ordered) < maximumHosts {
		i := draw(list)
		ordered = append(ordered, list[i])
		list = slices.Delete(list, i, i+1)
	}
	return ordered
}

// draw draws one of the records with the lowest priority, which stand first.
func draw(list []*dns.SRV) int {
	same, total := 0, 0
	for same < len(list) && list[same].Priority == list[0].Priority {
		total += int(list[same].Weight)
		same++
	}
	if total == 0 {
		return rand.IntN(same)
	}
	for i, at := 0, rand.IntN(total); i < same; i++ {
		if at -= int(list[i].Weight); at < 0 {
			return i
		}
	}
	return 0
}

// hostAddresses are those of a host, IPv6 first, as far as a host far away can have them.
func hostAddresses(section []dns.RR, host string) (list []netip.Addr) {
	add := func(octets []byte) {
		a, _ := netip.AddrFromSlice(octets)
		if a.IsGlobalUnicast() && !a.Is4In6() && len(list) < maximumAddresses && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	for _, record := range records[*dns.AAAA](section, host) {
		add(record.AAAA)
	}
	for _, record := range records[*dns.A](section, host) {
		add(record.A.To4())
	}
	return list
}

func hostName(target string) string { return strings.TrimSuffix(dns.CanonicalName(target), ".") }
