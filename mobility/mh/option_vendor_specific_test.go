package mh

import "testing"

func TestVendorSpecificOption(t *testing.T) {
	options := Options{Unknown: []RawOption{{OptionVendorSpecific, "\x00\x00\x7e\xd9\x05data"}, {OptionVendorSpecific, "\x00\x00\x7e\xd9\x06"}}}
	wantOptions(t, "13 09 00007ed9 05 64617461 13 05 00007ed9 06 01 00 ", options)

	vendor, subtype, data, ok := options.Unknown[0].Vendor()
	if vendor != 32473 || subtype != 5 || data != "data" || !ok {
		t.Errorf("got vendor %d, subtype %d, %q, %v", vendor, subtype, data, ok)
	}
	for _, other := range []RawOption{{OptionVendorSpecific, "\x00\x00\x7e\xd9"}, {200, "\x00\x00\x7e\xd9\x05"}, {}} {
		if _, _, _, ok := other.Vendor(); ok {
			t.Errorf("%q is taken for a Vendor Specific option", other)
		}
	}
}
