package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

// Program is what tells one daemon from another.
type Program[C any] struct {
	Name, Short string
	Load        func(file string) (C, error)
	Run         func(context.Context, C) error
	// Clean takes away what the daemon leaves in the kernel when it stops, and tells out. unread is why there is no configuration, or
	// nil: a Cleaning that needs it returns that, and the others are done all the same.
	Clean func(out io.Writer, cfg C, unread error) error
}

// Main is the main function of a daemon: it reads the configuration, checks it only, or cleans up, or runs, and ends
// the process with what came of it, with status 78 when the configuration cannot be used. Run's context ends with the first SIGINT
// or SIGTERM.
func Main[C any](program Program[C]) {
	ctx, stop := SignalContext()
	defer stop()
	if err := Command(program).ExecuteContext(ctx); err != nil {
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
func Command[C any](program Program[C]) *cobra.Command {
	var file string
	var check, clean bool
	command := &cobra.Command{
		Use: program.Name, Short: program.Short, Version: Version(), Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := program.Load(file)
			switch {
			case clean:
				if _, missing := os.Stat(file); errors.Is(missing, fs.ErrNotExist) && !cmd.Flags().Changed("config") {
					err = Kept(err.Error()) // it was never configured, or is not any more
				}
				return program.clean(cmd.OutOrStdout(), cfg, err)
			case err != nil:
				return unusable{err}
			case check:
				fmt.Fprintln(cmd.OutOrStdout(), file+": good")
				return nil
			}
			return program.run(cmd.Context(), cfg)
		},
	}
	command.Flags().StringVarP(&file, "config", "c", "/etc/netlmm/"+program.Name+".yaml", "configuration file")
	command.Flags().BoolVar(&check, "check", false, "validate the configuration and exit")
	command.Flags().BoolVar(&clean, "clean", false, "remove what a stopped daemon left in the kernel, forwarding and packet filter, and exit")
	command.MarkFlagsMutuallyExclusive("check", "clean")
	return command
}

func (p *Program[C]) run(ctx context.Context, cfg C) error {
	lock, err := Lock(p.Name)
	if err != nil {
		return err
	}
	defer lock.Close()
	return p.Run(ctx, cfg)
}

// clean refuses beside a running daemon, and none starts meanwhile.
func (p *Program[C]) clean(out io.Writer, cfg C, unread error) error {
	lock, err := Lock(p.Name)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err = p.Clean(out, cfg, unread); unread != nil && errors.Is(err, unread) {
		return unusable{err}
	}
	return err
}
