// Package store keeps the binding cache of an LMA over a restart (RFC 5213 section 5.1; design section 3), in a bbolt file.
//
// Writing is behind: Put and Delete only note the change, and one goroutine writes what has gathered in one transaction, at
// most FlushDelay later. The anchor never waits for a disk, and what a crash can lose is the last FlushDelay, which the MAGs
// repair by asking for the prefixes that they know.
//
// A session is known in the store by the lowest of its home network prefixes: a prefix has one owner (RFC 5213 section
// 5.4), and unlike the link-layer identifier it stays the same when a session moves to another interface.
package store
