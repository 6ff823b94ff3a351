package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"netlmm/testbed/experiments"
)

// experimentCommand does the paper's experiments and ours, and makes a page of them.
func experimentCommand() *cobra.Command {
	var s experiments.Settings
	cmd := &cobra.Command{
		Use:   "experiment NAME|all|list",
		Short: "Measure what a domain does to a roaming host, with tables, pictures and a page",
		Long:  "Does one experiment, or all of them, in domains of their own. Each leaves a folder with its tables (CSV, JSON) and pictures (SVG, PNG) in the\nreport's folder; index.html there tells of all that are in it. `testbed experiment list` names them.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			var list []experiments.Experiment
			switch name := arguments[0]; name {
			case "list":
				return listExperiments()
			case "all":
				list = experiments.All()
			default:
				x, err := experiments.Find(name)
				if err != nil {
					return err
				}
				list = append(list, x)
			}
			s.Progress = os.Stderr
			return experiments.Do(cmd.Context(), s, list...)
		},
	}
	cmd.Flags().StringVar(&s.Report, "report", "out/experiments", "folder for results and page")
	cmd.Flags().IntVar(&s.Count, "count", 0, "handovers of each experiment that repeats them (default: its own number, which list tells)")
	cmd.Flags().IntVar(&s.Hosts, "hosts", 100, "hosts of the experiment crowd")
	cmd.Flags().DurationVar(&s.Patience, "patience", 0, "longest that a stalled connection is waited for (default 150s)")
	cmd.Flags().StringVar(&s.ID, "id", "", "begins the names of the domains (default: the process id)")
	cmd.Flags().StringVar(&s.BinDir, "bin-dir", "bin", "folder with magd, lmad and netlmmctl")
	return cmd
}

func listExperiments() error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, x := range experiments.All() {
		repeats := x.Paper
		if repeats == "" {
			repeats = "ours"
		}
		count := "once"
		if x.Count > 0 {
			count = fmt.Sprint(x.Count, " handovers")
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", x.Name, x.Title, repeats, count)
	}
	return out.Flush()
}
