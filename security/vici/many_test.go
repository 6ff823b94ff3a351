package vici_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"netlmm/security/vici"
)

// A list that is longer than govici's queue of 128 messages arrives whole, however slow its reader is.
func TestLongListsAreComplete(t *testing.T) {
	a, _ := newPair(t)
	psk(a, sharedSecret)
	a.startCharon()
	client := vici.New(vici.Config{Socket: a.path("charon.vici"), CommandTimeout: patience})
	ctx := context.Background()
	await(t, "charon answers", func() bool { _, err := client.Version(ctx); return err == nil }, func() any { return a.dir })
	const many = 600
	for i := range many {
		err := client.Load(ctx, vici.ConnectionConfig{
			Name: fmt.Sprintf("to-%d", i), Child: "mh", LocalAddress: a.self, RemoteAddress: a.far, LocalID: "a", RemoteID: fmt.Sprint("mag", i),
			Auth: vici.AuthPSK, PSK: vici.NewSecret(sharedSecret),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var ended atomic.Bool
	defer ended.Store(true)
	for range 2 * runtime.GOMAXPROCS(0) {
		go func() { // whoever takes the messages has to wait for a processor
			for !ended.Load() {
			}
		}()
	}
	for range 5 {
		connections, err := client.Connections(ctx)
		if err != nil || len(connections) != many {
			t.Fatalf("%d of %d connections, %v", len(connections), many, err)
		}
	}
}
