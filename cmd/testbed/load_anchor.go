package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/spf13/cobra"

	"netlmm/mobility"
	"netlmm/testbed/load"
)

// anchorFlags are the flags of `testbed load --mag` as they are typed.
type anchorFlags struct {
	config     load.AnchorConfig
	mag, local string
	pool       string
	status     uint8
}

func (f *anchorFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.mag, "mag", "", "address of a MAG to play an anchor to")
	flags.StringVar(&f.local, "lma-address", "", "of the anchor that is played: an address of this host")
	flags.StringVar(&f.pool, "pool", load.DefaultPool.String(), "of the home network prefixes given out")
	flags.DurationVar(&f.config.Delay, "delay", 0, "before each answer")
	flags.Float64Var(&f.config.DropRate, "drop-rate", 0, "share of the updates that are not answered")
	flags.Uint8Var(&f.status, "status", uint8(mobility.StatusInsufficientResources), "of the refusals")
	flags.Float64Var(&f.config.StatusShare, "status-share", 0, "share of the updates that are refused")
	flags.Uint32Var(&f.config.RestartCounter, "restart-counter", 1, "of the heartbeats; let it grow from run to run")
	flags.DurationVar(&f.config.RestartAfter, "restart-after", 0, "then forget every binding and count one restart more")
	flags.DurationVar(&f.config.RevokeAfter, "revoke-after", 0, "then revoke every binding")
	flags.Uint64Var(&f.config.Seed, "seed", 1, "of what is left to chance")
}

func (f *loadFlags) playAnchor(ctx context.Context) (err error) {
	c := f.anchor.config
	if c.MAG, err = netip.ParseAddr(f.anchor.mag); err != nil {
		return fmt.Errorf("--mag: %w", err)
	}
	if c.LMA, err = netip.ParseAddr(f.anchor.local); err != nil {
		return fmt.Errorf("--lma-address: %w", err)
	}
	if c.Pool, err = netip.ParsePrefix(f.anchor.pool); err != nil {
		return fmt.Errorf("--pool: %w", err)
	}
	c.Status, c.Compat, c.Lifetime, c.Duration = mobility.Status(f.anchor.status), load.Compat(f.compat), f.config.Lifetime, f.config.Duration
	if !f.quiet {
		c.Progress = os.Stderr
	}
	report, err := load.PlayAnchor(ctx, c)
	if report == nil {
		return err
	}
	err = errors.Join(err, show(report, f.report))
	if err == nil && report.Result != "pass" {
		err = errors.New("the gateway did not do everything as it must, see the report")
	}
	return err
}
