package mh

import (
	"encoding/hex"
	"testing"
)

func TestSmoke(t *testing.T) {
	b, _ := hex.DecodeString("3b07050011b814068200000f0810016d6e31406578616d706c652e6e65741612004020010db8aaaa00010000000000000000170200041802000000000000" + "0000")
	var m BindingUpdate
	if err := m.Decode(b); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", m)
	out, err := m.AppendTo([]byte("xx"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%x", out)
	buf := make([]byte, 0, 256)
	t.Log(testing.AllocsPerRun(100, func() { m.Decode(b) }), testing.AllocsPerRun(100, func() { m.AppendTo(nil) }), testing.AllocsPerRun(100, func() { m.AppendTo(buf) }))
}
