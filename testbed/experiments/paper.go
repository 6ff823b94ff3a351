package experiments

// What the paper measured, with its implementation on Linux 2.6.20 and Cisco Aironet 1100 access points,
// as far as it gives figures.

// paperPhases are the rows of its Table II, in milliseconds.
var paperPhases = []struct {
	name    string
	runs    []float64
	average float64
}{
	{"Attachment – PBU", []float64{9.2, 4, 3.2, 4.2, 4.2, 5.2, 6.3, 5.2, 5, 3}, 4.95},
	{"PBU – PBA", []float64{0.7, 4.1, 4.1, 0.7, 0.7, 0.7, 4.1, 4.2, 4.1, 0.8}, 2.42},
	{"PBA – RA", []float64{4.6, 4.7, 10.4, 4.6, 4.7, 4.8, 10.2, 9.9, 10.9, 4.7}, 6.95},
	{"Total", []float64{14.5, 12.8, 17.7, 9.5, 9.6, 10.7, 20.6, 19.3, 20, 8.5}, 14.32},
}

const (
	paperOwnLatency  = "above 40 ms on average"
	paperSameLatency = "never above 40 ms"
	paperOwnStall    = "more than 100 s"
	paperSameStall   = "about 0.5 s"
)

// radioMark stands where a figure has the radio's share in it, which this testbed does not have.
const radioMark = "There is no radio here: access points are real hostapd over Ethernet, so that scanning, authentication and association on the air are not in these times. Compare the scenarios with each other, not with the paper's milliseconds."
