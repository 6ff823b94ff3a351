package vici

import (
	"net/netip"
	"strings"

	"netlmm/security"
)

// signallingPort carries Mobility Headers over IPv4 (RFC 5844 section 4), mihPort IEEE 802.21 (RFC 5677). charon prints ports by
// their names where /etc/services has them; here are those of IANA's list.
const signallingPort, mihPort = "5436", "4551"

var portNames = map[string]string{"pmip6-cntl": signallingPort, "ieee-mih": mihPort}

// selectors of one end of a CHILD_SA, which is the product of those of both ends: Mobility Headers, MIH over UDP, and TCP. That
// is all of TCP between the two hosts: narrowed to port 4551, it would not have the port of the end that connects.
func (cfg ConnectionConfig) selectors(a netip.Addr, plugin string) (list []string) {
	host := netip.PrefixFrom(a, a.BitLen()).String()
	for _, protocol := range []string{cfg.signalling(plugin), "udp/" + mihPort, "tcp"} {
		list = append(list, host+"["+protocol+"]")
	}
	return list
}

// signalling is the protocol of both selectors for every Mobility Header and nothing else. Over IPv4 these are in UDP (RFC 5844
// section 4.3.1), and both ends use its port.
func (cfg ConnectionConfig) signalling(plugin string) string {
	switch {
	case cfg.RemoteAddress.Is4():
		return "udp/" + signallingPort
	case plugin == KernelLibipsec:
		return "59"
	default:
		return "135"
	}
}

// between reads the traffic selectors of both ends: the addresses, and what is covered between them.
func between(localTS, remoteTS []string, plugin string) (local, remote netip.Addr, covers security.Traffic) {
	local, fromLocal := parseSelectors(localTS, plugin)
	remote, fromRemote := parseSelectors(remoteTS, plugin)
	if !local.IsValid() || !remote.IsValid() {
		return local, remote, 0
	}
	return local, remote, fromLocal & fromRemote
}

// parseSelectors reads the traffic selectors of one end, as in "2001:db8::1/128[mobility-header]". The address is valid when all
// of them are that one host; covers is what they let pass together.
func parseSelectors(selectors []string, plugin string) (address netip.Addr, covers security.Traffic) {
	for _, selector := range selectors {
		host, protocol, restricted := strings.Cut(selector, "[")
		prefix, err := netip.ParsePrefix(host)
		if err != nil || !prefix.IsSingleIP() || address.IsValid() && prefix.Addr() != address {
			return netip.Addr{}, 0
		}
		address = prefix.Addr()
		if !restricted {
			covers |= security.MobilityHeaders | security.MIH
			continue
		}
		covers |= covered(strings.TrimSuffix(protocol, "]"), address.Is4(), plugin)
	}
	return address, covers
}

// covered by one selector. It is as charon prints it: protocol, slash and port, each by its name where there is one. To libipsec a
// Mobility Header looks like what follows it, "no next header".
func covered(selector string, ipv4 bool, plugin string) (covers security.Traffic) {
	protocol, port, restricted := strings.Cut(selector, "/")
	if name, known := portNames[port]; known {
		port = name
	}
	switch protocol {
	case "udp", "17":
		if !restricted || port == mihPort {
			covers |= security.MIHOverUDP
		}
		if ipv4 && (!restricted || port == signallingPort) {
			covers |= security.MobilityHeaders
		}
	case "tcp", "6":
		if !restricted {
			covers |= security.MIHOverTCP
		}
	case "mobility-header", "135", "ipv6-nonxt", "59": // a type of Mobility Headers behind a slash: not all of them
		throughLibipsec := protocol == "ipv6-nonxt" || protocol == "59"
		if !ipv4 && !restricted && throughLibipsec == (plugin == KernelLibipsec) {
			covers |= security.MobilityHeaders
		}
	}
	return covers
}
