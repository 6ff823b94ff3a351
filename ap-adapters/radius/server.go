package radius

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/time/rate"
	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"netlmm/internal/ingress"
	"netlmm/internal/radiusauth"
	"netlmm/mih"
)

// maximumSources is how many addresses have a rate limit of their own; those of a large network take turns.
const maximumSources = 4096

// server is what the adapter knows between two requests. It is used by one goroutine.
type server struct {
	a       *Adapter
	picture picture
	answers answers
	forward *forwarder // nil: this is the only server
	limits  map[netip.Addr]*rate.Limiter
	send    func(to ingress.Datagram, packet []byte)
}

func newServer(a *Adapter, emit func(mih.Indication) bool) *server {
	s := &server{a: a, picture: newPicture(), answers: newAnswers(maximumAnswers), limits: map[netip.Addr]*rate.Limiter{}}
	s.picture.missed, s.picture.interim, s.picture.count, s.picture.moved = a.cfg.SessionTimeout, a.cfg.InterimInterval, a.counters.Count, a.moved
	s.picture.emit = func(ind mih.Indication) bool {
		taken := emit(ind)
		if !taken {
			a.counters.Count("dropped")
		}
		return taken
	}
	if a.cfg.Forward != nil {
		s.forward = newForwarder(*a.cfg.Forward)
		s.forward.count = a.counters.Count
		s.forward.gone = func(w *waiting) { s.answers.drop(w.question) }
	}
	return s
}

// receive takes one datagram. What is not answered comes again, for an access point repeats it.
func (s *server) receive(now time.Time, d ingress.Datagram) {
	s.a.counters.Count("requests")
	client := s.client(d)
	if client < 0 {
		return
	}
	p, q, ok := s.decode(d, s.a.cfg.Clients[client])
	if !ok {
		return
	}
	if packet, known := s.answers.look(now, q); known {
		s.a.counters.Count("duplicates")
		if packet != nil {
			s.send(d, packet)
		}
		return
	}
	if !s.limit(d.Source().Addr()).AllowN(now, 1) {
		s.a.counters.Count("rate_limited")
		return
	}
	s.a.heard(client, now)
	if p.Code == codec.CodeStatusServer { // RFC 5997: is anybody there?
		s.a.counters.Count("status_server")
		s.answer(now, d, q, p, nil)
		return
	}
	if s.forward != nil && s.forward.loops(p) {
		s.refuse("refused_loop", d, "it has been here before: two accounting servers forward to each other")
		return
	}
	r, err := ReadRecord(p, s.a.cfg.Identity)
	if err != nil {
		s.refuse(refusalLabel(err), d, err.Error())
		return
	}
	if s.take(now, client, d, r) {
		s.acknowledge(now, d, q, p)
	}
}

// client is the index of the client that a datagram is from; -1: it is not believed.
func (s *server) client(d ingress.Datagram) int {
	if ingress.Refused(d.Interface, s.a.cfg.Untrusted) {
		s.refuse("refused_interface", d, fmt.Sprintf("it came by interface %q: access points write from elsewhere than mobile nodes", d.Interface))
		return -1
	}
	for i, c := range s.a.cfg.Clients {
		if c.Address.Contains(d.Address()) {
			return i
		}
	}
	s.refuse("unknown_client", d, "not a configured client")
	return -1
}

// decode checks who made a request. The digests come before everything that costs more, the rate limit included: who forges a
// client's address does not use up what that one may ask.
func (s *server) decode(d ingress.Datagram, c Client) (p *codec.Packet, q question, ok bool) {
	packet, err := radiusauth.Trim(d.Payload)
	if err == nil {
		p, err = authentic(packet, c.Secret, c.RequireMessageAuthenticator)
	}
	if err != nil {
		s.refuse(refusalLabel(err), d, err.Error())
		return nil, q, false
	}
	return p, question{d.Source(), p.Identifier, p.Authenticator}, true
}

func (s *server) refuse(counter string, d ingress.Datagram, why string) {
	s.a.counters.Count(counter)
	s.a.inform("RADIUS request refused", "source", d.Source(), "why", why)
}

func (s *server) limit(source netip.Addr) *rate.Limiter {
	l := s.limits[source]
	if l == nil {
		if len(s.limits) >= maximumSources {
			clear(s.limits)
		}
		l = rate.NewLimiter(rate.Limit(s.a.cfg.RateLimit), 2*s.a.cfg.RateLimit)
		s.limits[source] = l
	}
	return l
}

// take tells what a record means for the link of its station. It returns false when that has to be said again. What concerns no
// link is taken by leaving it.
func (s *server) take(now time.Time, client int, d ingress.Datagram, r Record) bool {
	nas := keyOf(client, r.NAS, d.Source().Addr())
	switch r.Status {
	case rfc2866.AcctStatusType_Value_AccountingOn:
		s.a.counters.Count("event_on")
		return s.picture.restarted(now, r, nas)
	case rfc2866.AcctStatusType_Value_AccountingOff:
		s.a.counters.Count("event_off")
		return s.picture.restarted(now, r, nas)
	case rfc2866.AcctStatusType_Value_Start:
		s.a.counters.Count("event_start")
	case rfc2866.AcctStatusType_Value_InterimUpdate:
		s.a.counters.Count("event_interim_update")
	case rfc2866.AcctStatusType_Value_Stop:
		s.a.counters.Count("event_stop")
	default:
		s.a.counters.Count("ignored_status_type")
		return true
	}
	if r.Station.IsZero() {
		s.a.counters.Count("ignored_no_station")
		return true
	}
	// One session may be told by way of several proxies. That an access point starts anew counts for what came by the same way:
	// some do not say who they are, or all say the same.
	at := place{client: client, nas: nas, session: keyOf(r.NAS, r.Session, r.Station)}
	s.picture.complete(&r, at.session)
	link := s.a.cfg.Clients[client].link(r)
	if link == nil {
		s.a.counters.Count("ignored_no_link")
		s.a.inform("a station is at no link of its RADIUS client", "station", r.Station, "source", d.Source(), "ssid", r.SSID, "vlan", r.VLAN)
		return s.picture.elsewhere(now, r, at.session)
	}
	at.iface = link.Interface
	at.link = mih.LinkTupleID{
		Link:              mih.LinkID{Type: cmp.Or(r.LinkType, link.LinkType, mih.LinkType80211), Address: r.Station},
		PointOfAttachment: cmp.Or(link.PointOfAttachment, r.PointOfAttachment),
	}
	return s.picture.take(now, r, at)
}

// link is the first that matches; nil when none does.
func (c Client) link(r Record) *Link {
	for i, l := range c.Links {
		if (l.SSID == "" || l.SSID == r.SSID) && (l.VLAN == "" || l.VLAN == r.VLAN) && (l.AccessPoint == "" || l.of(r)) {
			return &c.Links[i]
		}
	}
	return nil
}

// of says whether a record is of the access point that the link is of.
func (l Link) of(r Record) bool {
	if l.AccessPoint == r.NASIdentifier || l.AccessPoint == r.Name {
		return true
	}
	address, rest, ok := macAddress(l.AccessPoint)
	return ok && rest == "" && address == r.PointOfAttachment
}

// acknowledge answers a request that was taken, or has the other server answer it.
func (s *server) acknowledge(now time.Time, d ingress.Datagram, q question, p *codec.Packet) {
	if s.forward == nil {
		s.answer(now, d, q, p, nil)
		return
	}
	octets := len(d.Payload)
	d.Payload = nil
	var w *waiting
	if !s.forward.cfg.Always {
		w = &waiting{d, q, p}
		s.answers.put(now, q, nil)
	}
	switch taken := s.forward.add(now, p, octets, w); {
	case !taken:
		s.a.counters.Count("forward_queue_full")
		s.answers.drop(q)
	case w == nil:
		s.answer(now, d, q, p, nil)
	}
}

// forwarded takes an answer of the other server.
func (s *server) forwarded(now time.Time, packet []byte) {
	if w, p := s.forward.answer(now, packet); w != nil {
		s.answer(now, w.from, w.question, w.request, p)
	}
}

// answer sends an Accounting-Response: with the client's Proxy-State as it came (RFC 2865 section 5.33) and what the other server
// said, if one did. It has a Message-Authenticator where RFC 5997 wants one; in other answers, for which no RFC has one, servers and
// clients make it in different ways.
func (s *server) answer(now time.Time, d ingress.Datagram, q question, request, said *codec.Packet) {
	p := request.Response(codec.CodeAccountingResponse)
	if request.Code == codec.CodeStatusServer {
		p.Add(rfc2869.MessageAuthenticator_Type, nil)
	}
	if said != nil {
		for _, a := range said.Attributes {
			if a.Type != rfc2865.ProxyState_Type && a.Type != rfc2869.MessageAuthenticator_Type {
				p.Add(a.Type, a.Attribute)
			}
		}
	}
	for _, a := range request.Attributes {
		if a.Type == rfc2865.ProxyState_Type {
			p.Add(a.Type, a.Attribute)
		}
	}
	packet, err := radiusauth.Encode(p)
	if err != nil { // the other server said more than there is room for beside Proxy-State
		s.a.counters.Count("answer_too_long")
		s.answers.drop(q)
		return
	}
	s.answers.put(now, q, packet)
	s.a.counters.Count("answered")
	s.send(d, packet)
}

// tick does what is due.
func (s *server) tick(now time.Time) {
	if s.picture.missed > 0 {
		s.picture.expire(now)
	}
	if s.forward != nil {
		s.forward.tick(now)
	}
}
