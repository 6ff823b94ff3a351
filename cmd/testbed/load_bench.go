package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"netlmm/testbed/load"
)

func benchLMA() *cobra.Command {
	var bench load.Bench
	var file string
	cmd := &cobra.Command{
		Use:   "bench-lma",
		Short: "Measure lmad with the load generator, each in a network namespace of its own",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			bench.Progress = os.Stderr
			if bench.BinDir, err = filepath.Abs(bench.BinDir); err != nil {
				return err
			}
			report, err := bench.Run(cmd.Context())
			if err != nil {
				return err
			}
			if err := show(report, file); err != nil {
				return err
			}
			if len(report.Problems) > 0 {
				return errors.New("lmad did not answer everything as it must, see the report")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&bench.BinDir, "bin-dir", "bin", "folder with lmad and testbed")
	cmd.Flags().StringVar(&file, "json", "", "write the report to this file")
	return cmd
}
