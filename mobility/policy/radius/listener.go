package radius

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc3576"

	"netlmm/internal/ingress"
	"netlmm/internal/radiusauth"
	"netlmm/mobility/policy"
)

// Bounds of what a listener keeps.
const (
	mostSeen      = 65536 // a server that ends all sessions at once is heard
	rearmInterval = time.Second
)

// DynamicClient is who may demand (RFC 5176: a dynamic authorization client, which is the server of the other direction).
type DynamicClient struct {
	Addresses netip.Prefix
	Secret    []byte
}

// ListenerConfig is what a listener is told.
type ListenerConfig struct {
	Listen           netip.AddrPort
	Clients          []DynamicClient
	Untrusted        []string // interfaces that mobile nodes are on: nothing from there is believed
	NAS              NAS
	Window           time.Duration // how far the Event-Timestamp may be off (RFC 5176 section 6.3)
	RequireTimestamp bool

	Log   *slog.Logger // for what may happen with every packet
	Count func(string) // counts by name
}

// Listener hears Disconnect- and CoA-Requests. One is believed when it comes from a client's address, by an interface where no mobile
// node is, with the right authenticator, a right Message-Authenticator if it has one, and an Event-Timestamp of now, for the first time.
// Whatever is not believed is dropped without a word (RFC 5176 section 3.4).
type Listener struct {
	cfg ListenerConfig
	now func() time.Time

	mu      sync.Mutex
	seen    *replays
	waiting map[uint64]*demanded
	handle  uint64
	at      netip.AddrPort // where it listens, once it does
	err     error          // why it does not
}

// demanded is a request that waits for its answer.
type demanded struct {
	request *codec.Packet
	service bool // it was one for Authorize Only
	socket  *ingress.Socket
	to      ingress.Datagram // where the answer goes, and from which of our addresses
	seen    *seen
}

// NewListener makes a listener.
func NewListener(cfg ListenerConfig) *Listener {
	return &Listener{cfg: cfg, now: time.Now, seen: newReplays(mostSeen), waiting: map[uint64]*demanded{}}
}

// Address is where it listens; zero while it does not, and then err says why.
func (l *Listener) Address() (at netip.AddrPort, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at, l.err
}

// Run listens until ctx ends. take is given what is demanded; false: it cannot be taken now. Answer is called for all others.
func (l *Listener) Run(ctx context.Context, take func(policy.Demand) bool) error {
	for ctx.Err() == nil {
		err := l.listenOnce(ctx, take)
		if ctx.Err() != nil {
			return nil
		}
		l.state(netip.AddrPort{}, err)
		l.cfg.Count("socket_errors")
		l.cfg.Log.Warn("cannot hear RADIUS servers' demands; trying again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(rearmInterval):
		}
	}
	return nil
}

func (l *Listener) state(at netip.AddrPort, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, l.err = at, err
}

func (l *Listener) listenOnce(ctx context.Context, take func(policy.Demand) bool) error {
	s, err := ingress.Listen(l.cfg.Listen, codec.MaxPacketLength)
	if err != nil {
		return fmt.Errorf("%w: is another program on this port, or the address not this host's?", err)
	}
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	l.state(s.LocalAddress(), nil)
	for {
		d, err := s.Read()
		if err != nil {
			return err
		}
		l.receive(s, d, take)
	}
}

func (l *Listener) receive(s *ingress.Socket, d ingress.Datagram, take func(policy.Demand) bool) {
	p, packet, err := l.believe(d)
	if err != nil {
		return
	}
	from := d.Source()
	request := radiusauth.Of(packet)
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.seen.find(request)
	switch {
	case before != nil && before.from != from:
		l.drop("replayed", from, errors.New("the request of another sender"))
		return
	case before != nil:
		l.cfg.Count("repeated")
		l.write(s, d, before)
		return
	}
	demand, cause := readDemand(p, l.cfg.NAS)
	now := l.now()
	entry := l.seen.add(now, l.believable(p, now), request, from)
	if entry == nil { // what is not carried out need not be remembered, and the server may send another one
		l.cfg.Count("too_many")
		l.cfg.Log.Warn("a RADIUS demand is refused: more came within the window of Event-Timestamp than are remembered", "from", from)
		entry, cause = &seen{from: from}, policy.ResourcesUnavailable
	}
	l.handle++
	demand.Handle = l.handle
	d.Payload = nil // another one's by the time of the answer
	l.waiting[l.handle] = &demanded{request: p, service: demand.Reauthorize, socket: s, to: d, seen: entry}
	if cause == 0 && !take(demand) {
		cause = policy.ResourcesUnavailable
	} else if cause == 0 {
		return
	}
	l.answer(demand.Handle, cause)
}

// believe says whether a datagram is a client's demand.
func (l *Listener) believe(d ingress.Datagram) (*codec.Packet, []byte, error) {
	fail := func(why string, err error) (*codec.Packet, []byte, error) {
		l.drop(why, d.Source(), err)
		return nil, nil, err
	}
	if ingress.Refused(d.Interface, l.cfg.Untrusted) {
		return fail("refused_interface", fmt.Errorf("it came by interface %q: demands from access links are forged", d.Interface))
	}
	secret := l.secretOf(d.Address())
	if secret == nil {
		return fail("refused_source", errors.New("not a configured client"))
	}
	packet, err := radiusauth.Trim(d.Payload)
	if err != nil {
		return fail("malformed", err)
	}
	code := codec.Code(packet[0])
	if code != codec.CodeDisconnectRequest && code != codec.CodeCoARequest {
		return fail("unexpected_code", fmt.Errorf("code %d", code))
	}
	if !codec.IsAuthenticRequest(packet, secret) {
		return fail("wrong_authenticator", errors.New("is the secret the same at both ends?"))
	}
	p, err := codec.Parse(packet, secret)
	if err != nil {
		return fail("malformed", err)
	}
	if _, err := radiusauth.Check(packet, radiusauth.Authenticator{}, secret); err != nil {
		return fail("wrong_message_authenticator", err)
	}
	if err := l.timely(p); err != nil {
		return fail("wrong_time", err)
	}
	return p, packet, nil
}

// timely checks the Event-Timestamp.
func (l *Listener) timely(p *codec.Packet) error {
	at := sentAt(p)
	if at.IsZero() {
		if l.cfg.RequireTimestamp {
			return errors.New("no Event-Timestamp: have the server send one, so that nobody can send its requests again")
		}
		return nil
	}
	if off := l.now().Sub(at).Abs(); off > l.cfg.Window {
		return fmt.Errorf("Event-Timestamp is %v off: are the clocks right?", off)
	}
	return nil
}

// believable is until when a request that is believed now would be once more.
func (l *Listener) believable(p *codec.Packet, now time.Time) time.Time {
	if at := sentAt(p); !at.IsZero() {
		return at.Add(l.cfg.Window)
	}
	return now.Add(2 * l.cfg.Window)
}

func (l *Listener) secretOf(from netip.Addr) []byte {
	for _, c := range l.cfg.Clients {
		if c.Addresses.Contains(from) {
			return c.Secret
		}
	}
	return nil
}

func (l *Listener) drop(why string, from netip.AddrPort, err error) {
	l.cfg.Count(why)
	l.cfg.Log.Warn("a RADIUS demand is not believed", "reason", why, "from", from, "error", err)
}

// Answer answers what take took; a cause of 0 acknowledges it.
func (l *Listener) Answer(handle uint64, cause policy.ErrorCause) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer(handle, cause)
}

func (l *Listener) answer(handle uint64, cause policy.ErrorCause) {
	d := l.waiting[handle]
	if d == nil {
		return
	}
	delete(l.waiting, handle)
	packet, err := radiusauth.Encode(d.response(cause))
	if err != nil { // more Proxy-States than there is room for
		l.cfg.Log.Warn("a RADIUS demand is not answered", "error", err)
		return
	}
	d.seen.answer = packet
	if cause == 0 { // counted when the other end hears of it
		l.cfg.Count("acknowledged")
	} else {
		l.cfg.Count(fmt.Sprintf("refused_%d", cause))
	}
	l.write(d.socket, d.to, d.seen)
}

// response has what belongs into each: Proxy-States as they came, and why not (RFC 5176 section 3.6).
func (d *demanded) response(cause policy.ErrorCause) *codec.Packet {
	codes := map[codec.Code][2]codec.Code{
		codec.CodeDisconnectRequest: {codec.CodeDisconnectACK, codec.CodeDisconnectNAK}, codec.CodeCoARequest: {codec.CodeCoAACK, codec.CodeCoANAK},
	}[d.request.Code]
	p := d.request.Response(codes[0])
	if cause != 0 {
		p.Code = codes[1]
		p.Add(rfc3576.ErrorCause_Type, codec.NewInteger(uint32(cause)))
	}
	if d.service && cause != 0 {
		p.Add(rfc2865.ServiceType_Type, codec.NewInteger(uint32(authorizeOnly)))
	}
	for _, a := range d.request.Attributes {
		if a.Type == rfc2865.ProxyState_Type {
			p.Attributes = append(p.Attributes, a)
		}
	}
	radiusauth.Add(p)
	return p
}

// write sends the answer, if there is one yet, from the address that was asked: a server need not know that it is this host's as well.
// Whoever misses it asks again.
func (l *Listener) write(s *ingress.Socket, to ingress.Datagram, answered *seen) {
	if answered.answer == nil {
		return
	}
	if err := s.Answer(to, answered.answer); err != nil {
		l.cfg.Count("answer_not_sent")
		l.cfg.Log.Warn("answer to a RADIUS demand not sent", "to", to.Source(), "error", err)
	}
}
