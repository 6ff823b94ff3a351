// Package histogram keeps many durations in little memory.
package histogram

import (
	"math/bits"
	"time"
)

// A Histogram holds durations in buckets whose width is 1/64 of their size or less, in fixed memory: recording costs a few
// instructions, and a quantile is off by less than 2 %.
type Histogram struct {
	counts [64 << fineBits]uint64
	total  uint64
}

const fineBits = 6

func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < 1<<fineBits {
		return int(v)
	}
	exponent := bits.Len64(v) - 1 - fineBits
	return exponent<<fineBits + int(v>>exponent)
}

// upperEdge is the greatest duration in a bucket.
func upperEdge(bucket int) time.Duration {
	if bucket < 2<<fineBits {
		return time.Duration(bucket)
	}
	exponent := bucket>>fineBits - 1
	mantissa := uint64(bucket - exponent<<fineBits)
	return time.Duration((mantissa+1)<<exponent - 1)
}

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
}

// Quantile is the duration that the share q of all does not exceed; 0 when there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.total))
	seen := uint64(0)
	for bucket, n := range h.counts {
		if seen += n; n > 0 && seen > min(rank, h.total-1) {
			return upperEdge(bucket)
		}
	}
	return 0
}

// Merge adds what another one holds.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}
