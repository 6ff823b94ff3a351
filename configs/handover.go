package configs

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"netlmm/mih"
)

// Handover is how a gateway takes part in fast handovers between gateways (RFC 5949).
type Handover struct {
	Predictive, Reactive bool // both false: not at all
	OnLinkGoingDown      bool // Link_Going_Down prepares one, and not only Link_Handover_Imminent

	BufferPackets     int           // held for one mobile node
	BufferOctets      int           // likewise
	BufferTotalOctets int           // held for all of them
	HoldTime          time.Duration // longest that a packet is held

	ForwardingLifetime time.Duration // how long the tunnel between the gateways stays after the binding has moved
	PreparationTimeout time.Duration // after which the target has not answered
	DepartureGrace     time.Duration // after the announced end of a link, within which a mobile node that was not seen elsewhere counts as leaving still
	CandidateTimeout   time.Duration // after which a mobile node that speaks 802.21 has not said which candidates it prefers

	MaximumStations int // at one point of attachment of this gateway, where it counts as full; 0: how full they are is told to nobody

	PointsOfAttachment []PointOfAttachment
	Weights            Weights
}

// PointOfAttachment is what is known beforehand of a place where a mobile node may attach: a part of the network map.
type PointOfAttachment struct {
	Address   mih.LinkAddress
	LinkType  mih.LinkType
	Gateway   string     // name of one of gateways; "": this one, or with an information server none that is known
	MIHFID    mih.MIHFID // of the MIH Function there; "": the gateway's
	NetworkID string     // SSID; "": not known
	Channel   int        // 0: not known

	Subnets    []netip.Prefix    // of its access link
	Neighbours []mih.LinkAddress // where stations go from there, the most likely first
}

// Weights of what a candidate for a handover is chosen by, each from 0 to 100.
type Weights struct {
	Signal    int // strength of its signal
	Load      int // how much room is left there
	Previous  int // whether the mobile node came from there, or went there before
	Preferred int // how early the mobile node names it that is asked
}

type (
	rawHandover struct {
		Mode               string                 `mapstructure:"mode"`
		OnLinkGoingDown    bool                   `mapstructure:"prepare_on_link_going_down"`
		BufferPackets      int                    `mapstructure:"buffer_packets"`
		BufferOctets       string                 `mapstructure:"buffer_octets"`
		BufferTotalOctets  string                 `mapstructure:"buffer_total_octets"`
		HoldTime           string                 `mapstructure:"hold_time"`
		ForwardingLifetime string                 `mapstructure:"forwarding_lifetime"`
		PreparationTimeout string                 `mapstructure:"preparation_timeout"`
		CandidateTimeout   string                 `mapstructure:"candidate_timeout"`
		DepartureGrace     string                 `mapstructure:"departure_grace"`
		MaximumStations    int                    `mapstructure:"maximum_stations"`
		PointsOfAttachment []rawPointOfAttachment `mapstructure:"points_of_attachment"`
		Weights            rawWeights             `mapstructure:"weights"`
	}
	rawPointOfAttachment struct {
		Address    string   `mapstructure:"address"`
		Gateway    string   `mapstructure:"gateway"`
		MIHFID     string   `mapstructure:"mihf_id"`
		NetworkID  string   `mapstructure:"network_id"`
		Channel    int      `mapstructure:"channel" default:"0"`
		LinkType   string   `mapstructure:"link_type" default:"wlan"`
		Subnets    []string `mapstructure:"subnets"`
		Neighbours []string `mapstructure:"neighbours"`
	}
	rawWeights struct {
		Signal    int `mapstructure:"signal"`
		Load      int `mapstructure:"load"`
		Previous  int `mapstructure:"previous"`
		Preferred int `mapstructure:"preferred"`
	}
)

var defaultHandover = rawHandover{
	Mode: "off", OnLinkGoingDown: true, BufferPackets: 512, BufferOctets: "1MiB", BufferTotalOctets: "64MiB", HoldTime: "2s",
	ForwardingLifetime: "4s", PreparationTimeout: "500ms", CandidateTimeout: "100ms", DepartureGrace: "300ms", MaximumStations: 100, Weights: rawWeights{Signal: 70, Load: 20, Previous: 10, Preferred: 50},
}

// mostStations is how many association identifiers an access point has (IEEE 802.11 section 9.4.1.8).
const mostStations = 2007

func (p *problems) handover(raw rawHandover, gateways []Peer) Handover {
	mode := p.oneOf("handover.mode", raw.Mode, "off", "predictive", "reactive", "both")
	h := Handover{
		Predictive: mode == "predictive" || mode == "both", Reactive: mode == "reactive" || mode == "both", OnLinkGoingDown: raw.OnLinkGoingDown,
		BufferPackets:      p.between("handover.buffer_packets", raw.BufferPackets, 1, 65535), // what a queue of the kernel holds at most
		BufferOctets:       p.octets("handover.buffer_octets", raw.BufferOctets, 64<<10, 1<<30),
		BufferTotalOctets:  p.octets("handover.buffer_total_octets", raw.BufferTotalOctets, 64<<10, min(16<<30, math.MaxInt)),
		HoldTime:           p.duration("handover.hold_time", raw.HoldTime, 10*time.Millisecond, time.Minute),
		ForwardingLifetime: p.duration("handover.forwarding_lifetime", raw.ForwardingLifetime, 10*time.Millisecond, 5*time.Minute),
		PreparationTimeout: p.duration("handover.preparation_timeout", raw.PreparationTimeout, 10*time.Millisecond, 30*time.Second),
		CandidateTimeout:   p.duration("handover.candidate_timeout", raw.CandidateTimeout, 10*time.Millisecond, 5*time.Second),
		DepartureGrace:     p.duration("handover.departure_grace", raw.DepartureGrace, 10*time.Millisecond, 10*time.Second),
		MaximumStations:    p.between("handover.maximum_stations", raw.MaximumStations, 0, mostStations),
		Weights:            Weights{raw.Weights.Signal, raw.Weights.Load, raw.Weights.Previous, raw.Weights.Preferred},
	}
	if h.BufferOctets > h.BufferTotalOctets {
		p.add("handover.buffer_octets", raw.BufferOctets, "want at most handover.buffer_total_octets, "+raw.BufferTotalOctets)
	}
	if mode != "off" && len(gateways) == 0 {
		p.add("handover.mode", mode, "has nobody to hand over to: want the other MAGs of the domain under gateways, or off")
	}
	p.weights(h.Weights)
	var names []string
	for _, g := range gateways {
		names = append(names, g.Name)
	}
	h.PointsOfAttachment = p.pointsOfAttachment("handover.points_of_attachment", raw.PointsOfAttachment, "gateways, or nothing for this one", names)
	return h
}

func (p *problems) weights(w Weights) {
	sum := 0
	for _, one := range []struct {
		key   string
		value int
	}{{"signal", w.Signal}, {"load", w.Load}, {"previous", w.Previous}, {"preferred", w.Preferred}} {
		sum += p.between("handover.weights."+one.key, one.value, 0, 100)
	}
	if sum == 0 {
		p.add("handover.weights", "", "are all 0: want at least one that is not, or no candidate is better than another")
	}
}

// Bounds of what a point of attachment is told by: an SSID (IEEE 802.11 section 9.4.2.2), and the channels of the 6 GHz band.
const (
	longestNetworkID = 32
	highestChannel   = 233
)

// What is told of one point of attachment at most; other MIH Functions keep no more.
const (
	maximumSubnets    = 16
	maximumNeighbours = 32
)

// pointsOfAttachment reads a list. gateways are the names that its entries may have, where says in words which these are.
func (p *problems) pointsOfAttachment(key string, raws []rawPointOfAttachment, where string, gateways []string) (list []PointOfAttachment) {
	seen := map[mih.LinkAddress]bool{}
	for i, raw := range raws {
		at := fmt.Sprintf("%s[%d]", key, i)
		poa := PointOfAttachment{
			Address: p.linkAddress(at+".address", raw.Address), LinkType: p.linkType(at+".link_type", raw.LinkType), Gateway: raw.Gateway,
			NetworkID: p.notLonger(at+".network_id", raw.NetworkID, longestNetworkID), Channel: p.between(at+".channel", raw.Channel, 0, highestChannel),
		}
		if raw.MIHFID != "" {
			poa.MIHFID = p.mihfID(at+".mihf_id", raw.MIHFID)
		}
		if raw.Gateway != "" && !slices.Contains(gateways, raw.Gateway) {
			p.add(at+".gateway", raw.Gateway, "want the name of one of "+where)
		}
		p.around(at, raw, &poa)
		if seen[poa.Address] && !poa.Address.IsZero() {
			p.add(at+".address", raw.Address, "stands twice: keep one")
		}
		seen[poa.Address] = true
		list = append(list, poa)
	}
	return list
}

// around reads what is around a point of attachment.
func (p *problems) around(at string, raw rawPointOfAttachment, poa *PointOfAttachment) {
	for j, value := range raw.Subnets {
		poa.Subnets = append(poa.Subnets, p.eitherPrefix(fmt.Sprintf("%s.subnets[%d]", at, j), value))
	}
	p.few(at+".subnets", len(raw.Subnets), maximumSubnets)
	for j, value := range raw.Neighbours {
		poa.Neighbours = append(poa.Neighbours, p.linkAddress(fmt.Sprintf("%s.neighbours[%d]", at, j), value))
	}
	p.few(at+".neighbours", len(raw.Neighbours), maximumNeighbours)
}
