package mh

import (
	"strings"
	"testing"
)

func requested(requests ...RequestedContext) Options {
	return Options{Present: set(OptionContextRequest), ContextRequest: requests}
}

func TestContextRequestOption(t *testing.T) {
	wantOptions(t, "28 0d 0000 16 00 19 00 13 05 00007ed9 05 01 03 000000", requested(RequestedContext{OptionHomeNetworkPrefix, ""},
		RequestedContext{OptionMobileNodeLinkLayerID, ""}, RequestedContext{OptionVendorSpecific, "\x00\x00\x7e\xd9\x05"}))
	wantOptions(t, "28 02 0000", requested())
}

func TestContextRequestOptionErrors(t *testing.T) {
	wantBadOption(t, "28 03 0000 16 000000", DecodeError{16, "Context Request option", "has 1 octets left for a request", Drop})
	wantBadOption(t, "28 06 0000 16 00 13 01", DecodeError{18, "Context Request option", "has 2 octets left for a request", Drop})
	wantBadOption(t, "28 01 00 00", DecodeError{13, "Context Request option", "has length 1, want 2 to 255", Drop})
	wantEncodeError(t, requested(RequestedContext{OptionVendorSpecific, strings.Repeat("x", 252)}), "Context Request", "256")
}
