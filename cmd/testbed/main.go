// Command testbed builds a Proxy Mobile IPv6 domain on this machine, in network namespaces, and measures handovers in it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"netlmm/testbed"
)

func main() {
	// the signals end the experiment, not the process: what was built is taken down first
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "testbed",
		Short:         "Build a Proxy Mobile IPv6 domain on this machine and measure handovers in it",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	run := &cobra.Command{Use: "run", Short: "Run an experiment in a domain of its own"}
	run.AddCommand(runHandover(), runMIHRemote(), runPredictive())
	root.AddCommand(run, up(), down(), loadCommand(), benchLMA(), benchMIH(), benchMIHProcess(), radioCommand(), experimentCommand())
	return root
}

// domainFlags are the flags of every command that builds a domain.
func domainFlags(cmd *cobra.Command, o *testbed.Options) {
	cmd.Flags().StringVar(&o.ID, "id", "", "name of the domain (default: the process id)")
	cmd.Flags().StringVar(&o.BinDir, "bin-dir", "bin", "folder with magd, lmad and netlmmctl")
	cmd.Flags().StringVar(&o.Trigger, "trigger", testbed.TriggerHostapd, "what tells a MAG of a station: hostapd, syslog, radius or mih")
	cmd.Flags().BoolVar(&o.CleanDetach, "clean-detach", false, "the access point reports a station's departure before it leaves")
	cmd.Flags().DurationVar(&o.APAging, "ap-aging", 0, "an access point forgets a station this long after it left; 0: not during the run")
}
