package miis

import "netlmm/mih"

// band is where the channels of some global operating classes are (IEEE 802.11 Annex E, table E-4), in kHz.
type band struct {
	base        uint32 // channel n has its centre at base + n*5000
	first, last uint8  // channels
	class       uint8  // of its channels of 20 MHz; 0: another band has them
	from, to    uint8  // operating classes
}

var bands = []band{
	{2407000, 1, 13, 81, 81, 84},
	{5000000, 36, 48, 115, 115, 117},
	{5000000, 52, 64, 118, 118, 120},
	{5000000, 100, 144, 121, 121, 123},
	{5000000, 149, 177, 125, 124, 127},
	{5000000, 36, 177, 0, 128, 130}, // of 80 and 160 MHz
	{5950000, 1, 233, 131, 131, 137},
}

// Channel 14 stands apart from the other channels of its band.
const (
	class14  = 82
	centre14 = 2484000
)

const (
	channelSpacing = 5000
	halfChannel    = 10000
)

// RangeOfChannel is the 20 MHz of a channel, the primary one when its operating class is of wider ones. Without a global class, a
// channel up to 14 is one of 2.4 GHz, and a higher one of 5 GHz. The zero range is that of a channel that is none.
func RangeOfChannel(class, channel uint8) mih.ChannelRange {
	if channel == 14 && (class == class14 || class < 81) {
		return twentyMegahertz(centre14)
	}
	for _, b := range bands {
		ofClass := class >= b.from && class <= b.to || class < 81 && b.class > 0 && b.class < 131
		if ofClass && channel >= b.first && channel <= b.last {
			return twentyMegahertz(b.base + uint32(channel)*channelSpacing)
		}
	}
	return mih.ChannelRange{}
}

func twentyMegahertz(centre uint32) mih.ChannelRange {
	return mih.ChannelRange{Low: centre - halfChannel, High: centre + halfChannel}
}

// ChannelOfRange is the channel, and its operating class, that is the range; zero when none is.
func ChannelOfRange(r mih.ChannelRange) (class, channel uint8) {
	if r == twentyMegahertz(centre14) {
		return class14, 14
	}
	for _, b := range bands {
		centre := r.Low + halfChannel
		if b.class == 0 || centre < b.base || (centre-b.base)%channelSpacing != 0 {
			continue
		}
		n := (centre - b.base) / channelSpacing
		if n >= uint32(b.first) && n <= uint32(b.last) && r == twentyMegahertz(centre) {
			return b.class, uint8(n)
		}
	}
	return 0, 0
}

// channelRange is that of the point of attachment, as an element tells it.
func (p PointOfAttachment) channelRange() mih.ChannelRange {
	if p.ChannelRange != (mih.ChannelRange{}) {
		return p.ChannelRange
	}
	return RangeOfChannel(p.OperatingClass, p.Channel)
}
