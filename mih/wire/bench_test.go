package wire

import (
	"testing"

	"netlmm/mih"
)

// The path that has to be fast: an indication and its acknowledgement.
func indicationAndAcknowledgement(t testing.TB) map[string]Message {
	t.Helper()
	up := LinkUp{Link: mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mac(2, 0, 0, 0, 0, 1)}, PointOfAttachment: mac(2, 0, 0, 0, 0, 2)}}
	m := Message{Header: Header{ACKRequest: true, MessageID: IDLinkUp, TransactionID: 7}, Source: "ap1@example.net", Destination: "magd@ar1.example.net", Body: up}
	ack := Message{Header: Header{ACKResponse: true, MessageID: IDLinkUp, TransactionID: 7}, Source: m.Destination, Destination: m.Source}
	return map[string]Message{"indication": m, "acknowledgement": ack}
}

func BenchmarkDecode(b *testing.B) {
	for name, m := range indicationAndAcknowledgement(b) {
		octets, _ := m.Append(nil)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(octets); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, m := range indicationAndAcknowledgement(b) {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 1500)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Append(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAllocations: what this path costs the garbage collector, so that a change does not slip in.
func TestAllocations(t *testing.T) {
	decode := map[string]float64{"indication": 4, "acknowledgement": 2}
	write := map[string]float64{"indication": 2, "acknowledgement": 1}
	for name, m := range indicationAndAcknowledgement(t) {
		octets, _ := m.Append(nil)
		if n := testing.AllocsPerRun(100, func() { _, _ = Decode(octets) }); n > decode[name] {
			t.Errorf("%s: %.0f allocations to decode, want %.0f", name, n, decode[name])
		}
		buf := make([]byte, 0, 1500)
		if n := testing.AllocsPerRun(100, func() { _, _ = m.Append(buf) }); n > write[name] {
			t.Errorf("%s: %.0f allocations to append, want %.0f", name, n, write[name])
		}
	}
}
