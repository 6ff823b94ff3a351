package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"netlmm/testbed"
)

// runFlags are the flags of every experiment.
type runFlags struct {
	options    testbed.Options
	report     string
	keep, json bool
}

func (f *runFlags) add(cmd *cobra.Command) {
	domainFlags(cmd, &f.options)
	cmd.Flags().StringVar(&f.report, "report", "", "write the report to this file, as JSON")
	cmd.Flags().BoolVar(&f.keep, "keep", false, "leave the domain running afterwards")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the report as JSON instead of a table")
}

// result is what an experiment found.
type result interface {
	Print(io.Writer)
	Write(file string) error
	Failed() int // reasons to call it a failure
}

// run builds a domain, has an experiment done in it, and tells the result.
func (f *runFlags) run(ctx context.Context, experiment func(*testbed.Domain) (result, error)) (err error) {
	f.options.Progress = os.Stderr
	domain, err := testbed.Up(f.options)
	if err != nil {
		return err
	}
	defer func() {
		if f.keep && ctx.Err() == nil {
			err = errors.Join(err, domain.Abandon())
			domain.Guide(os.Stderr)
			return
		}
		domain.Progressf("taking the domain down")
		err = errors.Join(err, domain.Down())
	}()
	report, err := experiment(domain)
	if err != nil {
		return err
	}
	if f.report != "" {
		if err := report.Write(f.report); err != nil {
			return err
		}
	}
	if f.json {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		report.Print(os.Stdout)
	}
	if err == nil && report.Failed() > 0 {
		return fmt.Errorf("the experiment failed: %d reasons, see the report", report.Failed())
	}
	return err
}
