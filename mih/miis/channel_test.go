package miis

import (
	"math"
	"testing"

	"netlmm/mih"
)

func TestChannels(t *testing.T) {
	for _, c := range []struct {
		class, channel uint8
		centre         uint32 // MHz
		back           uint8  // class that the range has
	}{
		{81, 1, 2412, 81}, {0, 1, 2412, 81}, {81, 13, 2472, 81}, {82, 14, 2484, 82}, {0, 14, 2484, 82}, {83, 6, 2437, 81},
		{115, 36, 5180, 115}, {0, 36, 5180, 115}, {116, 36, 5180, 115}, {128, 36, 5180, 115}, {118, 52, 5260, 118}, {121, 100, 5500, 121},
		{0, 100, 5500, 121}, {129, 149, 5745, 125}, {125, 165, 5825, 125}, {131, 1, 5955, 131}, {134, 233, 7115, 131},
	} {
		r := RangeOfChannel(c.class, c.channel)
		if want := (mih.ChannelRange{Low: (c.centre - 10) * 1000, High: (c.centre + 10) * 1000}); r != want {
			t.Errorf("channel %d of class %d: %v, want %v", c.channel, c.class, r, want)
		}
		if class, channel := ChannelOfRange(r); class != c.back || channel != c.channel {
			t.Errorf("%v: channel %d of class %d, want %d of %d", r, channel, class, c.channel, c.back)
		}
	}
	for _, c := range [][2]uint8{{81, 15}, {115, 1}, {0, 0}, {0, 15}, {82, 1}, {131, 0}, {200, 1}} {
		if r := RangeOfChannel(c[0], c[1]); r != (mih.ChannelRange{}) && c != [2]uint8{82, 1} {
			t.Errorf("channel %d of class %d: %v", c[1], c[0], r)
		}
	}
	for _, r := range []mih.ChannelRange{{}, {Low: math.MaxUint32, High: math.MaxUint32}, {Low: 2402000, High: 2424000}, {Low: 2402001, High: 2422001}, {Low: 5715000, High: 5735000}} {
		if class, channel := ChannelOfRange(r); channel != 0 {
			t.Errorf("%v: channel %d of class %d", r, channel, class)
		}
	}
}

// geo is a location of the binary form: degrees as numbers of 34 bits, behind resolutions of 34.
func geo(latitude, longitude float64) *mih.Location {
	var bits [128]byte
	put := func(from, size int, v uint64) {
		for i := range size {
			bits[from+i] = byte(v >> (size - 1 - i) & 1)
		}
	}
	put(0, 6, 34)
	put(6, 34, uint64(int64(latitude*(1<<25))))
	put(40, 6, 34)
	put(46, 34, uint64(int64(longitude*(1<<25))))
	octets := make([]byte, 16)
	for i, bit := range bits {
		octets[i/8] |= bit << (7 - i%8)
	}
	return &mih.Location{Kind: mih.LocationGeoBinary, Octets: string(octets)}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b *mih.Location
		want float64 // metres
	}{
		{geo(0, 0), geo(0, 0), 0},
		{geo(0, 0), geo(1, 0), 111195},
		{geo(-33.5, -70.25), geo(-33.5, -70.25), 0},
		{geo(60, 10), geo(60, 11), 55597},
		{geo(0, 179.5), geo(0, -179.5), 111195},
		{geo(90, 0), geo(-90, 0), math.Pi * earthRadius},
	} {
		if got, ok := distance(c.a, c.b); !ok || math.Abs(got-c.want) > 5 {
			t.Errorf("%.0f m, %v, want %.0f", got, ok, c.want)
		}
	}
	for _, l := range []*mih.Location{nil, {Kind: mih.LocationCell, Octets: "abcd"}, {Kind: mih.LocationGeoBinary, Octets: "short"}} {
		if _, ok := distance(l, geo(0, 0)); ok {
			t.Errorf("%v has coordinates", l)
		}
	}
}
