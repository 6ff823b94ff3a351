package mh

import (
	"fmt"
	"testing"
)

func TestNames(t *testing.T) {
	wantNames(t, map[fmt.Stringer]string{
		TypeBindingRefreshRequest: "Binding Refresh Request", Type(4): "Care-of Test", TypeHeartbeat: "Heartbeat", Type(23): "Subscription Response", Type(24): "MH type 24",
		UnknownBinding: "unknown_binding", UnknownMHType: "unknown_mh_type", BindingErrorStatus(3): "status_3",
		OptionTimestamp: "Timestamp option", OptionType(9): "option 9", OptionType(255): "option 255",
	})
	for option, want := range map[OptionType]string{
		OptionTimestamp: "Timestamp", 50: "Mobile Node Group Identifier", 70: "Distributed Logical Interface Link-layer Address", 9: "option 9", 255: "option 255",
	} {
		if got := option.Name(); got != want {
			t.Errorf("option %d: name %q, want %q", uint8(option), got, want)
		}
	}
}

// Every option of wire/pmipv6.md section 2 has a name, and none has that of another.
func TestOptionNamesAreUnique(t *testing.T) {
	seen := map[string]OptionType{}
	for _, span := range [][2]OptionType{{0, 8}, {19, 20}, {22, 70}} {
		for option := span[0]; option <= span[1]; option++ {
			name := option.Name()
			if other, twice := seen[name]; twice || name == fmt.Sprintf("option %d", option) {
				t.Errorf("option %d is named %q, as is option %d", option, name, other)
			}
			seen[name] = option
		}
	}
}
