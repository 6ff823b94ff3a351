package mh

import "testing"

func TestBindingRefreshAdviceOption(t *testing.T) {
	wantOptions(t, "02 02 0102", Options{Present: set(OptionBindingRefreshAdvice), BindingRefreshAdvice: 258})
	wantBadOption(t, "02 01 00 00", DecodeError{13, "Binding Refresh Advice option", "has length 1, want 2", Drop})
}
