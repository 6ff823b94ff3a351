package radius

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	codec "layeh.com/radius"

	"netlmm/internal/radiusauth"
	"netlmm/mobility/policy"
)

// workers is how many questions are under way at a time; others wait in the queue.
const workers = 32

// Server is one RADIUS server.
type Server struct {
	Name    string
	Address netip.AddrPort
	Source  netip.Addr // that requests come from, by which the server knows its client; zero: as the kernel chooses
	Secret  []byte
}

// Config is what a client is told.
type Config struct {
	Servers          []Server // in the order in which they are asked, one at least
	NAS              NAS
	Features         policy.Features // of this gateway
	ServiceSelection string

	Timeout  time.Duration // until a request is sent again, doubling
	Retries  int           // how often
	DeadTime time.Duration // how long a server that was silent about two mobile nodes, and heard by nobody meanwhile, is not asked; 0: it is

	Queue int          // questions that wait or are under way
	Log   *slog.Logger // for what may happen with every packet
	Count func(string) // counts by name
}

// Client asks RADIUS servers.
type Client struct {
	cfg      Config
	servers  []*server
	exchange func(context.Context, *server, policy.Query) (*codec.Packet, error) // one server's answer, over UDP
	queue    chan policy.Query
	held     chan policy.Query // that wait for a dead server; half of what is under way at most, so that others have room
	aside    chan policy.Query // to ask a dead server as well, for nobody
}

// New makes a client.
func New(cfg Config) *Client {
	c := &Client{cfg: cfg, queue: make(chan policy.Query, cfg.Queue), held: make(chan policy.Query, cfg.Queue/2), aside: make(chan policy.Query, 1)}
	c.exchange = c.exchangeUDP
	for _, s := range cfg.Servers {
		c.servers = append(c.servers, &server{Server: s})
	}
	return c
}

// Post queues a question without waiting; false: there is no room.
func (c *Client) Post(q policy.Query) bool {
	select {
	case c.queue <- q:
		return true
	default:
		return false
	}
}

// Run asks until ctx ends. Each question that Post took is answered once.
func (c *Client) Run(ctx context.Context, answered func(policy.QueryID, policy.Verdict)) error {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case q := <-c.queue:
					if !c.hold(q) {
						answered(q.ID, c.ask(ctx, q))
					}
				}
			}
		})
	}
	all.Go(func() { c.probe(ctx, answered) })
	all.Wait()
	return nil
}

// ask takes the first living server that answers.
func (c *Client) ask(ctx context.Context, q policy.Query) policy.Verdict {
	if _, due := c.nextDead(time.Now()); due {
		select {
		case c.aside <- q:
		default: // another one is there already
		}
	}
	for _, s := range c.servers {
		if s.isDead() {
			c.cfg.Count("server_skipped")
		} else if v := c.askOne(ctx, s, q); v.Outcome != policy.Silent || ctx.Err() != nil {
			return v
		}
	}
	return policy.Verdict{}
}

// askOne asks one server, and notes whether it lives.
func (c *Client) askOne(ctx context.Context, s *server, q policy.Query) policy.Verdict {
	begun := time.Now()
	answer, err := c.exchange(ctx, s, q)
	switch {
	case err == nil:
		s.answered(time.Now())
		return c.verdict(s, answer)
	case ctx.Err() != nil:
		return policy.Verdict{}
	}
	c.cfg.Count("server_silent")
	if news := s.silent(q.MobileNodeID, begun, c.cfg.DeadTime); news != "" {
		c.cfg.Log.Warn(news, "server", s.Name, "dead_time", c.cfg.DeadTime, "mobile_node", q.MobileNodeID, "error", err)
	}
	return policy.Verdict{}
}

// verdict makes what it can of an answer. An Access-Challenge nobody can meet is an Access-Reject (RFC 2865 section 4.4), and so is an
// Access-Accept that this gateway cannot provide (section 4.2).
func (c *Client) verdict(s *server, answer *codec.Packet) policy.Verdict {
	switch answer.Code {
	case codec.CodeAccessAccept:
		grant, err := readGrant(answer)
		if err == nil {
			c.cfg.Count("accepted")
			return policy.Verdict{Outcome: policy.Accepted, Grant: grant}
		}
		c.cfg.Count("accept_unusable")
		c.cfg.Log.Warn("RADIUS server accepts a mobile node with attributes that nothing can be made of: it is not served", "server", s.Name, "error", err)
	case codec.CodeAccessReject:
		c.cfg.Count("rejected")
	default:
		c.cfg.Count("challenged")
	}
	return policy.Verdict{Outcome: policy.Rejected}
}

var errSilent = errors.New("no answer")

// exchangeUDP sends a request until it is answered, with its first identifier and authenticator: the server knows it again (RFC 5080
// section 2.2.1). Each question has a socket, and with it a source port, of its own.
func (c *Client) exchangeUDP(ctx context.Context, s *server, q policy.Query) (*codec.Packet, error) {
	p, err := c.accessRequest(q, s.Secret)
	if err != nil {
		return nil, err
	}
	request, err := radiusauth.Encode(p)
	if err != nil {
		return nil, err
	}
	var local *net.UDPAddr
	if s.Source.IsValid() {
		local = net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.Source, 0))
	}
	conn, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(s.Address))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	last := errSilent
	for attempt, wait := 0, c.cfg.Timeout; attempt <= c.cfg.Retries; attempt, wait = attempt+1, 2*wait {
		if _, err := conn.Write(request); err != nil {
			last = err // such as port unreachable, of the one before
		} else if attempt > 0 {
			c.cfg.Count("retransmitted")
		} else {
			c.cfg.Count("asked")
		}
		jitter := time.Duration(rand.Int64N(int64(wait)/10 + 1))
		answer, err := c.await(conn, request, s, time.Now().Add(wait+jitter))
		if err == nil {
			return answer, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, last
}

// await reads until an answer fits the request, or the time is over. An error of the socket, such as port unreachable, does not
// shorten the wait: anybody can send one.
func (c *Client) await(conn *net.UDPConn, request []byte, s *server, deadline time.Time) (*codec.Packet, error) {
	if err := conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	for buf := make([]byte, codec.MaxPacketLength); ; {
		n, err := conn.Read(buf)
		var timeout net.Error
		switch {
		case err == nil:
			answer, err := readAnswer(buf[:n], request, s.Secret)
			if err == nil {
				return answer, nil
			}
			c.cfg.Count("answer_dropped")
			c.cfg.Log.Warn("answer of a RADIUS server is not believed", "server", s.Name, "error", err)
		case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, net.ErrClosed):
			return nil, errSilent
		default:
			time.Sleep(min(refusedPause, max(time.Until(deadline), 0)))
		}
	}
}

// refusedPause keeps a stream of ICMP errors from keeping a processor busy.
const refusedPause = 20 * time.Millisecond

// readAnswer checks an answer: its code, its authenticator, and its Message-Authenticator, which must be there.
func readAnswer(datagram, request, secret []byte) (*codec.Packet, error) {
	packet, err := radiusauth.Trim(datagram)
	if err != nil {
		return nil, err
	}
	answers := []codec.Code{codec.CodeAccessAccept, codec.CodeAccessReject, codec.CodeAccessChallenge}
	switch {
	case !slices.Contains(answers, codec.Code(packet[0])):
		return nil, fmt.Errorf("code %d answers no Access-Request", packet[0])
	case packet[1] != request[1]:
		return nil, errors.New("identifier of another request")
	case !codec.IsAuthenticResponse(packet, request, secret):
		return nil, errors.New("wrong Response Authenticator: is the secret the same at both ends?")
	}
	p, err := codec.Parse(packet, secret)
	if err != nil {
		return nil, err
	}
	if present, err := radiusauth.Check(packet, radiusauth.Of(request), secret); err != nil {
		return nil, err
	} else if !present {
		return nil, errors.New("no Message-Authenticator: have the server send one")
	}
	return p, nil
}
