package mh

import (
	"strings"
	"testing"
)

func TestServiceSelectionOption(t *testing.T) {
	wantOptions(t, "14 08 696e7465726e6574 01 00", Options{Present: set(OptionServiceSelection), ServiceSelection: "internet"})
	wantBadOption(t, "14 00 00 00", DecodeError{13, "Service Selection option", "has length 0, want 1 to 255", Drop})
	wantEncodeError(t, Options{Present: set(OptionServiceSelection)}, "Service Selection", "without an identifier")
	wantEncodeError(t, Options{Present: set(OptionServiceSelection), ServiceSelection: strings.Repeat("x", 256)}, "Service Selection", "256", "255")
}
