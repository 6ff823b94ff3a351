package mh

import "testing"

// heartbeatResponse is written by hand from RFC 5847 sections 3.3 and 3.4.
const heartbeatResponse = `
	3b 02 0d 00 0000             # header, 24 octets
	0003 deadbeef                # U and R, sequence
	01 00                        # 12: PadN
	1c 04 00000007               # 14 = 4*3+2: Restart Counter
	01 02 0000                   # 20: PadN
`

func heartbeatResponseMessage() *Heartbeat {
	return &Heartbeat{
		Flags: HeartbeatUnsolicited | HeartbeatResponse, Sequence: 0xdeadbeef,
		Options: Options{Present: set(OptionRestartCounter), RestartCounter: 7},
	}
}

func TestHeartbeat(t *testing.T) {
	used := func() *Heartbeat { return &Heartbeat{9, 9, usedOptions()} }
	t.Run("unsolicited response", func(t *testing.T) {
		wantVector(t, octets(t, heartbeatResponse), heartbeatResponseMessage(), used())
	})
	t.Run("request", func(t *testing.T) {
		wantVector(t, octets(t, "3b 01 0d 00 0000 0000 00000001 01020000"), &Heartbeat{Sequence: 1}, used())
	})
}

// Reserved bits are the receiver's to ignore (RFC 5847 section 3.3).
func TestHeartbeatIgnoresReservedBits(t *testing.T) {
	var m Heartbeat
	if err := m.Decode(octets(t, "3b 01 0d 00 0000 fffd 00000001 01020000")); err != nil || m.Flags != HeartbeatResponse {
		t.Errorf("flags %#x, %v, want R only", m.Flags, err)
	}
}

func TestHeartbeatIsEmptyAfterAnError(t *testing.T) {
	m := Heartbeat{9, 9, usedOptions()}
	wantDecodeError(t, m.Decode(octets(t, "3b 01 0d 00 0000 0001 00000001 1c02 0007")), DecodeError{13, "Restart Counter option", "has length 2, want 4", Drop})
	if d := diff(Heartbeat{}, m); d != "" {
		t.Errorf("left (-want +got):\n%s", d)
	}
}

func TestHeartbeatAllocations(t *testing.T) {
	message, payload := heartbeatResponseMessage(), octets(t, heartbeatResponse)
	var m Heartbeat
	wantAllocations(t, "Decode", 1, func() error { return m.Decode(payload) })
	wantAllocations(t, "AppendTo nil", 1, func() error { _, err := message.AppendTo(nil); return err })
}
