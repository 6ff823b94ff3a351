package configs

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"netlmm/mih"
)

// MIH is what an MIH Function is told of itself and of those that it speaks with (IEEE 802.21, RFC 5677).
type MIH struct {
	MIHFID mih.MIHFID
	Listen []netip.Addr // addresses of its sockets; none: it speaks with nobody over the network
	Port   uint16
	Peers  []MIHPeer

	MaximumLinksOfPeer int // at a gateway: links that are up by the word of one peer; 0: half of those that there may be

	Discovery Discovery
}

// MIHPeer is another MIH Function.
type MIHPeer struct {
	Name      string
	MIHFID    mih.MIHFID // "": it is asked for
	Address   netip.AddrPort
	TCP       bool // it is spoken with over TCP; else UDP
	ODTONE    bool // it departs from the standard as ODTONE does
	Register  bool // this MIH Function registers with it (IEEE 802.21 section 6.4.3)
	Protected bool // by the association of its address; else it is believed in clear

	// At a gateway: the access link where the stations are whose links the peer reports; "": it is not asked for their events.
	Interface          string
	PointsOfAttachment []mih.LinkAddress // it is believed for these only; none: for all
}

// InClear are the addresses of the peers that are believed in clear, but for those of this host.
func (m MIH) InClear() (list []netip.Addr) {
	for _, peer := range m.Peers {
		if a := peer.Address.Addr(); !peer.Protected && !a.IsLoopback() && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}

type (
	rawMIH struct {
		MIHFID    string       `mapstructure:"mihf_id"`
		Listen    []string     `mapstructure:"listen"`
		Port      int          `mapstructure:"port"`
		Discovery rawDiscovery `mapstructure:"discovery"`
	}
	rawMIHPeer struct {
		Name       string `mapstructure:"name"`
		MIHFID     string `mapstructure:"mihf_id"`
		Address    string `mapstructure:"address"`
		Port       int    `mapstructure:"port" default:"4551"`
		Transport  string `mapstructure:"transport" default:"udp"`
		Compat     string `mapstructure:"compat" default:"strict"`
		Register   bool   `mapstructure:"register" default:"false"`
		Protection string `mapstructure:"protection" default:"ipsec"`
	}

	// Those of a gateway, whose stations may be behind its peers.
	rawGatewayMIH struct {
		rawMIH       `mapstructure:",squash"`
		MaximumLinks int                 `mapstructure:"maximum_links_of_peer"`
		Peers        []rawGatewayMIHPeer `mapstructure:"peers"`
	}
	rawGatewayMIHPeer struct {
		rawMIHPeer         `mapstructure:",squash"`
		Interface          string   `mapstructure:"interface"`
		PointsOfAttachment []string `mapstructure:"points_of_attachment"`
	}
)

// mihPort is the one that IANA assigned for UDP and TCP (RFC 5677 section 9), and the only one that associations and packet filter
// know.
const mihPort = 4551

var defaultMIH = rawMIH{Port: mihPort, Discovery: rawDiscovery{DHCP: "off"}}

// function reads what an MIH Function is told of itself. byDefault is where it listens when nothing is said.
func (p *problems) function(raw rawMIH, byDefault []netip.Addr) MIH {
	m := MIH{Port: uint16(p.between("mih.port", raw.Port, 1, 65535)), Listen: byDefault}
	id := raw.MIHFID
	if id == "" {
		id, _ = os.Hostname() // without one it is missing
	}
	m.MIHFID = p.mihfID("mih.mihf_id", id)
	if len(raw.Listen) > 0 {
		m.Listen = nil
	}
	for i, value := range raw.Listen {
		at := fmt.Sprintf("mih.listen[%d]", i)
		a := p.unicast(at, value)
		if slices.Contains(m.Listen, a) {
			p.add(at, value, "stands twice: keep one")
		}
		m.Listen = append(m.Listen, a)
	}
	return m
}

// gatewayMIH reads mih of a gateway. Without peers and without listen it has no sockets.
func (p *problems) gatewayMIH(raw rawGatewayMIH, end local, c *Magd) MIH {
	var byDefault []netip.Addr
	discovery := p.discovery(raw.rawMIH, c.None, c.Protected())
	if len(raw.Peers) > 0 || discovery.On() {
		for _, a := range []netip.Addr{end.address, end.ipv4, netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})} {
			if a.IsValid() {
				byDefault = append(byDefault, a)
			}
		}
	}
	m := p.function(raw.rawMIH, byDefault)
	m.Discovery = discovery
	m.MaximumLinksOfPeer = p.between("mih.maximum_links_of_peer", raw.MaximumLinks, 0, 1<<20)
	links := map[string]AccessLink{}
	for _, l := range c.AccessLinks {
		links[l.Interface] = l
	}
	for i, rawPeer := range raw.Peers {
		at := fmt.Sprintf("mih.peers[%d]", i)
		peer := p.mihPeer(at, rawPeer.rawMIHPeer, m, c.None, c.Protected())
		if peer.Interface = rawPeer.Interface; peer.Interface != "" {
			p.knownLink(at+".interface", peer.Interface, links)
		} else if len(rawPeer.PointsOfAttachment) > 0 {
			p.add(at+".points_of_attachment", "", "has no effect without interface: want the access link where their stations are, or take it away")
		}
		for j, value := range rawPeer.PointsOfAttachment {
			peer.PointsOfAttachment = append(peer.PointsOfAttachment, p.linkAddress(fmt.Sprintf("%s.points_of_attachment[%d]", at, j), value))
		}
		m.Peers = append(m.Peers, peer)
	}
	return m
}

// mihPeer reads one entry, which must differ from those of m. protected are the peers with an association.
func (p *problems) mihPeer(at string, raw rawMIHPeer, m MIH, laboratory bool, protected []Peer) MIHPeer {
	address := p.unicast(at+".address", raw.Address)
	port := p.between(at+".port", raw.Port, 1, 65535)
	peer := MIHPeer{
		Name: raw.Name, Address: netip.AddrPortFrom(address, uint16(port)), TCP: p.oneOf(at+".transport", raw.Transport, "udp", "tcp") == "tcp",
		ODTONE:    p.oneOf(at+".compat", raw.Compat, "strict", "odtone") == "odtone",
		Register:  raw.Register,
		Protected: p.oneOf(at+".protection", raw.Protection, "ipsec", "none") == "ipsec" && !laboratory && !address.IsLoopback(),
	}
	if raw.MIHFID != "" {
		peer.MIHFID = p.mihfID(at+".mihf_id", raw.MIHFID)
	}
	if peer.Name == "" {
		peer.Name = raw.Address
	}
	switch reached := func(a netip.Addr) bool { return a.Is4() == address.Is4() && a.IsLoopback() == address.IsLoopback() }; {
	case !address.IsValid():
	case peer.Protected:
		p.association(at, peer, m, protected)
	case !slices.ContainsFunc(m.Listen, reached):
		p.add(at+".address", raw.Address, "is reached from no address of mih.listen: want one of its IP version there, or of this host for loopback")
	}
	p.mihPeersDiffer(at, peer, m)
	return peer
}

// association checks that what is said with a protected peer is under the association of its address.
func (p *problems) association(at string, peer MIHPeer, m MIH, protected []Peer) {
	i := slices.IndexFunc(protected, func(other Peer) bool { return other.Address == peer.Address.Addr() })
	switch {
	case i < 0:
		p.add(at+".protection", "ipsec", fmt.Sprintf("has no security association with %v: want this address under security.peers (a gateway's lmas and gateways do as well), "+
			"or none in a laboratory", peer.Address.Addr()))
	case protected[i].Local.IsValid() && !slices.Contains(m.Listen, protected[i].Local):
		p.add("mih.listen", "", fmt.Sprintf("lacks %v, from where the association with %s is", protected[i].Local, at))
	}
	if peer.Address.Port() != mihPort {
		p.add(at+".port", fmt.Sprint(peer.Address.Port()), fmt.Sprintf("is not protected: want %d, or protection: none in a laboratory", mihPort))
	}
	if m.Port != mihPort {
		p.add("mih.port", fmt.Sprint(m.Port), fmt.Sprintf("is not protected, as %s shall be: want %d", at, mihPort))
	}
}

func (p *problems) mihPeersDiffer(at string, peer MIHPeer, m MIH) {
	if peer.MIHFID != "" && peer.MIHFID == m.MIHFID {
		p.add(at+".mihf_id", string(peer.MIHFID), "is this end's own (mih.mihf_id): want the other end's")
	}
	for _, other := range m.Peers {
		switch {
		case peer.Address.IsValid() && peer.Address == other.Address:
			p.add(at+".address", peer.Address.String(), "stands twice: keep one")
		case peer.Name == other.Name:
			p.add(at+".name", peer.Name, "stands twice: want a name of its own for each peer")
		}
		if peer.MIHFID != "" && peer.MIHFID == other.MIHFID {
			p.add(at+".mihf_id", string(peer.MIHFID), "is that of "+other.Name+" already")
		}
	}
}

// longestMIHFID is what MIHF_ID has room for, in octets (IEEE 802.21 Annex F.3.11).
const longestMIHFID = 253

func (p *problems) mihfID(key, value string) mih.MIHFID {
	switch {
	case value == "":
		p.add(key, value, "is missing: want the name of an MIH Function, such as mag1.example.net")
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		p.add(key, value, "want the name of an MIH Function, an NAI without blanks, such as mag1.example.net")
	}
	return mih.MIHFID(p.notLonger(key, value, longestMIHFID))
}

// unicast reads an address of either family, that of the loopback interface too.
func (p *problems) unicast(key, value string) netip.Addr {
	if a, err := netip.ParseAddr(value); err == nil && a.IsLoopback() && !a.Is4In6() {
		return a
	}
	return p.transportAddress(key, value)
}

func (p *problems) linkAddress(key, value string) mih.LinkAddress {
	return mih.MACAddress(p.mac(key, value))
}

var linkTypes = map[string]mih.LinkType{"wlan": mih.LinkType80211, "ethernet": mih.LinkTypeEthernet, "wireless": mih.LinkTypeWireless}

func (p *problems) linkType(key, value string) mih.LinkType {
	return linkTypes[p.oneOf(key, value, "wlan", "ethernet", "wireless")]
}
