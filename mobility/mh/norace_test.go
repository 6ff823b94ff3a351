//go:build !race

package mh

// slack of the allocation limits: none without the race detector.
const slack = 0
