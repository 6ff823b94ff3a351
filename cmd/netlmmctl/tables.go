package main

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/mobility"
)

// binding holds the fields that the records of both daemons share: a BindingCacheEntry of lmad and a
// BindingUpdateListEntry of magd.
type binding struct {
	MobileNodeID          mobility.MobileNodeID          `json:"mobile_node_id"`
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID `json:"mobile_node_link_layer_id"`
	HomeNetworkPrefixes   []netip.Prefix                 `json:"home_network_prefixes"`
	IPv4HomeAddress       netip.Prefix                   `json:"ipv4_home_address"`
	ProxyCareOfAddress    netip.Addr                     `json:"proxy_care_of_address"`
	LMAAddress            netip.Addr                     `json:"lma_address"`
	State                 string                         `json:"state"`
	LastUpdate            time.Time                      `json:"last_update"`
	Expires               time.Time                      `json:"expires"`
	OffloadPolicy         offloadPolicy                  `json:"offload_policy"`
	OffloadSuspended      bool                           `json:"offload_suspended"` // lmad: the gateway does not ask for it now
}

func table(w io.Writer, header string, rows func(row func(format string, values ...any))) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, header)
	rows(func(format string, values ...any) { fmt.Fprintf(t, format+"\n", values...) })
	t.Flush()
}

func printBindings(w io.Writer, bindings []binding) {
	table(w, "MOBILE NODE\tLINK-LAYER\tPREFIX\tIPv4 ADDRESS\tGATEWAY\tANCHOR\tSTATE\tUPDATED\tEXPIRES IN\tOFFLOADED AT THE GATEWAY", func(row func(string, ...any)) {
		for _, b := range bindings {
			ipv4 := "-"
			if b.IPv4HomeAddress.IsValid() {
				ipv4 = b.IPv4HomeAddress.String()
			}
			offloaded := b.OffloadPolicy.String()
			if b.OffloadSuspended {
				offloaded = "suspended: " + offloaded
			}
			row("%v\t%v\t%s\t%s\t%v\t%v\t%s\t%s ago\t%s\t%s", b.MobileNodeID, b.MobileNodeLinkLayerID, prefixes(b.HomeNetworkPrefixes), ipv4,
				b.ProxyCareOfAddress, b.LMAAddress, b.State, age(b.LastUpdate), remaining(b.Expires), offloaded)
		}
	})
}

func printPeers(w io.Writer, peers []api.Peer) {
	table(w, "PEER\tKIND\tADDRESS\tIDENTITY\tSA\tCOVERS\tMODE\tALGORITHM\tFOR\tREKEYS\tATTEMPTS\tHEARTBEAT\tHEARD\tRESTARTS\tLAST ERROR", func(row func(string, ...any)) {
		for _, p := range peers {
			state, heard, restarts := vitality(p.Heartbeat)
			row("%s\t%s\t%v\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s", p.Name, orDash(p.Kind), p.Address, orDash(p.Identity), p.State, orDash(p.Covers), orDash(p.Mode), orDash(p.Algorithm),
				age(p.Since), p.Rekeys, p.Attempts, state, heard, restarts, orDash(p.LastError))
		}
	})
}

// vitality prints what heartbeats tell of a peer; restarts is its restart counter (RFC 5847 section 3.2).
func vitality(h *api.Heartbeat) (state, heard, restarts string) {
	if h == nil {
		return "off", "-", "-"
	}
	state, heard, restarts = h.State, age(h.LastHeard), "-"
	if h.Missing > 0 {
		state = fmt.Sprintf("%s, %d missing", h.State, h.Missing)
	}
	if h.RestartCounter != nil {
		restarts = fmt.Sprint(*h.RestartCounter)
	}
	return state, heard, restarts
}

func printHandovers(w io.Writer, handovers []api.Handover) {
	table(w, "WHEN\tMOBILE NODE\tTRIGGER\tFROM\tTO\tL2 ATTACH-PBU\tPBU-PBA\tPBA-RA\tTOTAL ms\tPBUs\tOUTCOME", func(row func(string, ...any)) {
		for _, h := range handovers {
			row("%s\t%v\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s", h.LinkUp.Local().Format("15:04:05.000"), h.MobileNodeID, orDash(h.Trigger), address(h.From), address(h.To),
				phase(h.L2AttachToPBU), phase(h.PBUToPBA), phase(h.PBAToRA), phase(h.Total), h.Attempts, h.Outcome)
		}
	})
}

func printPreparations(w io.Writer, preparations []api.Preparation) {
	table(w, "WHEN\tMOBILE NODE\tLINK-LAYER\tON\tTO\tPREPARED IN ms\tOUTCOME", func(row func(string, ...any)) {
		for _, p := range preparations {
			row("%s\t%v\t%v\t%s\t%s\t%s\t%s", p.Begun.Local().Format("15:04:05.000"), p.MobileNodeID, p.MobileNodeLinkLayerID, orDash(p.Interface), address(p.To), phase(p.Prepared), p.Outcome)
		}
	})
}

// address prints an address; none has none.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return "-"
	}
	return a.String()
}

// phase prints milliseconds; an anchor does not see the phases.
func phase(ms float64) string {
	if ms == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", ms)
}

func printLinks(w io.Writer, links []api.Link) { tableOfLinks(w, links, nil) }

// tableOfLinks prints stations, each with a mark before it where there are marks.
func tableOfLinks(w io.Writer, links []api.Link, mark func(api.Link) string) {
	header := "STATION\tIDENTITY\tPOINT OF ATTACHMENT\tTECHNOLOGY\tINTERFACE\tSTATE\tSIGNAL\tSEEN BY\tSINCE"
	if mark != nil {
		header = " \t" + header
	}
	table(w, header, func(row func(string, ...any)) {
		for _, l := range links {
			signal, before := "-", ""
			if l.SignalStrength != 0 {
				signal = fmt.Sprintf("%d dBm", l.SignalStrength)
			}
			if mark != nil {
				before = mark(l) + "\t"
			}
			row("%s%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s ago", before, l.Station, orDash(l.Identity), l.PointOfAttachment, l.Technology, l.Interface, l.State, signal, seenBy(l), age(l.Since))
		}
	})
}

// seenBy is the adapter that told of a station, or the MIH Function elsewhere.
func seenBy(l api.Link) string {
	if l.SAP == "mih" {
		return l.Source
	}
	return l.SAP
}

func printStatus(w io.Writer, s api.Status) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "%s\t%s, up %s, kernel %s\n", s.Daemon, s.Version, age(s.Started), s.Kernel)
	fmt.Fprintf(t, "address\t%v\n", s.Address)
	if s.IPv4.IsValid() {
		fmt.Fprintf(t, "IPv4 address\t%v\n", s.IPv4)
	}
	if s.Daemon != "mihd" { // which has none
		fmt.Fprintf(t, "bindings\t%d\n", s.Bindings)
		printForwarding(t, s.Forwarding)
	}
	fmt.Fprintf(t, "security\t%s\n", securityLine(s.Security))
	if m := s.MIH; m != nil {
		fmt.Fprintf(t, "MIH function\t%s, %d of %d peers up, %d subscriptions, %d links\n", m.MIHFID, m.PeersUp, m.Peers, m.Subscriptions, m.Links)
	}
	if s.Policy != nil {
		printPolicy(t, s.Policy)
	}
	t.Flush()
	for _, name := range slices.Sorted(maps.Keys(s.Counters)) {
		fmt.Fprintf(w, "  %s %d\n", name, s.Counters[name])
	}
	for _, warning := range s.Warnings {
		fmt.Fprintf(w, "WARNING: %s\n", warning)
	}
}

func printPolicy(w io.Writer, p *api.PolicyStatus) {
	fmt.Fprintf(w, "policy\t%d profiles, read %s ago; %d stations served, %d not, %d wait for an answer, %d answers kept\n", p.Profiles, age(p.Loaded), p.Served, p.Withheld, p.Waiting, p.Cached)
	for _, lma := range p.DeadAnchors {
		fmt.Fprintf(w, "dead anchor\t%v\n", lma)
	}
}

func printForwarding(w io.Writer, f api.ForwardingStatus) {
	fmt.Fprintf(w, "forwarding\t%s, tunnel MTU %d, %d prefixes, %d pending\n", f.Backend, f.TunnelMTU, f.Entries, f.Pending)
	for _, tunnel := range f.Tunnels {
		static := ""
		if tunnel.Static {
			static = ", static"
		}
		fmt.Fprintf(w, "tunnel\tto %v, %d prefixes%s, for %s\n", tunnel.Peer, tunnel.Entries, static, age(tunnel.Since))
	}
	if f.Held != nil {
		fmt.Fprintf(w, "held\t%d packets, %d octets, to %d prefixes\n", f.Held.Packets, f.Held.Octets, f.Held.Prefixes)
	}
	if f.Offload != nil {
		fmt.Fprintf(w, "offloaded\t%d packets, %d octets, address translation: %s\n", f.Offload.Packets, f.Offload.Octets, f.Offload.NAT)
	}
}

func securityLine(s api.SecurityStatus) string {
	if s.Mode == "none" {
		return "none: the control channel is in clear"
	}
	filter := "no packet filter"
	if s.Filter {
		filter = fmt.Sprintf("packet filter in place, %d messages in clear dropped", s.DroppedClear)
	}
	return fmt.Sprintf("%s (%s, %s), charon %s, %d of %d peers up, %s", s.Mode, s.DataPath, orDash(s.KernelPlugin), orDash(s.Charon), s.PeersUp, s.PeersExpected, filter)
}

func prefixes(list []netip.Prefix) string {
	var text []string
	for _, p := range list {
		text = append(text, p.String())
	}
	return orDash(strings.Join(text, ","))
}

func remaining(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return time.Until(t).Round(time.Second).String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
