//go:build race

package mh

// slack is one allocation that the race detector's build of slices.Grow adds.
const slack = 1
