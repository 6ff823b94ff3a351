// Command lmad is a Local Mobility Anchor (RFC 5213 section 5): it owns the home network prefixes of a domain and keeps
// each one reachable through the access gateway where its mobile node is.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
)

func main() {
	var file string
	var check bool
	command := &cobra.Command{
		Use: "lmad", Short: "Local Mobility Anchor of Proxy Mobile IPv6", Version: daemon.Version(), Args: cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := configs.LoadLmad(file)
			if err != nil {
				return err
			}
			if check {
				fmt.Fprintln(cmd.OutOrStdout(), file+": good")
				return nil
			}
			return run(cmd.Context(), cfg)
		},
	}
	command.Flags().StringVarP(&file, "config", "c", "/etc/netlmm/lmad.yaml", "configuration file")
	command.Flags().BoolVar(&check, "check", false, "validate the configuration and exit")
	ctx, stop := daemon.SignalContext()
	defer stop()
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg *configs.Lmad) error {
	a, err := newAnchor(cfg)
	if err != nil {
		return err
	}
	defer a.close()
	return daemon.Run(ctx, a.log, a.tasks())
}
