package daemon

import (
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"netlmm/configs"
)

// TestCheck: --check says what is good of both examples, and all that is wrong with a file, and starts nothing.
func TestCheck(t *testing.T) {
	const examples = "../../../configs/examples/"
	starts := 0
	magd := func() *cobra.Command {
		return Command(Program[*configs.Magd]{Name: "magd", Load: configs.LoadMagd, Run: func(context.Context, *configs.Magd) error { starts++; return nil }})
	}
	lmad := func() *cobra.Command {
		return Command(Program[*configs.Lmad]{Name: "lmad", Load: configs.LoadLmad, Run: func(context.Context, *configs.Lmad) error { starts++; return nil }})
	}
	for _, c := range []struct {
		command *cobra.Command
		file    string
		good    bool
		want    string
	}{
		{magd(), examples + "magd.yaml", true, "magd.yaml: good"},
		{lmad(), examples + "lmad.yaml", true, "lmad.yaml: good"},
		{magd(), examples + "lmad.yaml", false, "unknown key(s)"},
		{lmad(), "/nonexistent/lmad.yaml", false, "no such file"},
	} {
		var out strings.Builder
		c.command.SetOut(&out)
		c.command.SetErr(&out)
		c.command.SetArgs([]string{"--check", "--config", c.file})
		if err := c.command.Execute(); (err == nil) != c.good || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: error %v, output %s", c.file, err, out.String())
		}
	}
	if starts != 0 {
		t.Error("--check started a daemon")
	}
	command := lmad()
	command.SetArgs([]string{"--config", examples + "lmad.yaml"})
	if err := command.Execute(); err != nil || starts != 1 {
		t.Errorf("%d starts, error %v", starts, err)
	}
}
