package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"netlmm/testbed/load"
)

// loadFlags are the flags of `testbed load` as they are typed.
type loadFlags struct {
	config     load.Config
	lma        string
	mags       []string
	operations []string
	compat     string
	closedLoop bool
	report     string
	quiet      bool

	anchor anchorFlags
}

func loadCommand() *cobra.Command {
	f := &loadFlags{}
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Speak as MAGs to a Local Mobility Anchor, or as an anchor to a MAG; measure and check what the other end does",
		Long: "With --lma, speak as MAGs to any RFC 5213 Local Mobility Anchor over raw sockets of protocol 135, measure its answers\n" +
			"and check each of them. The MAG addresses must be addresses of this host that the anchor authorizes.\n\n" +
			"With --mag, play a whole anchor to one Mobile Access Gateway: check each of its updates, answer it, late or not at\n" +
			"all if so wished, restart and revoke. The address of the anchor must be one of this host.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.anchor.mag != "" {
				return f.playAnchor(cmd.Context())
			}
			return f.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.lma, "lma", "", "address of the anchor")
	flags.StringSliceVar(&f.mags, "mags", nil, "addresses of this host to speak from, one for each MAG")
	flags.IntVar(&f.config.MobileNodes, "mobile-nodes", 1000, "how many mobile nodes")
	flags.StringVar(&f.config.Realm, "realm", "load.example", "of the mobile nodes' identifiers")
	flags.StringSliceVar(&f.operations, "operations", []string{"register", "refresh", "handover", "deregister"}, "one round, each for every mobile node")
	flags.IntVar(&f.config.Count, "count", 1, "rounds; at least so many with --duration")
	flags.DurationVar(&f.config.Duration, "duration", 0, "begin rounds until so much time has passed; with --mag: play so long, 0 until interrupted")
	flags.DurationVar(&f.config.Pause, "pause", 0, "between two rounds")
	flags.BoolVar(&f.closedLoop, "closed-loop", false, "each client waits for its answer before its next request")
	flags.IntVar(&f.config.Clients, "clients", 1, "clients of the closed loop")
	flags.Float64Var(&f.config.Rate, "rate", 0, "requests a second, whatever the anchor does")
	flags.DurationVar(&f.config.Lifetime, "lifetime", time.Hour, "of the bindings: asked for, or with --mag granted at most")
	flags.StringVar(&f.compat, "compat", string(load.Strict), "how the other end deviates: strict, oai or opmip")
	flags.StringVar(&f.report, "json", "", "write the report to this file, as JSON")
	flags.BoolVar(&f.quiet, "quiet", false, "no progress")
	f.anchor.define(cmd)
	cmd.MarkFlagsOneRequired("lma", "mag")
	cmd.MarkFlagsMutuallyExclusive("lma", "mag")
	cmd.MarkFlagsRequiredTogether("lma", "mags")
	cmd.MarkFlagsRequiredTogether("mag", "lma-address")
	cmd.MarkFlagsMutuallyExclusive("closed-loop", "rate")
	return cmd
}

func (f *loadFlags) run(ctx context.Context) error {
	// One core's work, under one lock: more threads would only wake each other, in the middle of what is measured.
	runtime.GOMAXPROCS(1)
	if err := f.parse(); err != nil {
		return err
	}
	if !f.closedLoop && f.config.Rate == 0 {
		return errors.New("--closed-loop or --rate: want one of them with --lma")
	}
	if !f.quiet {
		f.config.Progress = os.Stderr
	}
	report, err := load.Run(ctx, f.config)
	if report == nil {
		return err
	}
	err = errors.Join(err, show(report, f.report))
	if err == nil && report.Result != "pass" {
		err = errors.New("not every request had the answer that it must have, see the report")
	}
	return err
}

// parse turns the words of the flags into the configuration.
func (f *loadFlags) parse() (err error) {
	if f.config.LMA, err = netip.ParseAddr(f.lma); err != nil {
		return fmt.Errorf("--lma: %w", err)
	}
	for _, text := range f.mags {
		mag, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("--mags: %w", err)
		}
		f.config.MAGs = append(f.config.MAGs, mag)
	}
	for _, op := range f.operations {
		f.config.Operations = append(f.config.Operations, load.Operation(op))
	}
	f.config.Compat = load.Compat(f.compat)
	return nil
}

// show prints a report, and writes it to a file if there is a name of one.
func show(report interface{ Print(io.Writer) }, file string) error {
	report.Print(os.Stdout)
	if file == "" {
		return nil
	}
	return writeJSON(file, report)
}

func writeJSON(path string, v any) error {
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}
