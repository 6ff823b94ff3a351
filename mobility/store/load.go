package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"

	bolt "go.etcd.io/bbolt"

	"netlmm/mobility"
)

// content is what is in a file.
type content struct {
	format  format
	clean   bool
	entries []mobility.BindingCacheEntry
	peers   map[netip.Addr]uint32
	writer  writer // only where the journal stands
}

// load reads everything, and checks the pages so that a later write cannot meet damage. It writes nothing.
func load(db *bolt.DB) (c content, err error) {
	c.peers = map[netip.Addr]uint32{}
	err = db.View(func(tx *bolt.Tx) error {
		if err := complete(tx, db.Path()); err != nil {
			return err
		}
		if first, _ := tx.Cursor().First(); first == nil {
			return nil
		}
		if err := c.checkFormat(tx); err != nil {
			return err
		}
		if err := checkPages(tx); err != nil {
			return err
		}
		return c.read(tx)
	})
	return c, err
}

// checkFormat refuses a file that is not ours.
func (c *content) checkFormat(tx *bolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil || tx.Bucket(bindingsBucket) == nil {
		return fmt.Errorf("%w: a bbolt file of another program", ErrUnusable)
	}
	version := string(meta.Get(formatKey))
	c.format = formats[version]
	c.clean = meta.Get(openKey) == nil
	switch {
	case c.format == 0:
		return fmt.Errorf("%w: its format is %q, this program knows %q", ErrUnusable, version, slices.Sorted(maps.Keys(formats)))
	case c.format == format2:
	case tx.Bucket(journalBucket) == nil || tx.Bucket(peersBucket) == nil:
		return fmt.Errorf("%w: it has no journal or no peers", ErrUnusable)
	}
	return nil
}

func checkPages(tx *bolt.Tx) (err error) {
	for damage := range tx.Check() {
		if err == nil {
			err = fmt.Errorf("%w: %w", ErrUnusable, damage)
		}
	}
	return err
}

// complete finds a truncated file before anything reads a page beyond its end.
func complete(tx *bolt.Tx, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() < tx.Size() {
		return fmt.Errorf("%w: truncated, %d of %d octets are there", ErrUnusable, info.Size(), tx.Size())
	}
	return nil
}

func (c *content) read(tx *bolt.Tx) error {
	changed := map[string][]byte{} // by the journal
	if c.format > format2 {
		if err := c.readCounters(tx); err != nil {
			return fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		if err := c.readJournal(tx.Bucket(journalBucket), changed); err != nil {
			return fmt.Errorf("%w: journal: %w", ErrUnusable, err)
		}
	}
	c.entries = make([]mobility.BindingCacheEntry, 0, tx.Bucket(bindingsBucket).Inspect().KeyN+len(changed))
	err := tx.Bucket(bindingsBucket).ForEach(func(key, value []byte) error {
		_, superseded := changed[string(key)]
		return c.readBinding(key, value, !superseded)
	})
	if err != nil {
		return err
	}
	for key, value := range changed {
		if len(value) > 0 {
			if err := c.readBinding([]byte(key), value, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// readBinding checks one also where the journal has a later state of it.
func (c *content) readBinding(key, value []byte, counts bool) error {
	entry, err := decode(key, value, c.format)
	if err != nil {
		return fmt.Errorf("%w: binding of %x: %w", ErrUnusable, key, err)
	}
	if counts {
		c.entries = append(c.entries, entry)
	}
	return nil
}

func (c *content) readCounters(tx *bolt.Tx) error {
	if value := tx.Bucket(metaBucket).Get(counterKey); value != nil {
		if _, err := parseCounter(counterKey, value); err != nil {
			return fmt.Errorf("restart counter: %w", err)
		}
	}
	return tx.Bucket(peersBucket).ForEach(func(key, value []byte) error {
		peer, ok := netip.AddrFromSlice(key)
		counter, err := parseCounter(key, value)
		if !ok || err != nil {
			return fmt.Errorf("peer %x: %w", key, errCounter)
		}
		c.peers[peer] = counter
		return nil
	})
}

var errGap = errors.New("a part is missing")

// readJournal reads all generations, the oldest first, and finds where the next batch goes.
func (c *content) readJournal(journal *bolt.Bucket, changed map[string][]byte) error {
	first := true
	w := &c.writer
	return journal.ForEach(func(key, value []byte) error {
		generation := journal.Bucket(key)
		if generation == nil || len(key) != 8 {
			return fmt.Errorf("%x is no generation", key)
		}
		number := binary.BigEndian.Uint64(key)
		if first {
			first, w.oldest = false, number
		} else if number != w.current+1 {
			return fmt.Errorf("generation %d follows %d: %w", number, w.current, errGap)
		} else {
			w.journaled = 0
		}
		w.current = number
		return c.readGeneration(generation, changed)
	})
}

func (c *content) readGeneration(generation *bolt.Bucket, changed map[string][]byte) error {
	w := &c.writer
	var changes []change
	return generation.ForEach(func(key, _ []byte) (err error) {
		own := generation.Bucket(key)
		if len(key) != 8 || own == nil {
			return fmt.Errorf("%x is no batch", key)
		}
		batch := own.Get(batchKey)
		number := binary.BigEndian.Uint64(key)
		if w.sequence != 0 && number != w.sequence {
			return fmt.Errorf("batch %d stands where %d was expected: %w", number, w.sequence, errGap)
		}
		if changes, err = changesOf(batch, changes[:0]); err != nil {
			return fmt.Errorf("batch %d: %w", number, err)
		}
		for _, change := range changes {
			changed[string(change.key)] = change.value
		}
		w.sequence = number + 1
		w.journaled += len(batch)
		return nil
	})
}
