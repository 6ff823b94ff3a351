package mihnode

import (
	"fmt"
	"log/slog"
	"slices"

	apadapters "netlmm/ap-adapters"
	"netlmm/ap-adapters/ciscosyslog"
	"netlmm/ap-adapters/hostapd"
	"netlmm/configs"
	"netlmm/mih"
)

// Sources are the access points that a daemon is told of, and how to reach them.
type Sources struct {
	Hostapd         []configs.HostapdSource
	CiscoSyslog     configs.CiscoSyslog
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
	if s.CiscoSyslog.Listen.IsValid() {
		adapter, err := ciscosyslog.New(ciscosyslog.Config{Listen: s.CiscoSyslog.Listen, Sources: s.writers(), Untrusted: s.Untrusted, Log: s.Log})
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

func (s Sources) interfaces() (list []hostapd.Interface) {
	for _, h := range s.Hostapd {
		list = append(list, hostapd.Interface{
			ControlSocket: h.ControlSocket, Interface: h.Interface, PointOfAttachment: h.PointOfAttachment, LinkType: h.LinkType,
			SignalPollInterval: h.SignalPollInterval, GoingDownThreshold: h.GoingDownThreshold, Hysteresis: h.Hysteresis,
			GoingDownInterval: h.GoingDownInterval, LinkDetected: h.LinkDetected,
		})
	}
	return list
}

func (s Sources) writers() (list []ciscosyslog.Source) {
	for _, w := range s.CiscoSyslog.Sources {
		list = append(list, ciscosyslog.Source{Address: w.Address, AccessPoint: w.AccessPoint, PointOfAttachment: w.PointOfAttachment, Interface: w.Interface})
	}
	return list
}

// Events are those that the access points are going to report by themselves.
func (s Sources) Events() (events mih.EventList) {
	if len(s.Hostapd) > 0 || s.CiscoSyslog.Listen.IsValid() || s.Radius.Listen.IsValid() {
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
