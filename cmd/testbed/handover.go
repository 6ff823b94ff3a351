package main

import (
	"github.com/spf13/cobra"

	"netlmm/testbed"
)

func runHandover() *cobra.Command {
	var f runFlags
	var x testbed.HandoverExperiment
	cmd := &cobra.Command{
		Use:   "handover",
		Short: "Move two mobile nodes between two MAGs under traffic and report what it cost",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), func(d *testbed.Domain) (result, error) { return d.RunHandovers(cmd.Context(), x) })
		},
	}
	f.add(cmd)
	handoverFlags(cmd, &x)
	return cmd
}

// runMIHRemote is runHandover with access points that run mihd only: the MAGs, on other hosts, hear of their stations over 802.21.
func runMIHRemote() *cobra.Command {
	var f runFlags
	var x testbed.HandoverExperiment
	cmd := &cobra.Command{
		Use:   "mih-remote",
		Short: "As handover, with access points that tell their MAGs of stations over 802.21, under IPsec",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.options.Trigger = testbed.TriggerMIH
			return f.run(cmd.Context(), func(d *testbed.Domain) (result, error) { return d.RunHandovers(cmd.Context(), x) })
		},
	}
	f.add(cmd)
	handoverFlags(cmd, &x)
	return cmd
}

func handoverFlags(cmd *cobra.Command, x *testbed.HandoverExperiment) {
	cmd.Flags().IntVar(&x.Count, "count", 20, "handovers of each mobile node in each direction")
	cmd.Flags().IntVar(&x.Rate, "pps", 1000, "packets a second from the correspondent to each mobile node")
	cmd.Flags().DurationVar(&x.Settle, "settle", 0, "time between two moves (default 400ms)")
	cmd.Flags().StringVar(&x.Capture, "pcap", "", "write the core link's signalling to this file")
}

func runPredictive() *cobra.Command {
	var f runFlags
	var x testbed.PredictiveExperiment
	cmd := &cobra.Command{
		Use:   "predictive",
		Short: "Move a mobile node that is without radio in between, and compare handovers that are prepared with others",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.options.Handover = x.HandoverMode()
			return f.run(cmd.Context(), func(d *testbed.Domain) (result, error) { return d.RunPredictive(cmd.Context(), x) })
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&x.Count, "count", 200, "handovers")
	cmd.Flags().IntVar(&x.Rate, "pps", 1000, "packets a second from the correspondent to the mobile node")
	cmd.Flags().StringVar(&x.Mode, "mode", testbed.ModePredictive, "predictive: prepared before the link breaks; reactive: asked for afterwards; mispredict: prepared, and the station stays")
	cmd.Flags().DurationVar(&x.Warning, "warning", 0, "time from the prediction to the loss of the link (default 100ms)")
	cmd.Flags().DurationVar(&x.Gap, "gap", 0, "time without radio at each move (default 50ms)")
	cmd.Flags().DurationVar(&x.Settle, "settle", 0, "time between two moves (default 600ms)")
	cmd.Flags().StringVar(&x.Capture, "pcap", "", "write the core link's signalling to this file")
	return cmd
}
