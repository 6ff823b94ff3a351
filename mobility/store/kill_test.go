package store

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"netlmm/mobility"
)

const (
	victimPath  = "NETLMM_STORE_VICTIM" // environment of the process that is to be killed: its file
	victimSeed  = "NETLMM_STORE_VICTIM_SEED"
	kills       = 25
	victimNodes = 60
	victimPool  = 100 // prefixes, and as many IPv4 addresses
)

// cache is a reference model of an anchor that gives prefixes and addresses to mobile nodes at random. What it does is a
// function of the seed, and so the test knows what the process did that it killed.
type cache struct {
	random   *rand.Rand
	step     uint64
	sessions map[int]mobility.BindingCacheEntry // by mobile node
	owners   map[netip.Prefix]int
	print    uint64 // of all sessions
}

func newCache(seed uint64) *cache {
	return &cache{random: rand.New(rand.NewPCG(seed, 0)), sessions: map[int]mobility.BindingCacheEntry{}, owners: map[netip.Prefix]int{}}
}

// next does one change: exactly one Put or Delete. The step stands in the timestamp of the entry.
func (c *cache) next() (e mobility.BindingCacheEntry, gone bool) {
	c.step++
	n := c.random.IntN(victimNodes)
	e, bound := c.sessions[n]
	switch kind := c.random.IntN(10); {
	case bound && kind < 3:
		for _, p := range owned(e) {
			delete(c.owners, p)
		}
		c.become(n, nil)
		return e, true
	case !bound:
		e = entry(n)
		e.HomeNetworkPrefixes = nil
		c.assign(n, &e, kind)
	case kind < 5 && len(e.HomeNetworkPrefixes) == 0:
		c.assign(n, &e, 0) // IPv6 comes to a session of IPv4, which changes its key
	}
	e.Timestamp = c.step
	c.become(n, &e)
	return e, false
}

func (c *cache) become(n int, e *mobility.BindingCacheEntry) {
	if old, ok := c.sessions[n]; ok {
		c.print ^= fingerprint(&old)
		delete(c.sessions, n)
	}
	if e != nil {
		c.print ^= fingerprint(e)
		c.sessions[n] = *e
	}
}

// fingerprint is the same for equal entries only; those of several are combined with exclusive or.
func fingerprint(e *mobility.BindingCacheEntry) uint64 {
	h := fnv.New64a()
	h.Write(appendValue(nil, e))
	return h.Sum64()
}

// assign gives the mobile node up to two free prefixes, an IPv4 home address, or both.
func (c *cache) assign(n int, e *mobility.BindingCacheEntry, kind int) {
	if kind >= 4 || !e.IPv4HomeAddress.IsValid() && kind == 0 {
		if p := victimAddress(c.free(victimAddress)); c.take(n, p) {
			e.IPv4HomeAddress = netip.PrefixFrom(p.Addr(), 16)
		}
	}
	if kind < 7 || !e.IPv4HomeAddress.IsValid() {
		for range 1 + kind%2 {
			if p := victimPrefix(c.free(victimPrefix)); c.take(n, p) {
				e.HomeNetworkPrefixes = append([]netip.Prefix{p}, e.HomeNetworkPrefixes...)
			}
		}
	}
}

func victimPrefix(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 7: byte(i)}), 64)
}

func victimAddress(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 64, 0, byte(i)}), 32)
}

// free finds a prefix without an owner, the first after a random place; there are more than can be owned.
func (c *cache) free(at func(int) netip.Prefix) int {
	i := c.random.IntN(victimPool)
	for range victimPool {
		if _, owned := c.owners[at(i)]; !owned {
			break
		}
		i = (i + 1) % victimPool
	}
	return i
}

func (c *cache) take(n int, p netip.Prefix) bool {
	if _, owned := c.owners[p]; owned {
		return false
	}
	c.owners[p] = n
	return true
}

// owned are the prefixes of an entry, its IPv4 home address among them.
func owned(e mobility.BindingCacheEntry) []netip.Prefix {
	prefixes := append([]netip.Prefix(nil), e.HomeNetworkPrefixes...)
	if p, ok := ipv4KeyOf(&e); ok {
		prefixes = append(prefixes, p)
	}
	return prefixes
}

// progress is memory that outlives a killed process: how far it was.
type progress struct {
	begun   *atomic.Uint64 // steps given to the store
	written *atomic.Uint64 // steps of which Status said that they are written
}

func mapProgress(path string) (progress, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return progress{}, err
	}
	defer file.Close()
	if err := file.Truncate(16); err != nil {
		return progress{}, err
	}
	b, err := syscall.Mmap(int(file.Fd()), 0, 16, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return progress{}, err
	}
	return progress{(*atomic.Uint64)(unsafe.Pointer(&b[0])), (*atomic.Uint64)(unsafe.Pointer(&b[8]))}, nil
}

// victim puts at full speed until it is killed. The journal is folded all the time.
func victim(path string) error {
	seed, err := strconv.ParseUint(os.Getenv(victimSeed), 10, 64)
	if err != nil {
		return err
	}
	p, err := mapProgress(path + ".progress")
	if err != nil {
		return err
	}
	s, entries, err := openWith(path, limits{journal: 20_000, quiet: time.Millisecond, pending: 1 << 30})
	if err != nil || len(entries) > 0 {
		return fmt.Errorf("%d bindings, %v", len(entries), err)
	}
	for c := newCache(seed); ; {
		e, gone := c.next()
		p.begun.Store(c.step)
		if gone {
			s.Delete(e)
		} else {
			s.Put(e)
		}
		if c.step%64 == 0 {
			status := s.Status()
			if status.LastError != "" {
				return fmt.Errorf("%+v", status)
			}
			p.written.Store(status.Written)
		}
		if c.step%4096 == 0 {
			time.Sleep(5 * time.Millisecond) // things are quiet now and then
		}
	}
}

// TestKill kills a process that writes at full speed, at random instants. What the file has then is what the cache was after
// some change, not before any change that was said to be written; so no prefix has two owners.
func TestKill(t *testing.T) {
	for n := range kills {
		path := filepath.Join(t.TempDir(), "bindings.db")
		p, err := mapProgress(path + ".progress")
		if err != nil {
			t.Fatal(err)
		}
		seed := uint64(n)
		killVictim(t, path, seed, p)
		begun, written := p.begun.Load(), p.written.Load()
		s, found, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if s.ClosedCleanly() {
			t.Error("a killed run looks like one that was closed")
		}
		at, ok := findState(seed, found, begun)
		if !ok || at < written {
			t.Fatalf("seed %d: %d bindings found; %d changes begun, %d written, state of change %d (%t)", seed, len(found), begun, written, at, ok)
		}
		t.Logf("%d changes begun, at least %d written, found %d", begun, written, at)
		wantOneOwner(t, found)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		foldAll(t, path)
		_, folded := mustOpen(t, path)
		compare(t, folded, found...)
	}
}

// killVictim starts a process and kills it after a random time.
func killVictim(t *testing.T, path string, seed uint64, p progress) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Env = append(os.Environ(), victimPath+"="+path, victimSeed+"="+strconv.FormatUint(seed, 10))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); p.written.Load() == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Duration(rand.IntN(60_000)) * time.Microsecond)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the error is that it was killed
	if output.Len() > 0 || p.written.Load() == 0 {
		t.Fatalf("the process that was to be killed wrote nothing, or said: %s", &output)
	}
}

// findState replays the changes and finds the last one after which the cache was what is in the file.
func findState(seed uint64, found []mobility.BindingCacheEntry, begun uint64) (at uint64, ok bool) {
	var want uint64
	for i := range found {
		want ^= fingerprint(&found[i])
	}
	for c := newCache(seed); ; c.next() {
		if len(c.sessions) == len(found) && c.print == want {
			at, ok = c.step, true
		}
		if c.step == begun {
			return at, ok
		}
	}
}

// wantOneOwner checks that no prefix and no address stands in two entries.
func wantOneOwner(t *testing.T, entries []mobility.BindingCacheEntry) {
	t.Helper()
	owners := map[netip.Prefix]mobility.MobileNodeID{}
	for _, e := range entries {
		for _, p := range owned(e) {
			if owner, taken := owners[p]; taken {
				t.Errorf("%v belongs to %v and %v", p, owner, e.MobileNodeID)
			}
			owners[p] = e.MobileNodeID
		}
	}
}
