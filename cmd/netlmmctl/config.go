package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"netlmm/cmd/internal/api"
)

const configHelp = `The effective configuration of the daemon, key by key: first the protocol variables under their names in the RFCs
(RFC 5213 section 9, RFC 5846 section 11, RFC 5847 section 5, RFC 6275 section 12), then every other key.

All of them come from the configuration file, or from NETLMM_... in the environment for keys that it may override: what is
written there survives restarts of the daemon and of the host. To change a value, edit the file, try it with --check and
restart the daemon.

Secrets are not part of it. They stand in files, of which the configuration has the names.`

func config(o *options) *cobra.Command {
	cmd := ask(o, "config", "Every protocol variable and key with its value and its default", api.PathConfig, printConfig)
	cmd.Long = configHelp
	return cmd
}

func printConfig(w io.Writer, settings []api.Setting) {
	isVariable := func(s api.Setting) bool { return s.Variable != "" }
	named := func(s api.Setting) bool { return !isVariable(s) }
	table(w, "VARIABLE\tDEFINED IN\tKEY\tVALUE\tDEFAULT", func(row func(string, ...any)) {
		for _, s := range slices.DeleteFunc(slices.Clone(settings), named) {
			row("%s\t%s\t%s\t%s\t%s", s.Variable, s.Reference, s.Key, setting(s.Value), standard(s))
		}
	})
	fmt.Fprintln(w)
	table(w, "KEY\tVALUE\tDEFAULT", func(row func(string, ...any)) {
		for _, s := range slices.DeleteFunc(slices.Clone(settings), isVariable) {
			row("%s\t%s\t%s", s.Key, setting(s.Value), standard(s))
		}
	})
}

// standard says what a key is when nobody sets it.
func standard(s api.Setting) string {
	switch {
	case s.IsDefault:
		return "yes"
	case s.Default == nil:
		return "-" // has none
	}
	return "no: " + setting(s.Default)
}

// setting prints a value as the file has it.
func setting(value any) string {
	switch v := value.(type) {
	case nil:
		return "-"
	case string:
		if v == "" {
			return `""`
		}
		return v
	case []any:
		var list []string
		for _, element := range v {
			list = append(list, setting(element))
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
