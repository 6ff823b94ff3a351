package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"netlmm/mih/transport"
	"netlmm/mih/transport/mos"
)

// Offer is what a DHCP server has said of mobility services.
type Offer struct {
	Addresses []mos.List[netip.Addr]
	Names     []mos.List[string]
	Search    []string // the domains of this network (RFC 3397, RFC 3646)
}

// Servers are those of a service whose addresses were given. Such a server has both protocols, at their usual port.
func (o Offer) Servers(service mos.Service) (servers []Server) {
	for _, address := range ofService(o.Addresses, service) {
		for _, protocol := range preferred(service) {
			servers = append(servers, Server{Service: service, Protocol: protocol, Addr: netip.AddrPortFrom(address, transport.Port)})
		}
	}
	return servers
}

// Domains are those in which a service may be looked up: the ones given for it, or else this network's (RFC 5679 section 2).
func (o Offer) Domains(service mos.Service) []string {
	if names := ofService(o.Names, service); len(names) > 0 {
		return names
	}
	return o.Search
}

func ofService[T any](lists []mos.List[T], service mos.Service) (values []T) {
	for _, list := range lists {
		if list.Service == service {
			values = append(values, list.Values...)
		}
	}
	return values
}

// says reports whether the server knows of any mobility service.
func (o Offer) says() bool { return len(o.Addresses)+len(o.Names) > 0 }

const (
	firstRetry       = time.Second // RFC 8415 section 7.6: INF_TIMEOUT; that of RFC 2131 section 4.1 is longer
	lastRetry        = 30 * time.Second
	maximumDHCP      = 1 << 16
	maximumSearch    = 6
	patienceForOther = time.Second // for an answer that says more
)

// ErrNoServices says that a DHCP server answered and knows of no mobility services; of domains it may.
var ErrNoServices = errors.New("the DHCP server names no mobility services")

// exchange sends a request, again and again until an answer comes or ctx ends. Of several answers it takes the first that speaks
// of mobility services.
func exchange(ctx context.Context, conn *net.UDPConn, to netip.AddrPort, request func(elapsed time.Duration) []byte, read func([]byte) (Offer, bool)) (Offer, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	start, buffer := time.Now(), make([]byte, maximumDHCP)
	for retry := firstRetry; ; retry = min(2*retry, lastRetry) {
		if _, err := conn.WriteToUDPAddrPort(request(time.Since(start)), to); err != nil {
			return Offer{}, err
		}
		if offer, answered := listen(ctx, conn, buffer, retry, read); answered && !offer.says() {
			return offer, ErrNoServices
		} else if answered {
			return offer, nil
		}
		if ctx.Err() != nil {
			return Offer{}, fmt.Errorf("no DHCP server answers: %w", ctx.Err())
		}
	}
}

// listen reads answers for so long, and a moment longer after one that says nothing.
func listen(ctx context.Context, conn *net.UDPConn, buffer []byte, within time.Duration, read func([]byte) (Offer, bool)) (offer Offer, answered bool) {
	_ = conn.SetReadDeadline(time.Now().Add(within))
	for ctx.Err() == nil {
		n, _, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return offer, answered
		}
		got, meant := read(buffer[:n])
		switch {
		case !meant:
		case got.says():
			return got, true
		case !answered:
			offer, answered = got, true
			_ = conn.SetReadDeadline(time.Now().Add(min(within, patienceForOther)))
		}
	}
	return offer, answered
}

// searchList reads domain names as the search options have them, compressed or not. What is wrong is left out.
func searchList(option []byte) (domains []string) {
	for offset := 0; offset < len(option) && len(domains) < maximumSearch; {
		name, next, err := dns.UnpackDomainName(option, offset)
		if err != nil || next <= offset {
			return domains
		}
		if name = hostName(name); name != "" && !slices.Contains(domains, name) && !strings.Contains(name, `\`) {
			domains = append(domains, name)
		}
		offset = next
	}
	return domains
}

// openClient opens a DHCP client's socket on the link; another client of this host may have one too.
func openClient(ctx context.Context, link string, at netip.AddrPort) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (failed error) {
		err := raw.Control(func(fd uintptr) {
			failed = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
				unix.BindToDevice(int(fd), link),
			)
		})
		return errors.Join(err, failed)
	}}
	network := "udp6"
	if at.Addr().Is4() {
		network = "udp4"
	}
	conn, err := config.ListenPacket(ctx, network, at.String())
	if err != nil {
		return nil, fmt.Errorf("open the DHCP client's port: %w (run as root; does another client hold it? see `ss -lup`)", err)
	}
	return conn.(*net.UDPConn), nil
}

// addressOn is an address of the link that fits.
func addressOn(link *net.Interface, fits func(netip.Addr) bool) (netip.Addr, error) {
	list, err := link.Addrs()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, one := range list {
		if prefix, err := netip.ParsePrefix(one.String()); err == nil && fits(prefix.Addr()) {
			return prefix.Addr(), nil
		}
	}
	return netip.Addr{}, errors.New("it has no address to ask from")
}
