// Package testbed builds a whole Proxy Mobile IPv6 domain on one machine, in network namespaces, out of real parts: real
// hostapd and wpa_supplicant, real strongSwan, the kernel's own forwarding and address configuration. It moves mobile
// nodes between two access links under traffic, and reports what the handovers cost.
//
// # What is measured
//
// The instant that everything is measured from is the station's association at the new access point: the moment the new
// hostapd says AP-STA-CONNECTED on its control socket. The testbed listens there beside the daemon.
//
//   - gap_ms: from that association to the first packet from the correspondent that the mobile node receives after it. With
//     R packets a second it cannot be known better than 1000/R ms.
//   - outage_ms: the longest silence of that traffic which overlaps the time from the move to the next move of
//     the same node. It holds the radio gap too: re-plugging, and the 802.1X authentication.
//   - pause (Disturbance.Pause, for package experiments): the longest silence with a part in the time from the move to the association.
//     What the machine does later is not in it, as it is in outage_ms.
//   - radio_ms: from the re-plugging to the association.
//   - lost: packets sent between one move and the next that never arrived.
//   - the phases l2_attach_to_pbu, pbu_to_pba, pba_to_ra and total come from the trace of the MAG that the node moved to.
//
// # What is real, and what stands in
//
// A radio cell is a bridge; a move takes a mobile node's port out of one bridge and puts it into the other. The station
// then sends an EAPOL-Start, as IEEE 802.1X lets a supplicant do, because wpa_supplicant on a wire would first wait a second
// for the authenticator. Everything after that frame is hostapd and wpa_supplicant. The access point that was left is told
// nothing; it goes on believing in the station, as an access point does until its inactivity timer of minutes ends
// (Options.APAging makes it shorter).
package testbed
