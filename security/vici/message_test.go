package vici

import (
	"testing"
	"time"
)

func TestAlgorithm(t *testing.T) {
	for want, sa := range map[string]childSA{
		"AES_GCM_16-128":                   {EncrAlg: "AES_GCM_16", EncrKeysize: "128"},
		"AES_CBC-128/HMAC_SHA2_256_128":    {EncrAlg: "AES_CBC", EncrKeysize: "128", IntegAlg: "HMAC_SHA2_256_128"},
		"CHACHA20_POLY1305":                {EncrAlg: "CHACHA20_POLY1305"},
		"HMAC_SHA2_256_128":                {IntegAlg: "HMAC_SHA2_256_128"},
		"CAMELLIA_CBC-256/AES_XCBC_96-128": {EncrAlg: "CAMELLIA_CBC", EncrKeysize: "256", IntegAlg: "AES_XCBC_96-128"},
	} {
		if got := sa.algorithm(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestDurationsForCharon(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Second: "1s", 1500 * time.Millisecond: "2s", time.Hour: "3600s"} {
		if got := seconds(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
