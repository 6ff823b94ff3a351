package main

import (
	"testing"

	"netlmm/mobility"
	"netlmm/mobility/lma"
	"netlmm/mobility/mh"
)

func TestWhatAMessageIsCountedAs(t *testing.T) {
	for want, m := range map[string]lma.SendMessage{
		mobility.StatusAccepted.String():     {Type: mh.TypeBindingAcknowledgement},
		"binding_error":                      {Type: mh.TypeBindingError},
		"binding_revocation_indication":      {Type: mh.TypeBindingRevocation, Payload: []byte{59, 1, 16, 0, 0, 0, 1, 1}},
		"binding_revocation_acknowledgement": {Type: mh.TypeBindingRevocation, Payload: []byte{59, 1, 16, 0, 0, 0, 2, 0}},
	} {
		if got := kind(m); got != want {
			t.Errorf("%v is counted as %s, want %s", m, got, want)
		}
	}
}
