package mh

import "testing"

func TestTransientBindingOption(t *testing.T) {
	wantOptions(t, "2b 02 01 14", Options{Present: set(OptionTransientBinding), TransientBinding: TransientBinding{true, 20}})
	wantOptions(t, "2b 02 00 ff", Options{Present: set(OptionTransientBinding), TransientBinding: TransientBinding{false, 255}})
	wantBadOption(t, "2b 01 01 00", DecodeError{13, "Transient Binding option", "has length 1, want 2", Drop})
}

// Seven reserved bits are the receiver's to ignore.
func TestTransientBindingOptionIgnoresReservedBits(t *testing.T) {
	var m BindingUpdate
	if err := m.Decode(updateOf(octets(t, "2b 02 fe 01"))); err != nil || m.Options.TransientBinding != (TransientBinding{false, 1}) {
		t.Errorf("%+v, %v", m.Options.TransientBinding, err)
	}
}
