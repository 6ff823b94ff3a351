package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"netlmm/testbed"
)

// handoverFlags are the flags of `testbed run handover`.
type handoverFlags struct {
	options    testbed.Options
	experiment testbed.HandoverExperiment
	report     string
	keep, json bool
}

func runHandover() *cobra.Command {
	f := &handoverFlags{}
	cmd := &cobra.Command{
		Use:   "handover",
		Short: "Move two mobile nodes between two MAGs under traffic and report what it cost",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context()) },
	}
	domainFlags(cmd, &f.options)
	cmd.Flags().IntVar(&f.experiment.Count, "count", 20, "handovers of each mobile node in each direction")
	cmd.Flags().IntVar(&f.experiment.Rate, "pps", 1000, "packets a second from the correspondent to each mobile node")
	cmd.Flags().DurationVar(&f.experiment.Settle, "settle", 0, "time between two moves (default 400ms)")
	cmd.Flags().StringVar(&f.experiment.Capture, "pcap", "", "write the core link's signalling to this file")
	cmd.Flags().StringVar(&f.report, "report", "", "write the report to this file, as JSON")
	cmd.Flags().BoolVar(&f.keep, "keep", false, "leave the domain running afterwards")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the report as JSON instead of a table")
	return cmd
}

func (f *handoverFlags) run(ctx context.Context) (err error) {
	f.options.Progress = os.Stderr
	domain, err := testbed.Up(f.options)
	if err != nil {
		return err
	}
	defer func() {
		if f.keep && ctx.Err() == nil {
			err = errors.Join(err, domain.Abandon())
			domain.Guide(os.Stderr)
			return
		}
		domain.Progressf("taking the domain down")
		err = errors.Join(err, domain.Down())
	}()
	report, err := domain.RunHandovers(ctx, f.experiment)
	if err != nil {
		return err
	}
	if f.report != "" {
		if err := report.Write(f.report); err != nil {
			return err
		}
	}
	if f.json {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		report.Print(os.Stdout)
	}
	if err == nil && report.Result != "pass" {
		return fmt.Errorf("the experiment failed: %d reasons, see the report", len(report.Reasons))
	}
	return err
}
