package hostapd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"netlmm/mih"
)

// session is a port while its hostapd lives: the goroutine of serve owns it, except for lostEvents.
type session struct {
	*port
	dir        *socketDir
	control    string
	events     *conn
	commands   *conn // nil: to be opened by the next request
	buf        []byte
	lostEvents atomic.Bool
	broken     error         // of a request: this hostapd is gone
	heard      time.Time     // the last datagram on events
	looked     bool          // whether the last step was for the stations that are watched
	patience   time.Duration // with a station whose identity hostapd did not have yet; zero: there is none

	resync
}

func (s *session) close() {
	s.events.Close()
	if s.commands != nil {
		s.commands.Close()
	}
}

// request asks hostapd, once more on a fresh socket when the reply was lost. The reply is valid until the next request.
func (s *session) request(command string) ([]byte, error) {
	var err error
	for range 2 {
		if s.commands == nil {
			if s.commands, err = s.dir.dial(s.control); err != nil {
				s.broken = err
				return nil, err
			}
		}
		var reply []byte
		if reply, err = s.commands.request(command, s.buf); err == nil || errors.Is(err, errFail) {
			return reply, err
		}
		s.commands.Close()
		s.commands = nil
		if dead(err) {
			break
		}
		s.adapter.counters.Count("lost_replies")
	}
	err = fmt.Errorf("control socket %s: %w", s.control, err)
	if dead(err) {
		s.broken = err
	}
	return nil, err
}

// dead reports whether an error of a request means that this hostapd is gone; the others concern the one request.
func dead(err error) bool {
	return err != nil && !errors.Is(err, errFail) && !errors.Is(err, errGarbled) && !errors.Is(err, os.ErrDeadlineExceeded)
}

// stationRequest is request for a command whose reply is a station; found is false when the reply was empty.
func (s *session) stationRequest(command string) (st station, found bool, err error) {
	reply, err := s.request(command)
	if err != nil || len(reply) == 0 {
		return st, false, err
	}
	if st, err = parseStation(reply); err != nil {
		s.adapter.counters.Count("garbled")
		return st, false, err
	}
	switch st.naming {
	case namePending:
		s.adapter.counters.Count("identity_pending")
	case nameUntold:
		s.adapter.counters.Count("identity_untold")
		if s.adapter.log.Allow() {
			s.adapter.cfg.Log.Warn("hostapd does not know who a station is that came by fast transition of 802.1X: it is known by its link-layer address here and keeps no address by its identity; use FT-PSK, or know everybody by link-layer address (policy.identity: mac)",
				"interface", s.cfg.Interface, "station", st.address.String())
		}
	case nameInvalid:
		s.adapter.counters.Count("identity_invalid")
		if s.adapter.log.Allow() {
			s.adapter.cfg.Log.Warn("station not served: its 802.1X identity is empty, not printable or longer than an NAI; correct it on the station or at the RADIUS server",
				"interface", s.cfg.Interface, "station", st.address.String())
		}
	}
	return st, true, nil
}

// serve handles events and, between them, walks through the stations, one request at a time, so that a station that
// attaches never waits for a resync. It returns why the session ended.
func (s *session) serve(ctx context.Context) error {
	events := make(chan received, eventQueue)
	broken := make(chan error, 1)
	go func() {
		broken <- s.events.readEvents(events, func() {
			s.adapter.counters.Count("dropped")
			s.lostEvents.Store(true)
		})
	}()
	s.setPeer(true, s.control)
	s.heard, s.next = time.Now(), time.Now()
	ping := time.NewTicker(s.adapter.cfg.PingInterval)
	defer ping.Stop()
	step := time.NewTimer(0)
	defer step.Stop()
	for {
		var err error
		select {
		case r := <-events: // before anything else
			err = s.handle(r)
		default:
			select {
			case <-ctx.Done():
				return nil
			case r := <-events:
				err = s.handle(r)
			case err = <-broken:
			case now := <-ping.C:
				err = s.ping(now)
			case c := <-s.queue:
				err = s.execute(c)
			case <-step.C:
				err = s.step(time.Now())
			}
		}
		if err != nil {
			return err
		}
		s.schedule(time.Now())
		step.Reset(s.wait(time.Now()))
	}
}

// ping asks over the socket of the events, so that an answer proves that the way of the events is open.
func (s *session) ping(now time.Time) error {
	if now.Sub(s.heard) > 3*s.adapter.cfg.PingInterval+commandTimeout {
		return fmt.Errorf("control socket %s: hostapd answers no PING", s.control)
	}
	if err := s.events.SetWriteDeadline(now.Add(commandTimeout)); err != nil {
		return err
	}
	if _, err := s.events.Write([]byte("PING")); dead(err) {
		return err
	}
	return nil
}

// handle is the fast path of a handover: one event of hostapd.
func (s *session) handle(r received) error {
	s.heard = r.at
	if strings.TrimSpace(r.text) == "PONG" {
		return nil
	}
	ev, ok := parseEvent(r.text)
	if !ok {
		s.adapter.counters.Count("garbled")
		return nil
	}
	s.adapter.counters.Count(eventCounter(ev.name))
	switch ev.name {
	case "AP-STA-CONNECTED":
		return s.connected(r.at, ev.station)
	case "CTRL-EVENT-EAP-SUCCESS", "CTRL-EVENT-EAP-SUCCESS2":
		// A station that hostapd never missed authenticates anew and is not reported as connected: it may have been at other
		// access points in between, and Link_Up must say that it is here now.
		if _, known := s.stations[ev.station]; known {
			return s.connected(r.at, ev.station)
		}
	case "AP-STA-DISCONNECTED":
		if ev.station.IsZero() {
			s.adapter.counters.Count("garbled")
			return nil
		}
		s.down(r.at, ev.station, false)
	case "RX-PROBE-REQUEST":
		s.probed(r.at, ev)
	case "BSS-TM-RESP":
		s.steered(ev)
	case "BEACON-RESP-RX":
		s.heardNeighbour(r.at, ev)
	case "AP-ENABLED", "AP-DISABLED", "INTERFACE-ENABLED", "INTERFACE-DISABLED":
		s.repair = true
	case "CTRL-EVENT-TERMINATING":
		return fmt.Errorf("control socket %s: hostapd is terminating", s.control)
	}
	return nil
}

// connected learns the identity of a station that may send data now, and tells of it. When hostapd's answer is lost, or
// there is no identity in it yet, the next resync tells: to take an authenticated station for a nameless one would give it
// another node's rights. For the same reason one with an impossible identity is as good as gone.
func (s *session) connected(at time.Time, address mih.LinkAddress) error {
	if address.IsZero() {
		s.adapter.counters.Count("garbled")
		return nil
	}
	st, found, err := s.stationRequest("STA " + address.String())
	switch {
	case dead(err):
		return err
	case errors.Is(err, errFail), err == nil && found && st.address == address && !st.authorized:
		s.adapter.counters.Count("station_gone") // its AP-STA-DISCONNECTED follows
	case err != nil, !found, st.address != address:
		s.adapter.counters.Count("failed_queries")
		s.repair = true
	case st.naming == namePending:
		s.repair = true
	case st.naming == nameInvalid, s.elsewhere(st):
		if s.stations[address] != nil {
			s.down(at, address, false)
		}
	default:
		s.up(at, st, false)
	}
	return nil
}

func (s *session) probed(at time.Time, ev event) {
	var address mih.LinkAddress
	if address.UnmarshalText([]byte(ev.argument("sa"))) != nil {
		s.adapter.counters.Count("garbled")
		return
	}
	if !s.cfg.LinkDetected || !s.detected.AllowN(at, 1) {
		s.adapter.counters.Count("detected_suppressed")
		return
	}
	dBm, _ := strconv.ParseInt(ev.argument("signal"), 10, 8)
	s.send(at, mih.LinkDetected{Link: s.tuple(address), SignalStrength: mih.SignalStrength{Value: int(dBm)}}, nil)
}
