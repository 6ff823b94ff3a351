package mh

import "testing"

func TestRestartCounterOption(t *testing.T) {
	wantOptions(t, "01 00 1c 04 fffffffe 01 02 0000", Options{Present: set(OptionRestartCounter), RestartCounter: 0xfffffffe})
	wantBadOption(t, "1c 05 0000000100 00", DecodeError{13, "Restart Counter option", "has length 5, want 4", Drop})
}
