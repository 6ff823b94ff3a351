package main

import (
	"fmt"
	"io"
	"strings"

	"netlmm/cmd/internal/api"
	"netlmm/mih"
)

func printMIH(w io.Writer, m api.MIH) {
	var listen []string
	for _, a := range m.Listen {
		listen = append(listen, a.String())
	}
	fmt.Fprintf(w, "%s  at %s\n", m.MIHFID, orDash(strings.Join(listen, ", ")))
	printMIHCapabilities(w, m.Capabilities)
	for _, section := range []struct {
		name  string
		count int
		print func()
	}{
		{"PEERS", len(m.Peers), func() { printMIHPeers(w, m.Peers) }},
		{"SUBSCRIPTIONS", len(m.Subscriptions), func() { printMIHSubscriptions(w, m.Subscriptions) }},
		{"TRANSACTIONS", len(m.Transactions), func() { printMIHTransactions(w, m.Transactions) }},
		{"LINKS", len(m.Links), func() { printLinks(w, m.Links) }},
	} {
		fmt.Fprintf(w, "\n%s: %d\n", section.name, section.count)
		if section.count > 0 {
			section.print()
		}
	}
}

func printMIHCapabilities(w io.Writer, c api.MIHCapabilities) {
	var links []string
	for _, l := range c.Links {
		links = append(links, fmt.Sprintf("%s (%s)", l.Address, l.Technology))
	}
	for _, kind := range []struct {
		name string
		list []string
	}{{"links", links}, {"events", c.Events}, {"commands", c.Commands}, {"queries", c.Queries}, {"transports", c.Transports}} {
		if len(kind.list) > 0 {
			fmt.Fprintf(w, "  %s: %s\n", kind.name, strings.Join(kind.list, ", "))
		}
	}
}

func printMIHPeers(w io.Writer, peers []api.MIHPeer) {
	table(w, "PEER\tMIHF ID\tADDRESS\tOVER\tSTATE\tPROTECTION\tRTT ms\tHEARD\tREGISTERED FOR\tSENT\tRECEIVED\tAGAIN\tWAIT", func(row func(string, ...any)) {
		for _, p := range peers {
			row("%s\t%s\t%v\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d", orDash(p.Name), orDash(string(p.MIHFID)), p.Address, p.Transport, p.State, p.Protection, phase(p.RoundTrip),
				age(p.Heard), remaining(p.RegisteredUntil), p.Sent, p.Received, p.Retransmitted, p.Outstanding+p.Queued)
		}
	})
	for _, p := range peers {
		if p.Capabilities != nil {
			fmt.Fprintf(w, "%s\n", p.MIHFID)
			printMIHCapabilities(w, *p.Capabilities)
		}
	}
}

func printMIHSubscriptions(w io.Writer, subscriptions []api.MIHSubscription) {
	table(w, "WHO IS TOLD\tUSER\tOF LINKS AT\tLINK\tPOINT OF ATTACHMENT\tEVENTS\tSTANDS", func(row func(string, ...any)) {
		for _, s := range subscriptions {
			stands := "yes"
			if !s.Stands {
				stands = "not answered"
			}
			row("%s\t%s\t%s\t%s\t%s\t%s\t%s", s.User, orDash(s.Name), s.At, orAll(s.Link), orAll(s.PointOfAttachment), strings.Join(s.Events, ","), stands)
		}
	})
}

// orAll prints the address of a link; no address stands for every one.
func orAll(a mih.LinkAddress) string {
	if a.IsZero() {
		return "all"
	}
	return a.String()
}

func printMIHTransactions(w io.Writer, transactions []api.MIHTransaction) {
	table(w, "PEER\tTID\tMESSAGE\tSENT\tSTATE\tFOR", func(row func(string, ...any)) {
		for _, t := range transactions {
			state := "waits to be sent"
			switch {
			case t.Acknowledged:
				state = "acknowledged"
			case t.Attempts > 0:
				state = "on its way"
			}
			row("%s\t%d\t%s\t%d\t%s\t%s", t.Peer, t.ID, t.Message, t.Attempts, state, age(t.Since))
		}
	})
}

func printMIHDiscovery(w io.Writer, d api.MIHDiscovery) {
	fmt.Fprintf(w, "%s  at %v over %s\n", d.MIHFID, d.Address, d.Transport)
	printMIHCapabilities(w, d.Capabilities)
}

func printMIHParameters(w io.Writer, p api.MIHParameters) {
	fmt.Fprintf(w, "status %s\n", p.Status)
	for _, l := range p.Links {
		fmt.Fprintf(w, "%s (%s)\n", l.Address, l.Technology)
		if l.Mode != "" {
			fmt.Fprintf(w, "  mode %s\n", l.Mode)
		}
		if l.Channel != nil {
			fmt.Fprintf(w, "  channel %d\n", *l.Channel)
		}
		for _, v := range l.Parameters {
			fmt.Fprintf(w, "  %s %s\n", v.Name, strings.TrimSpace(fmt.Sprint(v.Value, " ", v.Unit)))
		}
	}
}
