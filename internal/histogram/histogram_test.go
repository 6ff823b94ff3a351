package histogram

import (
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	for d := time.Microsecond; d <= time.Millisecond; d += time.Microsecond {
		h.Add(d)
	}
	for q, want := range map[float64]time.Duration{0: time.Microsecond, 0.5: 500 * time.Microsecond, 0.99: 990 * time.Microsecond, 1: time.Millisecond} {
		if got := h.Quantile(q); got < want || got > want+want/50+time.Microsecond {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	for _, d := range []time.Duration{-1, 0, 1, 63, 64, 127, 128, time.Second, time.Hour, 1<<63 - 1} {
		if edge := upperEdge(bucketOf(d)); edge < d || bucketOf(edge) != bucketOf(d) {
			t.Errorf("%d is in the bucket up to %d", d, edge)
		}
	}
}
