// Command magd is a Mobile Access Gateway (RFC 5213 section 6): it hears from access points which mobile nodes are there,
// registers them at their anchor and makes its access links look like the home link of each.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mobility/mag"
)

// stopPatience is how long a graceful stop may take.
const stopPatience = 5 * time.Second

func main() {
	var file string
	var check bool
	command := &cobra.Command{
		Use: "magd", Short: "Mobile Access Gateway of Proxy Mobile IPv6", Version: daemon.Version(), Args: cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := configs.LoadMagd(file)
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
	command.Flags().StringVarP(&file, "config", "c", "/etc/netlmm/magd.yaml", "configuration file")
	command.Flags().BoolVar(&check, "check", false, "validate the configuration and exit")
	ctx, stop := daemon.SignalContext()
	defer stop()
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

// run works until ctx ends, and then stops gracefully: the gateway's machine says goodbye to the anchors first.
func run(ctx context.Context, cfg *configs.Magd) error {
	g, err := newGateway(cfg)
	if err != nil {
		return err
	}
	defer g.close()
	work, end := context.WithCancel(context.Background())
	defer end()
	context.AfterFunc(ctx, func() {
		defer end()
		g.log.Info("stopping", "deregister", cfg.DeregisterOnStop)
		g.send(mag.Stop{Deregister: cfg.DeregisterOnStop}, time.Now())
		select {
		case <-g.stopped:
		case <-time.After(stopPatience):
			g.log.Warn("the anchor did not answer every de-registration in time")
		}
	})
	return daemon.Run(work, g.log, g.tasks())
}
