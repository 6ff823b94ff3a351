package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// Main is the main function of a daemon: it reads the configuration with load, checks it only or gives it to run, and ends
// the process with what came of it, with status 78 when the configuration cannot be used. run's context ends with the first SIGINT
// or SIGTERM.
func Main[C any](name, short string, load func(file string) (C, error), run func(context.Context, C) error) {
	ctx, stop := SignalContext()
	defer stop()
	if err := Command(name, short, load, run).ExecuteContext(ctx); err != nil {
		if errors.As(err, new(unusable)) {
			os.Exit(exitConfiguration)
		}
		os.Exit(1)
	}
}

// exitConfiguration is EX_CONFIG of sysexits.h: a service manager need not try again before the file has changed.
const exitConfiguration = 78

// unusable is a configuration that the daemon cannot start with.
type unusable struct{ error }

// Command is a daemon's command line.
func Command[C any](name, short string, load func(file string) (C, error), run func(context.Context, C) error) *cobra.Command {
	var file string
	var check bool
	command := &cobra.Command{
		Use: name, Short: short, Version: Version(), Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load(file)
			if err != nil {
				return unusable{err}
			}
			if check {
				fmt.Fprintln(cmd.OutOrStdout(), file+": good")
				return nil
			}
			return run(cmd.Context(), cfg)
		},
	}
	command.Flags().StringVarP(&file, "config", "c", "/etc/netlmm/"+name+".yaml", "configuration file")
	command.Flags().BoolVar(&check, "check", false, "validate the configuration and exit")
	return command
}
