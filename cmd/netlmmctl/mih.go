package main

import (
	"net/netip"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"netlmm/cmd/internal/api"
)

const mihHelp = `The MIH Function of magd or mihd (IEEE 802.21): what it says it can do, the other MIH Functions that it speaks with, who is told of
which links, the messages under way, and the links that it knows. Without a subcommand all of it.`

func mihFunction(o *options) *cobra.Command {
	cmd := ask(o, "mih", "The MIH Function: peers, subscriptions, transactions, links (magd, mihd)", api.PathMIH, printMIH)
	cmd.Long = mihHelp
	cmd.PersistentPreRun = func(*cobra.Command, []string) {
		if o.socket == "" {
			o.socket = existing("magd", "mihd")
		}
	}
	cmd.AddCommand(
		ask(o, "peers", "Other MIH Functions", api.PathMIHPeers, printMIHPeers),
		ask(o, "subscriptions", "Who is told of which links", api.PathMIHSubscriptions, printMIHSubscriptions),
		ask(o, "transactions", "Messages that wait to be sent, acknowledged or answered", api.PathMIHTransactions, printMIHTransactions),
		links(o, "Stations that link SAPs here and other MIH Functions reported"),
		discover(o),
		getParameters(o),
	)
	return cmd
}

func discover(o *options) *cobra.Command {
	var port uint16
	var tcp bool
	cmd := &cobra.Command{
		Use: "discover ADDRESS", Short: "Ask whoever is at an address which MIH Function it is and what it can do", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := netip.ParseAddr(args[0]); err != nil {
				return err
			}
			parameters := url.Values{"address": {args[0]}, "port": {strconv.Itoa(int(port))}}
			if tcp {
				parameters.Set("transport", "tcp")
			}
			return show(cmd.Context(), o, api.PathMIHDiscovery+"?"+parameters.Encode(), printMIHDiscovery)
		},
	}
	cmd.Flags().Uint16Var(&port, "port", portMIH, "its port")
	cmd.Flags().BoolVar(&tcp, "tcp", false, "over TCP, not UDP")
	return cmd
}

func getParameters(o *options) *cobra.Command {
	var peer, link, linkType string
	cmd := &cobra.Command{
		Use: "get-parameters --link MAC", Short: "Ask an access point about the link of a station (Link_Get_Parameters)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			parameters := url.Values{"peer": {peer}, "link": {link}, "type": {linkType}}
			return show(cmd.Context(), o, api.PathMIHParameters+"?"+parameters.Encode(), printMIHParameters)
		},
	}
	cmd.Flags().StringVar(&peer, "peer", "", "the MIH Function at the access point, by its identifier (default: the daemon's own)")
	cmd.Flags().StringVar(&link, "link", "", "the station, or the access point itself")
	cmd.Flags().StringVar(&linkType, "type", "", "wlan, ethernet or wireless (default: as the daemon knows the station, else wlan)")
	_ = cmd.MarkFlagRequired("link") // it exists
	return cmd
}
