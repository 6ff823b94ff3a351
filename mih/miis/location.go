package miis

import (
	"math"

	"netlmm/mih"
)

const earthRadius = 6371000 // metres

// coordinates are the latitude and longitude, in radians, of a location in the binary form: ok is false for one in another form. They
// are numbers of 34 bits of which 25 are a fraction of a degree, each behind a resolution of 6 bits (Table F.11, RFC 3825).
func coordinates(l *mih.Location) (latitude, longitude float64, ok bool) {
	if l == nil || l.Kind != mih.LocationGeoBinary || len(l.Octets) != 16 {
		return 0, 0, false
	}
	return radians(l.Octets, 6), radians(l.Octets, 46), true
}

func radians(octets string, from int) float64 {
	var v int64
	for bit := from; bit < from+34; bit++ {
		v = v<<1 | int64(octets[bit/8]>>(7-bit%8)&1)
	}
	v = v << 30 >> 30 // the sign
	return float64(v) / (1 << 25) * math.Pi / 180
}

// distance is that of two locations over ground, in metres, when both have coordinates.
func distance(a, b *mih.Location) (metres float64, ok bool) {
	latA, longA, okA := coordinates(a)
	latB, longB, okB := coordinates(b)
	if !okA || !okB {
		return 0, false
	}
	h := square(math.Sin((latB-latA)/2)) + math.Cos(latA)*math.Cos(latB)*square(math.Sin((longB-longA)/2))
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1))), true
}

func square(x float64) float64 { return x * x }
