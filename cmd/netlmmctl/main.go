// Command netlmmctl is what an operator types: it asks magd, lmad or mihd over their admin sockets and prints tables, or JSON
// for machines.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
)

func main() {
	if err := command(os.Stdin, os.Stdout).ExecuteContext(context.Background()); err != nil {
		os.Exit(1)
	}
}

// options are the flags that every command has.
type options struct {
	socket string
	json   bool
	out    io.Writer
}

func command(in io.Reader, out io.Writer) *cobra.Command {
	o := &options{out: out}
	root := &cobra.Command{
		Use:          "netlmmctl",
		Short:        "Ask a netlmm daemon what it is doing",
		Version:      daemon.Version(),
		SilenceUsage: true,
	}
	root.PersistentFlags().StringVarP(&o.socket, "socket", "s", "", "admin socket of the daemon (default: magd's, else lmad's, else mihd's, in /run/netlmm)")
	root.PersistentFlags().BoolVar(&o.json, "json", false, "print JSON")
	root.AddCommand(
		ask(o, "status", "What the daemon says of itself, and what needs a look", api.PathStatus, printStatus),
		ask(o, "bindings", "Registered mobile nodes and their prefixes", api.PathBindings, printBindings),
		deleteBinding(o),
		revoke(o),
		registerAgain(o),
		config(o),
		ask(o, "peers", "LMAs or MAGs and their security associations", api.PathPeers, printPeers),
		handovers(o),
		ask(o, "preparations", "The last handovers that a gateway prepared with another one (magd)", api.PathPreparations, printPreparations),
		links(o, "Stations that the access points reported (magd, mihd)"),
		mihFunction(o),
		explainSyslog(o, in),
		decode(o, in),
	)
	return root
}

// ask makes a command that gets one path and prints it with table.
func ask[T any](o *options, name, short, path string, table func(io.Writer, T)) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(cmd.Context(), o, path, table)
		},
	}
}

func handovers(o *options) *cobra.Command {
	last := 20
	cmd := &cobra.Command{
		Use: "handovers", Short: "The last handovers with the time each phase took", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(cmd.Context(), o, fmt.Sprintf("%s?last=%d", api.PathHandovers, last), printHandovers)
		},
	}
	cmd.Flags().IntVarP(&last, "last", "n", last, "how many; 0 for all that the daemon remembers")
	return cmd
}

func deleteBinding(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "delete-binding MOBILE-NODE", Short: "End the bindings of one mobile node now (lmad)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return api.NewClient(o.socketPath()).DeleteBinding(cmd.Context(), args[0])
		},
	}
}

func show[T any](ctx context.Context, o *options, path string, table func(io.Writer, T)) error {
	client := api.NewClient(o.socketPath())
	if o.json {
		var raw json.RawMessage
		if err := client.Get(ctx, path, &raw); err != nil {
			return err
		}
		encoder := json.NewEncoder(o.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(raw)
	}
	var result T
	if err := client.Get(ctx, path, &result); err != nil {
		return err
	}
	table(o.out, result)
	return nil
}

func (o *options) socketPath() string {
	if o.socket != "" {
		return o.socket
	}
	return existing("magd", "lmad", "mihd")
}

// existing is the socket of the first of these daemons that has one; of none the first's.
func existing(daemons ...string) string {
	for _, name := range daemons {
		if socket := socketOf(name); isThere(socket) {
			return socket
		}
	}
	return socketOf(daemons[0])
}

func socketOf(daemon string) string { return "/run/netlmm/" + daemon + ".sock" }

func isThere(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// age prints how long ago an instant was, for people.
func age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return time.Since(t).Round(time.Second).String()
}
