package configs

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"netlmm/mih"
	"netlmm/mobility"
)

// HostapdSource is one hostapd interface that reports its stations.
type HostapdSource struct {
	ControlSocket string
	Interface     string         // at a gateway the access link of its stations, elsewhere a name
	VLANs         map[int]string // interfaces, as that one, of VLANs that hostapd puts stations into; none: all are at Interface
	LinkType      mih.LinkType
	// PointOfAttachment is what its stations are said to be attached to; zero: the BSSID that hostapd tells.
	PointOfAttachment mih.LinkAddress

	SignalPollInterval time.Duration // 0: signal strength is not watched
	GoingDownThreshold int           // dBm; 0: no station is ever said to be going down
	Hysteresis         int           // dB above the threshold
	GoingDownInterval  time.Duration // TimeInterval of Link_Going_Down
	LinkDetected       bool          // probe requests are reported as Link_Detected
}

// CiscoSyslog are the listeners for Cisco access points.
type CiscoSyslog struct {
	Listen            netip.AddrPort // of UDP; zero: none
	ListenTCP         netip.AddrPort
	OctetCountingOnly bool // over TCP
	Sources           []SyslogSource
}

// On says whether there is a listener.
func (c CiscoSyslog) On() bool { return c.Listen.IsValid() || c.ListenTCP.IsValid() }

// SyslogSource is one access point or controller whose lines are believed.
type SyslogSource struct {
	Address           netip.Prefix
	AccessPoint       string // only lines that name it, or are written by a host of that name; "": all of this address
	PointOfAttachment mih.LinkAddress
	Interface         string // as that of HostapdSource
	UserNameIsAddress bool   // no client of it chooses its user name
}

// The raw forms: as written in YAML.
type (
	rawAdapters struct {
		Hostapd        []rawHostapd   `mapstructure:"hostapd"`
		CiscoSyslog    rawCiscoSyslog `mapstructure:"ciscosyslog"`
		Radius         rawRadius      `mapstructure:"radius"`
		rawLinkSources `mapstructure:",squash"`
	}
	rawHostapd struct {
		ControlSocket       string    `mapstructure:"control_socket"`
		Interface           string    `mapstructure:"interface"`
		VLANs               []rawVLAN `mapstructure:"vlans"`
		PointOfAttachment   string    `mapstructure:"point_of_attachment"`
		SignalPollInterval  *string   `mapstructure:"signal_poll_interval" default:"0s"`
		GoingDownThreshold  int       `mapstructure:"going_down_threshold" default:"0"`
		GoingDownHysteresis *int      `mapstructure:"going_down_hysteresis" default:"5"`
		GoingDownInterval   *string   `mapstructure:"going_down_interval" default:"5s"`
		LinkDetected        bool      `mapstructure:"link_detected" default:"false"`
	}
	rawVLAN struct {
		VLANID    int    `mapstructure:"vlan_id"`
		Interface string `mapstructure:"interface"`
	}
	rawCiscoSyslog struct {
		Listen            string            `mapstructure:"listen"`
		ListenTCP         string            `mapstructure:"listen_tcp"`
		OctetCountingOnly bool              `mapstructure:"octet_counting_only" default:"false"`
		Sources           []rawSyslogSource `mapstructure:"sources"`
	}
	rawSyslogSource struct {
		Address           string `mapstructure:"address"`
		AccessPoint       string `mapstructure:"access_point"`
		PointOfAttachment string `mapstructure:"point_of_attachment"`
		Interface         string `mapstructure:"interface"`
		UserNameIsAddress bool   `mapstructure:"user_name_is_address" default:"false"`
	}
)

// adapters reads those of a gateway, which has none when it gets all link events from other MIH Functions.
func (p *problems) adapters(c *Magd, raw rawAdapters) {
	links := map[string]AccessLink{}
	for _, l := range c.AccessLinks {
		links[l.Interface] = l
	}
	known := func(key, name string) { p.knownLink(key, name, links) }
	for i, h := range raw.Hostapd {
		at, linkType := fmt.Sprintf("adapters.hostapd[%d]", i), mih.LinkType80211
		known(at+".interface", h.Interface)
		if links[h.Interface].AccessTechnologyType == mobility.AccessEthernet {
			linkType = mih.LinkTypeEthernet
		}
		source := p.hostapd(at, h, linkType, c.Hostapd)
		source.VLANs = p.vlans(at, h.VLANs, known)
		c.Hostapd = append(c.Hostapd, source)
	}
	c.CiscoSyslog = p.ciscoSyslog(raw.CiscoSyslog, known)
	technology := func(name string) mih.LinkType {
		if links[name].AccessTechnologyType == mobility.AccessEthernet {
			return mih.LinkTypeEthernet
		}
		return mih.LinkType80211
	}
	c.Radius = p.radius(raw.Radius, known, technology)
	c.LinkSources = p.linkSources(raw.rawLinkSources, known, technology)
	told := slices.ContainsFunc(c.MIH.Peers, func(peer MIHPeer) bool { return peer.Interface != "" })
	if len(c.Hostapd) == 0 && !c.CiscoSyslog.On() && raw.Radius.Listen == "" && !c.LinkSources.On() && !told {
		p.add("adapters", "", "is missing: want hostapd, ciscosyslog, radius, ethernet, nd or nl80211, or one of mih.peers with interface; without them no attachment is ever seen")
	}
}

func (p *problems) knownLink(key, name string, links map[string]AccessLink) {
	if _, ok := links[name]; !ok {
		p.add(key, name, "want the interface of one of access_links")
	}
}

// hostapd reads one entry, which must differ from the others.
func (p *problems) hostapd(at string, raw rawHostapd, linkType mih.LinkType, others []HostapdSource) HostapdSource {
	source := HostapdSource{
		ControlSocket: p.socket(at+".control_socket", raw.ControlSocket, longestSocket), Interface: raw.Interface, LinkType: linkType,
		GoingDownThreshold: raw.GoingDownThreshold, Hysteresis: 5, GoingDownInterval: 5 * time.Second, LinkDetected: raw.LinkDetected,
	}
	if raw.PointOfAttachment != "" {
		source.PointOfAttachment = p.linkAddress(at+".point_of_attachment", raw.PointOfAttachment)
	}
	if raw.SignalPollInterval != nil {
		source.SignalPollInterval = p.durationOrOff(at+".signal_poll_interval", *raw.SignalPollInterval, 100*time.Millisecond, time.Minute)
	}
	if raw.GoingDownThreshold != 0 {
		p.between(at+".going_down_threshold", raw.GoingDownThreshold, -110, -1) // dBm; hostapd tells no other signals
	}
	if raw.GoingDownHysteresis != nil {
		source.Hysteresis = p.between(at+".going_down_hysteresis", *raw.GoingDownHysteresis, 1, 40)
	}
	if raw.GoingDownInterval != nil { // IEEE 802.21 has 16 bits of milliseconds for it
		source.GoingDownInterval = p.duration(at+".going_down_interval", *raw.GoingDownInterval, time.Millisecond, 65535*time.Millisecond)
	}
	if (raw.GoingDownThreshold != 0) != (source.SignalPollInterval != 0) {
		p.add(at, "", "has one of signal_poll_interval and going_down_threshold: want both, or none of them")
	}
	if linkType == mih.LinkTypeEthernet && (source.SignalPollInterval != 0 || source.LinkDetected) {
		p.add(at, "", "has signal_poll_interval or link_detected, but its link is ethernet, which has no signal and no probe requests: take them away")
	}
	p.ownSocket(at+".control_socket", source, others)
	return source
}

// vlans reads which access interface the stations of each VLAN have; known judges these.
func (p *problems) vlans(at string, raws []rawVLAN, known func(key, name string)) map[int]string {
	list := map[int]string{}
	for i, raw := range raws {
		here := fmt.Sprintf("%s.vlans[%d]", at, i)
		known(here+".interface", raw.Interface)
		p.between(here+".vlan_id", raw.VLANID, 1, 4094)
		if _, twice := list[raw.VLANID]; twice {
			p.add(here+".vlan_id", fmt.Sprint(raw.VLANID), "stands twice: want one interface for each VLAN")
		}
		list[raw.VLANID] = raw.Interface
	}
	return list
}

// ownSocket checks that no two sources are one hostapd interface: its stations would be told twice. A control socket may be
// given as its directory, with the interface as the name in it.
func (p *problems) ownSocket(key string, source HostapdSource, others []HostapdSource) {
	path := filepath.Clean(source.ControlSocket)
	for _, o := range others {
		other := filepath.Clean(o.ControlSocket)
		if path == other || path == filepath.Join(other, o.Interface) || other == filepath.Join(path, source.Interface) {
			p.add(key, source.ControlSocket, "stands twice: want one entry for each interface of hostapd, with its own socket such as /run/hostapd/wlan0")
			return
		}
	}
}

// ciscoSyslog reads the listener; known judges the interfaces of its sources.
func (p *problems) ciscoSyslog(raw rawCiscoSyslog, known func(key, name string)) (c CiscoSyslog) {
	if raw.Listen != "" {
		c.Listen = p.addrPort("adapters.ciscosyslog.listen", raw.Listen)
	}
	if raw.ListenTCP != "" {
		c.ListenTCP = p.addrPort("adapters.ciscosyslog.listen_tcp", raw.ListenTCP)
	}
	c.OctetCountingOnly = raw.OctetCountingOnly
	listens := raw.Listen != "" || raw.ListenTCP != ""
	switch {
	case listens && len(raw.Sources) == 0:
		p.add("adapters.ciscosyslog.sources", "", "is missing: syslog has no authentication, so the access points that are believed must be named")
	case !listens && len(raw.Sources) > 0:
		p.add("adapters.ciscosyslog.listen", "", `is missing although there are sources: want "[::]:514", or listen_tcp`)
	case c.OctetCountingOnly && raw.ListenTCP == "":
		p.add("adapters.ciscosyslog.octet_counting_only", "true", "is about listen_tcp, which is missing")
	}
	type sender struct {
		address     netip.Prefix
		accessPoint string
	}
	seen := map[sender]bool{}
	for i, s := range raw.Sources {
		at := fmt.Sprintf("adapters.ciscosyslog.sources[%d]", i)
		known(at+".interface", s.Interface)
		source := SyslogSource{
			Address: p.hostOrPrefix(at+".address", s.Address), AccessPoint: s.AccessPoint, Interface: s.Interface, UserNameIsAddress: s.UserNameIsAddress,
		}
		if s.PointOfAttachment != "" {
			source.PointOfAttachment = p.linkAddress(at+".point_of_attachment", s.PointOfAttachment)
		}
		p.heard(at+".address", source.Address, c)
		if seen[sender{source.Address, s.AccessPoint}] {
			p.add(at, s.Address, "stands twice: keep one, or tell them apart by access_point")
		}
		seen[sender{source.Address, s.AccessPoint}] = true
		c.Sources = append(c.Sources, source)
	}
	return c
}

// hostOrPrefix reads the address of an access point, or of several.
func (p *problems) hostOrPrefix(key, value string) netip.Prefix {
	n, err := netip.ParsePrefix(value)
	if a, hostErr := netip.ParseAddr(value); hostErr == nil {
		n, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	switch {
	case err != nil:
		p.add(key, value, "want an address or a prefix of access points")
	case n.Bits() == 0 || n.Addr().IsUnspecified() || n.Addr().IsMulticast():
		p.add(key, value, "want the unicast address or prefix of access points: not everyone can be believed")
	case n.Addr().Is4In6():
		p.add(key, value, fmt.Sprintf("want an IPv4 address as such: %v", n.Addr().Unmap()))
	case n != n.Masked():
		p.add(key, value, fmt.Sprintf("has bits behind its length: want %v", n.Masked()))
	}
	return n
}

// heard checks that one of the listeners can hear the source: one for IPv4 hears no IPv6, and the other way round.
func (p *problems) heard(key string, source netip.Prefix, c CiscoSyslog) {
	if !source.IsValid() || !c.On() {
		return
	}
	var deaf string
	for name, listen := range map[string]netip.AddrPort{"listen": c.Listen, "listen_tcp": c.ListenTCP} {
		at := listen.Addr().Unmap()
		switch {
		case !at.IsValid():
		case source.Addr().Is4() == at.Is4() || at == netip.IPv6Unspecified():
			return
		case deaf == "" || name == "listen":
			deaf = fmt.Sprintf("is never heard at adapters.ciscosyslog.%s %v, of the other IP version: want [::]:%d there", name, listen, listen.Port())
		}
	}
	p.add(key, source.String(), deaf)
}
