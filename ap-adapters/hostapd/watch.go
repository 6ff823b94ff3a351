package hostapd

import (
	"context"
	"slices"
	"time"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

const (
	shortestPoll      = 100 * time.Millisecond // between two looks at a link, whatever is asked for
	thresholdPoll     = time.Second            // where only thresholds are watched and no signal poll is configured
	maximumThresholds = 16                     // of one parameter in one watch
	maximumWatched    = 256                    // stations with a watch of their own, per access point
)

// watchable are the parameters that hostapd measures.
var watchable = []mih.LinkParameterType{
	mih.ParameterSignalStrength, mih.Parameter80211RSSI, mih.ParameterDataRate, mih.ParameterThroughput, mih.ParameterPacketErrorRate,
}

// watches are what is to be reported of the stations of one access point.
type watches struct {
	all watch
	of  map[mih.LinkAddress]*watch // of single stations
}

// watch is what Link_Configure_Thresholds left behind for one link, or for all of an access point.
type watch struct {
	parameters []*watched // with thresholds or an interval
	next       time.Time  // of a single station: when it is looked at
}

// watched is a parameter in a watch.
type watched struct {
	kind       mih.LinkParameterType
	interval   time.Duration // it is reported each so long; 0: only when a threshold is crossed
	next       time.Time
	due        bool // in the looks of now
	thresholds []*threshold
}

// threshold is one with those stations that are beyond it and have been reported.
type threshold struct {
	mih.Threshold
	oneShot bool
	beyond  map[mih.LinkAddress]struct{}
}

func (w *watch) empty() bool { return w == nil || len(w.parameters) == 0 }

// begin marks the parameters whose turn it is.
func (w *watch) begin(now time.Time) {
	for _, p := range w.parameters {
		if p.due = p.interval > 0 && !now.Before(p.next); p.due {
			p.next = now.Add(p.interval)
		}
	}
}

func (w *watch) end() {
	for _, p := range w.parameters {
		p.due = false
	}
}

// pace is the time between two looks.
func (w *watch) pace(thresholds time.Duration) time.Duration {
	pace := time.Duration(0)
	for _, p := range w.parameters {
		if p.interval > 0 && (pace == 0 || p.interval < pace) {
			pace = p.interval
		}
		if len(p.thresholds) > 0 && (pace == 0 || thresholds < pace) {
			pace = thresholds
		}
	}
	return max(pace, shortestPoll)
}

// poll is the time between two looks for the sake of thresholds.
func (p *port) poll() time.Duration {
	if p.cfg.SignalPollInterval > 0 {
		return p.cfg.SignalPollInterval
	}
	return thresholdPoll
}

// each calls f for every threshold that concerns a station.
func (w *watches) each(station mih.LinkAddress, f func(*threshold)) {
	for _, one := range []*watch{&w.all, w.of[station]} {
		if one == nil {
			continue
		}
		for _, p := range one.parameters {
			for _, t := range p.thresholds {
				f(t)
			}
		}
	}
}

// rearm lets every threshold report a station anew: its association is another.
func (w *watches) rearm(station mih.LinkAddress) {
	w.each(station, func(t *threshold) { delete(t.beyond, station) })
}

// forget ends what was configured for a station.
func (w *watches) forget(station mih.LinkAddress) {
	w.rearm(station)
	delete(w.of, station)
}

// due is a station that has to be looked at, the one that waits longest.
func (w *watches) due(now time.Time) (station mih.LinkAddress, ok bool) {
	var since time.Time
	for address, one := range w.of {
		if !one.next.After(now) && (!ok || one.next.Before(since)) {
			station, since, ok = address, one.next, true
		}
	}
	return station, ok
}

// look measures a station that has a watch of its own.
func (s *session) look(now time.Time, address mih.LinkAddress) error {
	w := s.watches.of[address]
	w.next = now.Add(w.pace(s.poll()))
	t, st, err := s.attached(address)
	if err != nil {
		return s.broken
	}
	w.begin(now)
	s.measure(now, t, st)
	w.end()
	return nil
}

// report tells of the thresholds of a watch that a station crossed, and of the parameters whose turn it is.
func (s *session) report(now time.Time, t *told, st station, w *watch) {
	if w.empty() {
		return
	}
	var reports []mih.LinkParameterReport
	var crossed []*threshold
	for _, p := range w.parameters {
		value, ok := t.parameter(p.kind, st)
		if !ok {
			continue
		}
		for _, th := range p.thresholds {
			if th.look(st.address, value.Value, p.hysteresis(th.Value, s.cfg.Hysteresis)) {
				reports = append(reports, mih.LinkParameterReport{LinkParameter: value, Crossed: &mih.Threshold{Value: th.Value, Direction: th.Direction}})
				crossed = append(crossed, th)
			}
		}
		if p.due {
			reports = append(reports, mih.LinkParameterReport{LinkParameter: value})
		}
	}
	if len(reports) == 0 || !s.send(now, mih.LinkParametersReport{Link: t.link, Parameters: reports}, nil) {
		return
	}
	for _, th := range crossed {
		th.beyond[st.address] = struct{}{}
	}
}

// look says whether a value crossed the threshold, which it does again only after it was back by the hysteresis.
func (t *threshold) look(station mih.LinkAddress, value, hysteresis int) bool {
	beyond, back := value < t.Value, value >= t.Value+hysteresis
	if t.Direction == mih.ThresholdAbove {
		beyond, back = value > t.Value, value <= t.Value-hysteresis
	}
	if _, was := t.beyond[station]; was {
		if back && !t.oneShot {
			delete(t.beyond, station)
		}
		return false
	}
	return beyond
}

// hysteresis is the configured one where the parameter is a level, and a tenth of the threshold where not.
func (p *watched) hysteresis(value, dB int) int {
	switch {
	case p.kind.Signed():
		return dB
	case p.kind == mih.ParameterPacketErrorRate: // which ends at 100
		return max(0, min(value/10, 100-value))
	}
	return value / 10
}

// ConfigureThresholds sets, changes and cancels thresholds and periodic reports of a station or, for a link that is named by its
// point of attachment, of all stations there. Of a cancelled parameter without thresholds all of them go, and its reports too.
// A one-shot threshold reports once in each association. An interval below 100 ms counts as 100 ms.
func (a *Adapter) ConfigureThresholds(ctx context.Context, link mih.LinkTupleID, want []mih.LinkParameterConfiguration) ([]mih.LinkParameterConfigured, error) {
	return ask(ctx, a, link.Link, link.PointOfAttachment, func(s *session, station bool) (done []mih.LinkParameterConfigured, err error) {
		w := &s.watches.all
		if station {
			if s.stations[link.Link.Address] == nil {
				return nil, apadapters.ErrNoSuchLink
			}
			if w = s.watches.of[link.Link.Address]; w == nil {
				w = &watch{next: time.Now()}
			}
		}
		room := !station || len(s.watches.of) < maximumWatched || s.watches.of[link.Link.Address] != nil
		for _, c := range want {
			done = append(done, w.configure(c, room && s.cfg.LinkType == mih.LinkType80211)...)
		}
		w.parameters = slices.DeleteFunc(w.parameters, func(p *watched) bool { return p.interval == 0 && len(p.thresholds) == 0 })
		switch {
		case !station:
			s.next = earlier(s.next, time.Now().Add(s.interval()))
		case w.empty():
			delete(s.watches.of, link.Link.Address)
		default:
			w.next = time.Now()
			s.watches.of[link.Link.Address] = w
		}
		return done, nil
	})
}

// configure applies one LINK_CFG_PARAM; able says whether anything can be set.
func (w *watch) configure(c mih.LinkParameterConfiguration, able bool) (done []mih.LinkParameterConfigured) {
	answer := func(t mih.Threshold, ok bool) {
		done = append(done, mih.LinkParameterConfigured{Type: c.Type, Threshold: t, Success: ok})
	}
	p := w.parameter(c.Type, able && c.Action != mih.ThresholdCancel && slices.Contains(watchable, c.Type))
	if p == nil {
		if len(c.Thresholds) == 0 && c.Action != mih.ThresholdCancel {
			answer(mih.Threshold{}, false)
		}
		for _, t := range c.Thresholds {
			answer(t, false)
		}
		return done
	}
	if c.Interval != nil {
		p.setInterval(*c.Interval)
	}
	if c.Action == mih.ThresholdCancel && len(c.Thresholds) == 0 {
		p.interval, p.thresholds = 0, nil
	}
	for _, t := range c.Thresholds {
		answer(t, p.set(t, c.Action))
	}
	return done
}

// parameter is the entry of a parameter, made if it may be.
func (w *watch) parameter(kind mih.LinkParameterType, create bool) *watched {
	if i := slices.IndexFunc(w.parameters, func(p *watched) bool { return p.kind == kind }); i >= 0 {
		return w.parameters[i]
	}
	if !create {
		return nil
	}
	p := &watched{kind: kind}
	w.parameters = append(w.parameters, p)
	return p
}

func (p *watched) setInterval(interval time.Duration) {
	if p.interval = 0; interval > 0 {
		p.interval, p.next = max(interval, shortestPoll), time.Time{}
	}
}

// set sets or cancels one threshold and says whether that was done.
func (p *watched) set(t mih.Threshold, action mih.ThresholdAction) bool {
	i := slices.IndexFunc(p.thresholds, func(have *threshold) bool { return have.Threshold == t })
	switch {
	case action > mih.ThresholdCancel || t.Direction > mih.ThresholdBelow:
		return false
	case action == mih.ThresholdCancel:
		if i >= 0 {
			p.thresholds = slices.Delete(p.thresholds, i, i+1)
		}
		return i >= 0
	case i >= 0:
		p.thresholds = slices.Delete(p.thresholds, i, i+1) // anew, armed
	case len(p.thresholds) >= maximumThresholds:
		return false
	}
	p.thresholds = append(p.thresholds, &threshold{Threshold: t, oneShot: action == mih.ThresholdOneShot, beyond: map[mih.LinkAddress]struct{}{}})
	return true
}
