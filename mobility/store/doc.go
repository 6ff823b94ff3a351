// Package store keeps the binding cache of an LMA over a restart (RFC 5213 section 5.1; design section 3), and the restart
// counters of both daemons (RFC 5847 section 3.2), in a bbolt file.
//
// Writing is behind: Put and Delete only note the change, and one goroutine writes what has gathered in one transaction, at
// most FlushDelay later, or later when the disk is slow, up to MaxFlushDelay. The anchor never waits for a disk, and what a
// crash can lose is that delay, which the MAGs repair by asking for the prefixes that they know. What is lost is always the
// end of the sequence of changes: the file is at any instant what the cache was a moment ago.
//
// A transaction appends one value, all changes since the last one, to a journal. When things are quiet or the journal has
// grown, it is folded into the bucket of bindings, in slices that let the next changes through. A tree of pages written anew
// for each of thousands of changes a second in random places would be what costs most in the whole anchor.
//
// A session is known in the store by the lowest of its home network prefixes: a prefix has one owner (RFC 5213 section
// 5.4), and unlike the link-layer identifier it stays the same when a session moves to another interface. A session of IPv4
// alone is known by its IPv4 home address.
package store
