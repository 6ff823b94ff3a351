package configs

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"netlmm/mih"
)

// LinkSources are the adapters that no access point has to speak to: the kernel here and the stations themselves tell.
type LinkSources struct {
	Ethernet []EthernetSource
	ND       []NDSource
	NL80211  []NL80211Source
}

// On says whether there is one.
func (s LinkSources) On() bool { return len(s.Ethernet)+len(s.ND)+len(s.NL80211) > 0 }

// PointsOfAttachment are those that the configuration names.
func (s LinkSources) PointsOfAttachment() map[mih.LinkAddress]mih.LinkType {
	list := map[mih.LinkAddress]mih.LinkType{}
	for _, e := range s.Ethernet {
		list[e.PointOfAttachment] = e.LinkType
	}
	for _, n := range s.ND {
		list[n.PointOfAttachment] = n.LinkType
	}
	for _, n := range s.NL80211 {
		list[n.PointOfAttachment] = mih.LinkType80211
	}
	delete(list, mih.LinkAddress{})
	return list
}

// Stations is what all of them have.
type Stations struct {
	Interface         string // at a gateway the access link of the stations, elsewhere a name
	LinkType          mih.LinkType
	PointOfAttachment mih.LinkAddress // what they are said to be attached to; zero: not said
	MaximumStations   int
	StationsPerSecond int // new ones
}

// EthernetSource is a bridge, or one VLAN of it, whose stations the kernel knows.
type EthernetSource struct {
	Stations
	Bridge string
	Ports  []string // none: all
	VLAN   int      // 0: any
}

// NDSource is a link where hosts show themselves.
type NDSource struct {
	Stations                   // Interface is where they are heard, too
	Ignored  []mih.LinkAddress // that are no stations
	IdleTime time.Duration     // silence after which one is asked
}

// NL80211Source is a radio of this host that is an access point.
type NL80211Source struct {
	Radio             string
	Interface         string          // as that of Stations
	PointOfAttachment mih.LinkAddress // zero: the BSSID
}

// The raw forms: as written in YAML.
type (
	rawLinkSources struct {
		NL80211  []rawNL80211  `mapstructure:"nl80211"`
		Ethernet []rawEthernet `mapstructure:"ethernet"`
		ND       []rawND       `mapstructure:"nd"`
	}
	rawStations struct {
		Interface         string `mapstructure:"interface"`
		PointOfAttachment string `mapstructure:"point_of_attachment"`
		MaximumStations   *int   `mapstructure:"maximum_stations" default:"4096"`
		StationsPerSecond *int   `mapstructure:"stations_per_second" default:"200"`
	}
	rawEthernet struct {
		rawStations `mapstructure:",squash"`
		Bridge      string   `mapstructure:"bridge"`
		Ports       []string `mapstructure:"ports"`
		VLAN        int      `mapstructure:"vlan" default:"0"`
	}
	rawND struct {
		rawStations `mapstructure:",squash"`
		LinkType    string   `mapstructure:"link_type"`
		Ignored     []string `mapstructure:"ignored_stations"`
		IdleTime    *string  `mapstructure:"idle_time" default:"1m"`
	}
	rawNL80211 struct {
		Radio             string `mapstructure:"radio"`
		Interface         string `mapstructure:"interface"`
		PointOfAttachment string `mapstructure:"point_of_attachment"`
	}
)

// linkSources reads them. known judges the names of interfaces, and technology says of what kind their links are; 0: that is not known.
func (p *problems) linkSources(raw rawLinkSources, known func(key, name string), technology func(name string) mih.LinkType) (s LinkSources) {
	for i, e := range raw.Ethernet {
		at := fmt.Sprintf("adapters.ethernet[%d]", i)
		e.Interface = cmp.Or(e.Interface, e.Bridge)
		source := EthernetSource{
			Stations: p.stations(at, e.rawStations, known), Bridge: p.interfaceName(at+".bridge", e.Bridge), Ports: e.Ports,
			VLAN: p.between(at+".vlan", e.VLAN, 0, 4094),
		}
		source.LinkType = cmp.Or(technology(source.Interface), mih.LinkTypeEthernet)
		for j, port := range e.Ports {
			p.interfaceName(fmt.Sprintf("%s.ports[%d]", at, j), port)
		}
		if slices.ContainsFunc(s.Ethernet, func(o EthernetSource) bool {
			return o.Bridge == source.Bridge && (o.VLAN == source.VLAN || o.VLAN == 0 || source.VLAN == 0)
		}) {
			p.add(at+".bridge", e.Bridge, "stands twice: want one entry for each bridge, or for each of its VLANs")
		}
		s.Ethernet = append(s.Ethernet, source)
	}
	for i, n := range raw.ND {
		at := fmt.Sprintf("adapters.nd[%d]", i)
		source := p.ndSource(at, n, known, technology)
		if slices.ContainsFunc(s.ND, func(o NDSource) bool { return o.Interface == source.Interface }) {
			p.add(at+".interface", n.Interface, "stands twice: want one entry for each interface")
		}
		s.ND = append(s.ND, source)
	}
	for i, n := range raw.NL80211 {
		at := fmt.Sprintf("adapters.nl80211[%d]", i)
		source := NL80211Source{Radio: p.interfaceName(at+".radio", n.Radio), Interface: cmp.Or(n.Interface, n.Radio)}
		known(at+".interface", source.Interface)
		if n.PointOfAttachment != "" {
			source.PointOfAttachment = p.linkAddress(at+".point_of_attachment", n.PointOfAttachment)
		}
		if technology(source.Interface) == mih.LinkTypeEthernet {
			p.add(at+".interface", source.Interface, "is an access link of ethernet: want access_technology_type wlan there")
		}
		if slices.ContainsFunc(s.NL80211, func(o NL80211Source) bool { return o.Radio == source.Radio }) {
			p.add(at+".radio", n.Radio, "stands twice: want one entry for each interface of a radio")
		}
		s.NL80211 = append(s.NL80211, source)
	}
	return s
}

func (p *problems) ndSource(at string, raw rawND, known func(key, name string), technology func(name string) mih.LinkType) NDSource {
	source := NDSource{Stations: p.stations(at, raw.rawStations, known), IdleTime: time.Minute}
	p.interfaceName(at+".interface", raw.Interface)
	source.LinkType = technology(raw.Interface)
	switch {
	case raw.LinkType != "" && source.LinkType != 0:
		p.add(at+".link_type", raw.LinkType, "is that of the access link: want it there, as access_technology_type")
	case source.LinkType == 0:
		source.LinkType = p.linkType(at+".link_type", cmp.Or(raw.LinkType, "ethernet"))
	}
	if raw.IdleTime != nil {
		source.IdleTime = p.duration(at+".idle_time", *raw.IdleTime, time.Second, time.Hour)
	}
	for j, address := range raw.Ignored {
		source.Ignored = append(source.Ignored, p.linkAddress(fmt.Sprintf("%s.ignored_stations[%d]", at, j), address))
	}
	return source
}

func (p *problems) stations(at string, raw rawStations, known func(key, name string)) Stations {
	s := Stations{Interface: raw.Interface, MaximumStations: 4096, StationsPerSecond: 200}
	known(at+".interface", raw.Interface)
	if raw.PointOfAttachment != "" {
		s.PointOfAttachment = p.linkAddress(at+".point_of_attachment", raw.PointOfAttachment)
	}
	if raw.MaximumStations != nil {
		s.MaximumStations = p.between(at+".maximum_stations", *raw.MaximumStations, 1, 65536)
	}
	if raw.StationsPerSecond != nil {
		s.StationsPerSecond = p.between(at+".stations_per_second", *raw.StationsPerSecond, 1, 10000)
	}
	return s
}
