package daemon

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimitedPassesSomeOfEachMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := Limited(slog.New(slog.NewTextHandler(&out, nil)))
		count := func(text string) int { return strings.Count(out.String(), text) }
		for i := range 100 {
			log.Warn("refused", "to", i)
			log.With("peer", "mag1").Warn("refused", "to", i)
			log.Info("refused")
		}
		log.Warn("another")
		if warned, informed := count("level=WARN msg=refused"), count("level=INFO msg=refused"); warned != logBurst || informed != logBurst {
			t.Errorf("%d warnings and %d informations pass at once, want %d of each", warned, informed, logBurst)
		}
		if count("msg=another") != 1 {
			t.Error("one message uses up the limit of another")
		}
		time.Sleep(logEvery)
		log.Warn("refused")
		log.Warn("refused")
		if !strings.Contains(out.String(), fmt.Sprintf("suppressed=%d", 200-logBurst)) || count("level=WARN msg=refused") != logBurst+1 {
			t.Errorf("after %v:\n%s", logEvery, out.String())
		}
	})
}

func TestLimitedRemembersBoundedlyMany(t *testing.T) {
	l := limits{subjects: map[subject]*limit{}}
	for i := range 10 * logSubject {
		l.pass(subject{slog.LevelWarn, fmt.Sprint(i)}, time.Now())
	}
	if len(l.subjects) > logSubject+1 {
		t.Errorf("%d messages are remembered", len(l.subjects))
	}
}
