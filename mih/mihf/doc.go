// Package mihf is the MIH Function of IEEE 802.21: link SAPs report link events, MIH users subscribe to them, here or at other MIH
// Functions, and have commands and queries carried there and answered. It is a sans-IO core: Handle takes events and returns actions,
// Expire runs what is due, NextDeadline says when. It knows the format of messages (package wire), and neither sockets nor clocks.
//
// Between MIH Functions every message is acknowledged, sent again until it is, and acted on once (section 8 of the standard, RFC 5677
// section 6). Events of one link keep their order: the next one leaves when the one before has been acknowledged. A peer that does
// not answer costs a bounded number of messages; its subscriptions end, and when it is back it asks again and is told what is
// up. A peer that was started again, and whatever else made two views differ, is found out when a subscription is refreshed.
//
// A user is a name at an MIH Function, so that a subscription from another MIH Function is one more User and no other
// concept. What users may rely on:
//
//   - A Link_Up says where the station is now and supersedes everything said of that station before. No Link_Down of the
//     former attachment is made up, and one that its access point reports late is not delivered: a Link_Down always
//     concerns the attachment that the last Link_Up named.
//   - A Link_Up that a SAP saw happen is always delivered, also for a station that is up at that very access point: the
//     station may have been elsewhere in between, which no access point reports.
//   - A Link_Up of a SAP's resynchronisation is delivered only when it is news: the station was not known to be up, or
//     its association is younger than the one that was known.
package mihf
