package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"netlmm/ap-adapters/ciscosyslog"
)

// explainSyslog lets an operator try the logs of their own access points before magd acts on them.
func explainSyslog(o *options, in io.Reader) *cobra.Command {
	return &cobra.Command{
		Use:   "explain-syslog [FILE|-]",
		Short: "Say line by line what the syslog adapter would make of a log",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer file.Close()
				in = file
			}
			return explain(o, in)
		},
	}
}

func explain(o *options, in io.Reader) error {
	encoder := json.NewEncoder(o.out)
	lines := bufio.NewReaderSize(in, ciscosyslog.MaximumLine+1)
	for number := 1; ; number++ {
		line, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		e := ciscosyslog.Explain(line)
		if o.json {
			if err := encoder.Encode(e); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(o.out, "%5d  %-4s  %-17s  %s%s%s\n", number, e.Event, orDash(e.Station), e.Reason, identity(e.Identity), origin(e))
	}
}

// readLine returns one line without its end. What is longer than any message is cut, so that a file without line ends
// costs no more memory than one line; Explain says that it is too long.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, more, err := r.ReadLine()
	line = append([]byte(nil), line...)
	for more && err == nil {
		_, more, err = r.ReadLine()
	}
	return line, err
}

func identity(nai string) string {
	if nai == "" {
		return ""
	}
	return fmt.Sprintf(" (identity %q)", nai)
}

// origin is what else the line tells: who wrote it and when.
func origin(e ciscosyslog.Explanation) string {
	text := ""
	if e.AccessPoint != "" {
		text += ", access point " + strconv.Quote(e.AccessPoint)
	}
	if e.Clock != "" {
		text += ", " + e.Clock
	}
	return text
}
