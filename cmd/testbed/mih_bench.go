package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"netlmm/cmd/internal/mihbench"
)

// benchMIHRole is the hidden command that the benchmark starts twice.
const benchMIHRole = "bench-mih-process"

func benchMIH() *cobra.Command {
	bench := mihbench.Bench{Progress: os.Stderr, Stderr: os.Stderr}
	var file string
	cmd := &cobra.Command{
		Use:   "bench-mih",
		Short: "Measure link events from one MIH Function to another, each a process, over UDP on loopback",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			bench.Command = []string{self, benchMIHRole}
			report, err := bench.Run(cmd.Context())
			if err != nil {
				return err
			}
			if err := show(report, file); err != nil {
				return err
			}
			if len(report.Problems) > 0 {
				return errors.New("indications came twice or out of order, see the report")
			}
			if missed := report.Missed(); len(missed) > 0 {
				return fmt.Errorf("missed: %s", strings.Join(missed, "; "))
			}
			return nil
		},
	}
	cmd.Flags().IntSliceVar(&bench.Rates, "rates", mihbench.DefaultRates, "events a second, one step each")
	cmd.Flags().DurationVar(&bench.Duration, "duration", 5*time.Second, "of a step")
	cmd.Flags().DurationVar(&bench.WarmUp, "warm-up", 3*time.Second, "at the highest rate, not measured")
	cmd.Flags().StringVar(&bench.Profile, "profile", "", "folder for profiles of both processes")
	cmd.Flags().StringVar(&file, "json", "", "write the report to this file")
	return cmd
}

func benchMIHProcess() *cobra.Command {
	return &cobra.Command{
		Use:    benchMIHRole,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return mihbench.Serve(cmd.Context(), os.Stdin, os.Stdout) },
	}
}
