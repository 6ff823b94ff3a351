package configs

import (
	"cmp"
	"fmt"
	"slices"

	"netlmm/mih"
)

// LinkSources are the adapters that no access point has to speak to: the kernel here and the stations themselves tell.
type LinkSources struct {
	Ethernet []EthernetSource
}

// On says whether there is one.
func (s LinkSources) On() bool { return len(s.Ethernet) > 0 }

// PointsOfAttachment are those that the configuration names.
func (s LinkSources) PointsOfAttachment() map[mih.LinkAddress]mih.LinkType {
	list := map[mih.LinkAddress]mih.LinkType{}
	for _, e := range s.Ethernet {
		list[e.PointOfAttachment] = e.LinkType
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

// The raw forms: as written in YAML.
type (
	rawLinkSources struct {
		Ethernet []rawEthernet `mapstructure:"ethernet"`
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
	return s
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
