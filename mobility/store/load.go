package store

import (
	"fmt"
	"os"

	bolt "go.etcd.io/bbolt"

	"netlmm/mobility"
)

// prepare gives an empty file its buckets and refuses one that is not ours.
func prepare(db *bolt.DB) error {
	empty := false
	err := db.View(func(tx *bolt.Tx) error {
		if err := complete(tx, db.Path()); err != nil {
			return err
		}
		if first, _ := tx.Cursor().First(); first == nil {
			empty = true
			return nil
		}
		meta := tx.Bucket(metaBucket)
		if meta == nil || tx.Bucket(bindingsBucket) == nil {
			return fmt.Errorf("%w: a bbolt file of another program", ErrUnusable)
		}
		if format := meta.Get(formatKey); string(format) != formatVersion {
			return fmt.Errorf("%w: its format is %q, this program knows %q", ErrUnusable, format, formatVersion)
		}
		return nil
	})
	if err != nil || !empty {
		return err
	}
	return db.Update(func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucket(metaBucket)
		if err != nil {
			return err
		}
		if _, err := tx.CreateBucket(bindingsBucket); err != nil {
			return err
		}
		return meta.Put(formatKey, []byte(formatVersion))
	})
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

// load reads every binding, and checks the pages so that a later write cannot meet damage.
func load(db *bolt.DB) (entries []mobility.BindingCacheEntry, err error) {
	err = db.View(func(tx *bolt.Tx) error {
		for damage := range tx.Check() {
			if err == nil {
				err = damage
			}
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		return tx.Bucket(bindingsBucket).ForEach(func(key, value []byte) error {
			entry, err := decode(key, value)
			if err != nil {
				return fmt.Errorf("%w: binding of %x: %w", ErrUnusable, key, err)
			}
			entries = append(entries, entry)
			return nil
		})
	})
	return entries, err
}
