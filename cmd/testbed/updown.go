package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"netlmm/testbed"
)

func up() *cobra.Command {
	var o testbed.Options
	var withoutDaemons bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build a domain and leave it running",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.Progress = os.Stderr
			domain, err := testbed.Up(o)
			if err != nil {
				return err
			}
			defer func() {
				if recovered := recover(); recovered != nil || err != nil || cmd.Context().Err() != nil {
					err = errors.Join(err, domain.Down())
					if recovered != nil {
						panic(recovered)
					}
				}
			}()
			if withoutDaemons {
				err = domain.Associate()
			} else {
				err = domain.ComeIn(cmd.Context())
			}
			if err != nil {
				return err
			}
			domain.Guide(os.Stdout)
			return domain.Abandon()
		},
	}
	domainFlags(cmd, &o)
	cmd.Flags().BoolVar(&withoutDaemons, "without-daemons", false, "do not start magd and lmad")
	return cmd
}

func down() *cobra.Command {
	var id string
	var all bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Take a domain down that `testbed up` left running, or that a crashed run left behind",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if id != "" {
				return testbed.Down(id)
			}
			domains, err := testbed.Domains()
			if err != nil {
				return err
			}
			if !all && len(domains) > 1 {
				return fmt.Errorf("there are %d domains; name one with --id, or take down --all", len(domains))
			}
			var errs []error
			for id, inUse := range domains {
				if inUse {
					fmt.Fprintf(os.Stderr, "domain %s belongs to a testbed that is running; left alone\n", id)
					continue
				}
				errs = append(errs, testbed.Down(id))
				fmt.Fprintf(os.Stderr, "domain %s is gone\n", id)
			}
			return errors.Join(errs...)
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "name of the domain")
	cmd.Flags().BoolVar(&all, "all", false, "every domain whose testbed does not run any more")
	return cmd
}
