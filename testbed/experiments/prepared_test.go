package experiments

import (
	"slices"
	"strings"
	"testing"
)

// Prepared handovers that lost packets are the first thing that is said, with no cause that nobody looked for, and too many are a failure.
func TestPreparedHandoversThatLose(t *testing.T) {
	for _, c := range []struct {
		losing, moves int
		says          string
		fails         bool
	}{
		{0, 15, "A prepared handover lost 0 packets at the median (0 at most)", false},
		{1, 15, "Of 15 prepared handovers 1 lost packets, 7 at most, and none should have; why was not looked into.", false},
		{2, 20, "Of 20 prepared handovers 2 lost packets", false},
		{2, 15, "Of 15 prepared handovers 2 lost packets", true},
		{1, 2, "Of 2 prepared handovers 1 lost packets", true},
	} {
		lost := make([]float64, c.moves)
		for i := range c.losing {
			lost[i] = 7
		}
		var r Result
		err := r.sayPrepared([3][]float64{lost, {57, 60}, {57, 64}})
		if (err != nil) != c.fails || !strings.HasPrefix(r.Says[0], c.says) {
			t.Errorf("%d of %d: error %v, %q", c.losing, c.moves, err, r.Says)
		}
		if nothing := slices.ContainsFunc(r.Says, func(s string) bool { return strings.HasPrefix(s, "Preparing loses nothing") }); nothing != (c.losing == 0) {
			t.Errorf("%d of %d: %q", c.losing, c.moves, r.Says)
		}
	}
}
