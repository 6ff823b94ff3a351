package radius

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	codec "layeh.com/radius"

	"netlmm/internal/ingress"
)

const (
	tickInterval = 250 * time.Millisecond
	queueLength  = 64 // datagrams between socket and server; the system's buffer is before it
)

// listenOnce serves until a socket fails or ctx ends.
func (a *Adapter) listenOnce(ctx context.Context, s *server) error {
	l := loop{requests: make(chan ingress.Datagram, queueLength), answers: make(chan []byte, queueLength), failed: make(chan error, 2), done: make(chan struct{})}
	defer l.readers.Wait()
	clients, err := ingress.Listen(a.cfg.Listen, codec.MaxPacketLength)
	if err != nil {
		return fmt.Errorf("%w; is another RADIUS server on this port, or the right to bind it missing?", err)
	}
	defer clients.Close()
	s.send = func(to ingress.Datagram, packet []byte) {
		if err := clients.Answer(to, packet); err != nil {
			a.counters.Count("send_errors") // it is asked again
		}
	}
	if f := s.forward; f != nil {
		upstream, err := a.upstream(f)
		if err != nil {
			return err
		}
		defer upstream.Close()
		l.readers.Go(func() { l.readAnswers(upstream, f.cfg.Server) })
	}
	l.readers.Go(func() { l.readRequests(clients) })
	defer close(l.done)
	a.socket.Opened(clients.LocalAddress())
	return l.serve(ctx, s)
}

// upstream opens the socket towards the other server. It is not connected, so that no network that is down for a while breaks it.
func (a *Adapter) upstream(f *forwarder) (*net.UDPConn, error) {
	network := "udp4"
	if f.cfg.Server.Addr().Is6() {
		network = "udp6"
	}
	conn, err := net.ListenUDP(network, nil)
	if err != nil {
		return nil, err
	}
	f.send = func(packet []byte) {
		if _, err := conn.WriteToUDPAddrPort(packet, f.cfg.Server); err != nil {
			a.counters.Count("forward_send_errors") // it is sent again
		}
	}
	return conn, nil
}

// loop connects the sockets with the server.
type loop struct {
	requests chan ingress.Datagram
	answers  chan []byte
	failed   chan error // has room for every reader
	done     chan struct{}
	readers  sync.WaitGroup
}

func (l *loop) readRequests(s *ingress.Socket) {
	for {
		d, err := s.Read()
		if err != nil {
			l.failed <- err
			return
		}
		d.Payload = bytes.Clone(d.Payload)
		select {
		case l.requests <- d:
		case <-l.done:
			return
		}
	}
}

func (l *loop) readAnswers(conn *net.UDPConn, server netip.AddrPort) {
	for buf := make([]byte, codec.MaxPacketLength); ; {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			l.failed <- err
			return
		}
		if from != server {
			continue
		}
		select {
		case l.answers <- bytes.Clone(buf[:n]):
		case <-l.done:
			return
		}
	}
}

// serve gives the server what comes, one after another.
func (l *loop) serve(ctx context.Context, s *server) error {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-l.failed:
			return err
		case d := <-l.requests:
			s.receive(time.Now(), d)
		case packet := <-l.answers:
			s.forwarded(time.Now(), packet)
		case <-ticker.C:
			s.tick(time.Now())
		}
	}
}
