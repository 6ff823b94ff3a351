package policy

import (
	"strings"
	"testing"

	"netlmm/mobility"
)

func TestPatterns(t *testing.T) {
	mac := mobility.EUI48([6]byte{2, 0, 0, 0, 0, 1})
	nai := mobility.NAI
	for _, c := range []struct {
		patterns Patterns
		id       mobility.MobileNodeID
		want     bool
	}{
		{nil, nai("mn1@example.net"), true},
		{Patterns{"*@example.net"}, nai("mn1@example.net"), true},
		{Patterns{"*@example.net"}, nai("@example.net"), true},
		{Patterns{"*@example.net"}, nai("mn1@example.net.evil"), false},
		{Patterns{"*@example.net"}, nai("mn1@EXAMPLE.net"), false},
		{Patterns{"mn1@example.net"}, nai("mn1@example.net"), true},
		{Patterns{"mn1@example.net"}, nai("mn11@example.net"), false},
		{Patterns{"mn*@*.net"}, nai("mn7@a.b.net"), true},
		{Patterns{"mn*@*.net"}, nai("m7@a.b.net"), false},
		{Patterns{"a*b*a"}, nai("aba"), true},
		{Patterns{"a*a"}, nai("a"), false},
		{Patterns{"a*bc*cd"}, nai("abcd"), false},
		{Patterns{"x", "*@b"}, nai("a@b"), true},
		{Patterns{"02:00:*"}, mac, true},
		{Patterns{"02:00:*"}, nai("02:00:00:00:00:01"), false}, // an NAI that looks like an address
		{Patterns{"*@example.net"}, mac, false},
		{Patterns{"*"}, nai("a\x00b"), true},
		{Patterns{"*\"*"}, nai("a\x00b"), false}, // printed in quotes only
	} {
		if got := c.patterns.Match(c.id); got != c.want {
			t.Errorf("%q covers %v: %v, want %v", c.patterns, c.id, got, c.want)
		}
	}
}

func TestPatternsAreBounded(t *testing.T) {
	for _, list := range [][]string{{""}, {strings.Repeat("a", 254)}, make([]string, 1025)} {
		if _, err := ParsePatterns(list); err == nil {
			t.Errorf("%d patterns accepted", len(list))
		}
	}
	if p, err := ParsePatterns([]string{"*@a", "b"}); err != nil || len(p) != 2 {
		t.Errorf("%v, %v", p, err)
	}
}
