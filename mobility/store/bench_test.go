package store

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"netlmm/mobility"
)

// many are n sessions, each with a prefix of its own.
func many(n int) []mobility.BindingCacheEntry {
	entries := make([]mobility.BindingCacheEntry, n)
	for i := range entries {
		entries[i] = entry(1)
		entries[i].MobileNodeID = mobility.NAI(fmt.Sprintf("mn%06d@example.net", i))
		entries[i].HomeNetworkPrefixes = []netip.Prefix{netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 4: byte(i >> 16), 5: byte(i >> 8), 6: byte(i)}), 64)}
	}
	return entries
}

// processorTime is what this process has used so far, in user and kernel mode.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// resident is how much of the mapping of the file is in memory.
func resident(b *testing.B, path string) (octets int) {
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	ours := false
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var kibibytes int
		if line := lines.Text(); strings.HasSuffix(line, path) {
			ours = true
		} else if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kibibytes); ours && n == 1 {
			octets += kibibytes << 10
			ours = false
		}
	}
	return octets
}

// BenchmarkWriteBehind puts 20,000 changes a second, at random, over 100,000 bindings. -benchtime=200000x runs it for ten seconds.
func BenchmarkWriteBehind(b *testing.B) {
	const rate, bindings, burst = 20_000, 100_000, 40
	entries := many(bindings)
	path := filepath.Join(b.TempDir(), "bindings.db")
	s, _, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		s.Put(e)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if s, _, err = Open(path); err != nil {
		b.Fatal(err)
	}
	b.Logf("opening %d bindings took %v", bindings, time.Since(start))
	random := rand.New(rand.NewPCG(1, 2))
	start, used := time.Now(), processorTime(b)
	b.ResetTimer()
	for n := 0; n < b.N; n += burst {
		for range burst {
			e := &entries[random.IntN(bindings)]
			e.SequenceNumber++
			s.Put(*e)
		}
		time.Sleep(time.Until(start.Add(time.Duration(n) * time.Second / rate)))
	}
	for s.Status().Pending > 0 {
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(processorTime(b)-used)/float64(b.N), "cpu-ns/put")
	b.ReportMetric(float64(resident(b, path))/bindings, "mapped-octets/binding")
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/bindings, "file-octets/binding")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkFlush is what BenchmarkWriteBehind does to the processor, and to the file, when the pace is always kept: flushes of 100 changes,
// and the folding that goes with them.
func BenchmarkFlush(b *testing.B) {
	const bindings, changes = 100_000, 100
	entries := many(bindings)
	path := filepath.Join(b.TempDir(), "bindings.db")
	db, c, err := open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := newStore(path, db, &c, usualLimits)
	for _, e := range entries {
		s.Put(e)
	}
	var written int64
	s.update = func(f func(*bolt.Tx) error) error {
		return db.Update(func(tx *bolt.Tx) error {
			tx.OnCommit(func() { stats := tx.Stats(); written += stats.GetPageAlloc() })
			return f(tx)
		})
	}
	step := func(full int) {
		if err := s.flush(); err != nil {
			b.Fatal(err)
		}
		for s.writer.journaled >= full || s.writer.folding != nil {
			s.foldStep(b)
		}
	}
	step(1)
	random := rand.New(rand.NewPCG(1, 2))
	written = 0
	used := processorTime(b)
	for b.Loop() {
		for range changes {
			e := &entries[random.IntN(bindings)]
			e.SequenceNumber++
			s.Put(*e)
		}
		step(usualLimits.journal)
	}
	b.ReportMetric(float64(processorTime(b)-used)/float64(b.N*changes), "cpu-ns/put")
	b.ReportMetric(float64(written)/float64(b.N*changes), "written-octets/put")
}
