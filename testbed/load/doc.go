// Package load is a load generator for Local Mobility Anchors: it speaks as any number of Mobile Access Gateways over raw
// sockets of protocol 135, registers, refreshes, hands over and de-registers mobile nodes, and checks every answer against
// RFC 5213. It needs nothing of the anchor but the protocol.
package load
