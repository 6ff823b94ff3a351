package store

import (
	"bytes"
	"testing"

	"netlmm/mobility"
)

func sampleBatch() []byte {
	b := beginBatch(nil)
	for n := range 3 {
		e := entry(n + 1)
		b, _ = appendPut(b, &e)
	}
	e := entry(2)
	b, _ = appendDelete(b, &e)
	finishBatch(b)
	return b
}

// Every truncation, also one with a checksum that fits, is an error or the records before it; none panics.
func TestTornBatches(t *testing.T) {
	whole := sampleBatch()
	if changes, err := changesOf(whole, nil); err != nil || len(changes) != 4 || len(latest(changes)) != 3 {
		t.Fatalf("%d changes, %v", len(changes), err)
	}
	for n := range whole {
		torn := bytes.Clone(whole[:n])
		if _, err := changesOf(torn, nil); err == nil {
			t.Errorf("%d octets of %d were taken", n, len(whole))
		}
		if n < checksumSize {
			continue
		}
		finishBatch(torn)
		if changes, err := changesOf(torn, nil); len(changes) > 3 {
			t.Errorf("%d octets of %d make %d records, %v", n, len(whole), len(changes), err)
		}
	}
}

func FuzzChanges(f *testing.F) {
	f.Add(sampleBatch()[checksumSize:])
	f.Fuzz(func(t *testing.T, records []byte) {
		batch := append(make([]byte, checksumSize), records...)
		finishBatch(batch)
		changes, err := changesOf(batch, nil)
		if err != nil {
			return
		}
		small, n := compacted(batch)
		finishBatch(small)
		again, err := changesOf(small, nil)
		if err != nil || len(again) != n || n > len(changes) || len(small) > len(batch) {
			t.Fatalf("%d records, compacted %d, read %d, %v", len(changes), n, len(again), err)
		}
	})
}

// A record takes no memory of its own: the anchor puts tens of thousands a second.
func TestPutAllocatesNothing(t *testing.T) {
	e, b := entry(1), make([]byte, 0, 1024)
	e.HomeNetworkPrefixes = append(e.HomeNetworkPrefixes, entry(2).HomeNetworkPrefixes...)
	put := func(record func([]byte, *mobility.BindingCacheEntry) ([]byte, bool)) float64 {
		return testing.AllocsPerRun(100, func() { b, _ = record(b[:0], &e) })
	}
	if n, m := put(appendPut), put(appendDelete); n > 0 || m > 0 {
		t.Errorf("Put allocates %v times, Delete %v", n, m)
	}
}
