package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/miekg/dns"
)

const (
	maximumQueries = 40 // of one Lookup
	maximumServers = 64 // that one Lookup finds

	answerSize = 1232 // of a datagram that no path cuts
)

// Resolver looks MIH Functions up in the DNS. It asks recursive servers, and keeps nothing.
type Resolver struct {
	Servers  []netip.AddrPort // in this order
	Timeout  time.Duration    // for one answer of one server; 2 s
	Attempts int              // rounds of all servers; 2
}

// System is a resolver with the servers of this host, as /etc/resolv.conf (or another file of its kind) names them.
func System(file string) (*Resolver, error) {
	config, err := dns.ClientConfigFromFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the name servers: %w", err)
	}
	r := &Resolver{}
	for _, server := range config.Servers {
		address, err := netip.ParseAddr(server)
		if err != nil {
			return nil, fmt.Errorf("read the name servers: %s: %w", file, err)
		}
		port, err := strconv.ParseUint(config.Port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("read the name servers: %s: %w", file, err)
		}
		r.Servers = append(r.Servers, netip.AddrPortFrom(address, uint16(port)))
	}
	if len(r.Servers) == 0 {
		return nil, fmt.Errorf("read the name servers: %s names none", file)
	}
	return r, nil
}

// errBudget says that one Lookup would take too many questions: the domain is not what it should be.
var errBudget = errors.New("the answers lead to too many further questions")

// query asks one question of whatever server answers it. The answer may be that there is nothing of the kind.
func (l *lookup) query(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	if l.questions++; l.questions > maximumQueries {
		return nil, errBudget
	}
	question := new(dns.Msg)
	question.SetQuestion(name, kind)
	question.SetEdns0(answerSize, false)
	attempts := l.resolver.Attempts
	if attempts <= 0 {
		attempts = 2
	}
	failed := errors.New("no name server is configured")
	for range attempts {
		for _, server := range l.resolver.Servers {
			answer, err := l.resolver.ask(ctx, server, question)
			if err == nil {
				return answer, nil
			}
			failed = fmt.Errorf("name server %s: %w", server, err)
			if ctx.Err() != nil {
				return nil, failed
			}
		}
	}
	return nil, failed
}

// ask asks one server, over TCP if the answer is too long for a datagram.
func (r *Resolver) ask(ctx context.Context, server netip.AddrPort, question *dns.Msg) (*dns.Msg, error) {
	answer, err := r.exchange(ctx, "udp", server, question)
	if err == nil && answer.Truncated {
		answer, err = r.exchange(ctx, "tcp", server, question)
	}
	switch {
	case err != nil:
		return nil, err
	case answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError:
		return nil, fmt.Errorf("it says %s", dns.RcodeToString[answer.Rcode])
	}
	return answer, nil
}

func (r *Resolver) exchange(ctx context.Context, network string, server netip.AddrPort, question *dns.Msg) (*dns.Msg, error) {
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = 2 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, server.String()) // over UDP, from a port that is hard to guess
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c := &dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize} // some send more than they were asked to
	question = question.Copy()
	question.Id = dns.Id()
	if err := c.WriteMsg(question); err != nil {
		return nil, err
	}
	for {
		answer, err := c.ReadMsg()
		var broken *net.OpError
		switch {
		case err == nil && answers(question, answer):
			return answer, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &broken), network == "tcp" && err != nil:
			return nil, err
		case network == "tcp":
			return nil, errors.New("it answers another question")
		}
		// Somebody tries to be quicker than the server (RFC 5452 section 3).
	}
}

// answers says whether a message is the answer to this question and to no other (RFC 5452 section 9.1).
func answers(question, answer *dns.Msg) bool {
	if !answer.Response || answer.Id != question.Id || answer.Opcode != dns.OpcodeQuery || len(answer.Question) != 1 {
		return false
	}
	asked, got := question.Question[0], answer.Question[0]
	return asked.Qtype == got.Qtype && asked.Qclass == got.Qclass && dns.CanonicalName(asked.Name) == dns.CanonicalName(got.Name)
}
