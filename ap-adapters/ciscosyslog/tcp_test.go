package ciscosyslog

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func tcpConfig(counted bool) Config {
	return Config{ListenTCP: netip.MustParseAddrPort("[::]:0"), Counted: counted, Sources: []Source{
		{Address: netip.MustParsePrefix("::1/128"), Interface: "acc0"}, {Address: netip.MustParsePrefix("127.0.0.2/32"), Interface: "acc1"},
	}}
}

// dial connects from an address to the adapter.
func (s *started) dial(from string) net.Conn {
	s.t.Helper()
	eventually(s.t, "the adapter listens", func() bool { return s.ListenAddressTCP().IsValid() })
	to := netip.AddrPortFrom(netip.IPv6Loopback(), s.ListenAddressTCP().Port())
	if strings.HasPrefix(from, "127.") {
		to = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), to.Port())
	}
	conn, err := net.DialTCP("tcp", &net.TCPAddr{IP: net.ParseIP(from)}, net.TCPAddrFromAddrPort(to))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

func (s *started) counted(counter string, want uint64) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%s is %d", counter, want), func() bool { return s.Status().Counters[counter] == want })
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// closed waits until the other end has closed a connection.
func closed(t *testing.T, conn net.Conn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("the adapter wrote %d octets", n)
	}
}

func TestLinesOverConnections(t *testing.T) {
	s := startWith(t, tcpConfig(false))
	six, four := s.dial("::1"), s.dial("127.0.0.2")
	say(t, six, attached+"\r\n"+detached)
	s.expect(`Link_Up acc0 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	say(t, six, "\n")
	s.expect(`Link_Down acc0 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	say(t, four, fmt.Sprintf("%d %s", len(attached), attached))
	s.expect(`Link_Up acc1 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	stranger := s.dial("127.0.0.1")
	closed(t, stranger)
	s.counted("refused_source", 1)
	say(t, four, "77777777777")
	closed(t, four)
	s.counted("refused_framing", 1)
	if p := s.Status().Peers; !p[0].Connected || p[1].Stations != 1 {
		t.Errorf("peers %+v", p)
	}
}

// TestOnlyCountedMessages: where a name could hold a line break, what follows it is no message.
func TestOnlyCountedMessages(t *testing.T) {
	s := startWith(t, tcpConfig(true))
	conn := s.dial("::1")
	line := strings.Replace(attached, "Station   ", "Station x\n"+forged+"\n", 1)
	say(t, conn, fmt.Sprintf("%d %s%d %s", len(line), line, len(detached), detached))
	s.expect(`Link_Down acc0 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	s.counted("ignored_control_characters", 1)
	say(t, conn, forged+"\n")
	closed(t, conn)
	s.counted("refused_framing", 1)
	s.counted("event_up", 0)
}

// TestARepeatedLineIsOld: a writer that connects again says once more what it had said, and is believed from the first news on.
func TestARepeatedLineIsOld(t *testing.T) {
	const coarse = "<190>*Mar  1 00:01:02: %%DOT11-6-%s: Interface Dot11Radio1, %s 0200.5e10.0002 %s\n"
	up, down := fmt.Sprintf(coarse, "ASSOC", "Station", "Associated"), fmt.Sprintf(coarse, "DISASSOC", "Deauthenticating Station", "")
	isUp, isDown := `Link_Up acc0 02:00:5e:10:00:02 00:00:00:00:00:00 ""`, `Link_Down acc0 02:00:5e:10:00:02 00:00:00:00:00:00 ""`
	s := startWith(t, tcpConfig(false))
	first := s.dial("::1")
	say(t, first, up+down+up+attached+"\n"+attached+"\n")
	s.expect(isUp)
	s.expect(isDown)
	s.expect(isUp) // within one second, over one connection
	s.expect(`Link_Up acc0 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	s.counted("duplicates", 1) // the line with a number
	first.Close()
	second := s.dial("::1")
	say(t, second, up+down+"<189>*Mar  1 00:01:03: %SYS-5-RESTART: System restarted\n"+attached+"\n"+detached+"\n"+down)
	s.expect(`Link_Down acc0 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	s.expect(isDown) // after news even the same text is new
	s.counted("duplicates", 4)
}

func TestConnectionsAreBounded(t *testing.T) {
	s := startWith(t, tcpConfig(false))
	var open []net.Conn
	for range maximumOfOne {
		open = append(open, s.dial("::1"))
	}
	s.counted("connections", maximumOfOne)
	closed(t, s.dial("::1"))
	s.counted("refused_connections", 1)
	say(t, s.dial("127.0.0.2"), attached+"\n")
	s.expect(`Link_Up acc1 02:00:5e:10:00:01 00:00:00:00:00:00 ""`)
	open[0].Close()
	eventually(t, "room again", func() bool {
		conn := s.dial("::1")
		defer conn.Close()
		_, _ = io.WriteString(conn, detached+"\n")
		return s.Status().Counters["event_down"] == 1
	})
}

func TestHistoryIsBounded(t *testing.T) {
	h := newHistory()
	for i := range 3 * remembered {
		h.add(uint64(i))
	}
	if len(h.lines) != remembered || h.knows(2*remembered-1) || !h.knows(2*remembered) || !h.knows(3*remembered-1) {
		t.Errorf("%d lines are known", len(h.lines))
	}
}
