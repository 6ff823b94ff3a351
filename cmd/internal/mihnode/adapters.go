package mihnode

import (
	"fmt"
	"log/slog"
	"slices"

	apadapters "netlmm/ap-adapters"
	"netlmm/ap-adapters/ciscosyslog"
	"netlmm/ap-adapters/ethernet"
	"netlmm/ap-adapters/hostapd"
	"netlmm/ap-adapters/nd"
	"netlmm/ap-adapters/nl80211"
	"netlmm/configs"
	"netlmm/mih"
)

// Sources are the access points that a daemon is told of, and how to reach them.
type Sources struct {
	Hostapd         []configs.HostapdSource
	CiscoSyslog     configs.CiscoSyslog
	Links           configs.LinkSources
	Radius          configs.Radius
	SocketDirectory string   // for the adapter's sockets towards hostapd
	Untrusted       []string // interfaces where no access point writes from
	Log             *slog.Logger
}

// Adapters makes the link SAPs.
func (s Sources) Adapters() (list []apadapters.Adapter, err error) {
	if len(s.Hostapd) > 0 {
		adapter, err := hostapd.New(hostapd.Config{Interfaces: s.interfaces(), SocketDirectory: s.SocketDirectory, Log: s.Log})
		if err != nil {
			return nil, err
		}
		list = append(list, adapter)
	}
	if c := s.CiscoSyslog; c.On() {
		adapter, err := ciscosyslog.New(ciscosyslog.Config{
			Listen: c.Listen, ListenTCP: c.ListenTCP, Counted: c.OctetCountingOnly, Sources: s.writers(), Untrusted: s.Untrusted, Log: s.Log,
		})
		if err != nil {
			return nil, err
		}
		list = append(list, adapter)
	}
	links, err := s.linkAdapters()
	return append(list, links...), err
}

// linkAdapters makes those that no access point has to speak to.
func (s Sources) linkAdapters() (list []apadapters.Adapter, err error) {
	if len(s.Links.Ethernet) > 0 {
		adapter, err := ethernet.New(ethernet.Config{Bridges: s.bridges(), Log: s.Log})
		if err != nil {
			return nil, err
		}
		list = append(list, adapter)
	}
	if len(s.Links.ND) > 0 {
		adapter, err := nd.New(nd.Config{Links: s.heard(), Log: s.Log})
		if err != nil {
			return nil, err
		}
		list = append(list, adapter)
	}
	if len(s.Links.NL80211) > 0 {
		var radios []nl80211.Radio
		for _, n := range s.Links.NL80211 {
			radios = append(radios, nl80211.Radio{Radio: n.Radio, Interface: n.Interface, PointOfAttachment: n.PointOfAttachment})
		}
		adapter, err := nl80211.New(nl80211.Config{Radios: radios, Log: s.Log})
		if err != nil {
			return nil, err
		}
		list = append(list, adapter)
	}
	if s.Radius.Listen.IsValid() {
		adapter, err := s.accounting()
		if err != nil {
			return nil, err
		}
		list = append(list, adapter)
	}
	return list, nil
}

func (s Sources) heard() (list []nd.Link) {
	for _, n := range s.Links.ND {
		list = append(list, nd.Link{
			Interface: n.Interface, PointOfAttachment: n.PointOfAttachment, LinkType: n.LinkType, Ignored: n.Ignored,
			MaximumStations: n.MaximumStations, StationsPerSecond: n.StationsPerSecond, IdleTime: n.IdleTime,
		})
	}
	return list
}

func (s Sources) bridges() (list []ethernet.Bridge) {
	for _, e := range s.Links.Ethernet {
		list = append(list, ethernet.Bridge{
			Bridge: e.Bridge, Interface: e.Interface, Ports: e.Ports, VLAN: e.VLAN, PointOfAttachment: e.PointOfAttachment, LinkType: e.LinkType,
			MaximumStations: e.MaximumStations, StationsPerSecond: e.StationsPerSecond,
		})
	}
	return list
}

func (s Sources) interfaces() (list []hostapd.Interface) {
	for _, h := range s.Hostapd {
		list = append(list, hostapd.Interface{
			ControlSocket: h.ControlSocket, Interface: h.Interface, VLANs: h.VLANs, PointOfAttachment: h.PointOfAttachment, LinkType: h.LinkType,
			SignalPollInterval: h.SignalPollInterval, GoingDownThreshold: h.GoingDownThreshold, Hysteresis: h.Hysteresis,
			GoingDownInterval: h.GoingDownInterval, LinkDetected: h.LinkDetected,
		})
	}
	return list
}

func (s Sources) writers() (list []ciscosyslog.Source) {
	for _, w := range s.CiscoSyslog.Sources {
		list = append(list, ciscosyslog.Source{
			Address: w.Address, AccessPoint: w.AccessPoint, PointOfAttachment: w.PointOfAttachment, Interface: w.Interface, UserNameIsAddress: w.UserNameIsAddress,
		})
	}
	return list
}

// Events are those that the access points are going to report by themselves.
func (s Sources) Events() (events mih.EventList) {
	if len(s.Hostapd) > 0 || s.CiscoSyslog.On() || s.Radius.Listen.IsValid() || s.Links.On() {
		events = mih.Events(mih.EventLinkUp, mih.EventLinkDown)
	}
	for _, h := range s.Hostapd {
		if h.GoingDownThreshold != 0 {
			events |= mih.Events(mih.EventLinkGoingDown, mih.EventLinkParametersReport)
		}
		if h.LinkDetected {
			events |= mih.Events(mih.EventLinkDetected)
		}
	}
	return events
}

// Unreached are the access points that are not reached, each as a warning for people.
func Unreached(adapters []apadapters.Adapter) (warnings []string) {
	for _, adapter := range adapters {
		for _, peer := range adapter.Status().Peers {
			if !peer.Connected {
				warnings = append(warnings, fmt.Sprintf("%s: %s is not reached: %s", adapter.Name(), peer.Name, peer.Detail))
			}
		}
	}
	return warnings
}

// takesCommands says whether a link SAP can be told anything.
func (n *Node) takesCommands() bool {
	return slices.ContainsFunc(n.adapters, func(a apadapters.Adapter) bool {
		_, ok := a.(apadapters.Commander)
		return ok
	})
}
