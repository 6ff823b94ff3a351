package experiments

import (
	"math"
	"slices"
	"time"
)

// milliseconds with three decimals.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// rounded to so many decimals.
func rounded(v float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(v*scale) / scale
}

// mean of a list; 0 for an empty one.
func mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// percentile is the nearest-rank percentile, 0 for an empty list.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(int(math.Ceil(p*float64(len(sorted)))), 1)-1]
}

func median(values []float64) float64  { return percentile(values, 0.5) }
func largest(values []float64) float64 { return percentile(values, 1) }

// distribution is a row of a table: samples, mean, p50, p99, largest.
func distribution(values []float64) []any {
	return []any{len(values), rounded(mean(values), 3), rounded(median(values), 3), rounded(percentile(values, 0.99), 3), rounded(largest(values), 3)}
}

// distributionColumns are what distribution fills.
var distributionColumns = []string{"samples", "mean", "p50", "p99", "largest"}

// of takes one figure out of each element.
func of[T any](list []T, figure func(T) float64) []float64 {
	values := make([]float64, len(list))
	for i, element := range list {
		values[i] = figure(element)
	}
	return values
}
