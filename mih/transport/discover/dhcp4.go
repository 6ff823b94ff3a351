package discover

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"netlmm/mih/transport/mos"
)

const (
	client4, server4 = 68, 67
	searchOption4    = 119 // RFC 3397
)

// DHCPv4 asks the servers on a link for mobility services with an INFORM (RFC 2131 section 3.4, RFC 5678 section 6.1). The link
// must have an IPv4 address. An error is ErrNoServices (the Offer may have domains nevertheless), or tells why there is no answer.
func DHCPv4(ctx context.Context, link string) (Offer, error) {
	offer, err := askDHCPv4(ctx, link)
	if err != nil {
		return offer, fmt.Errorf("ask for mobility services by DHCPv4 on %s: %w", link, err)
	}
	return offer, nil
}

func askDHCPv4(ctx context.Context, name string) (Offer, error) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return Offer{}, err
	}
	address, err := addressOn(link, func(a netip.Addr) bool { return a.Is4() && a.IsGlobalUnicast() })
	if err != nil {
		return Offer{}, err
	}
	request, err := dhcpv4.NewInform(link.HardwareAddr, address.AsSlice(), dhcpv4.WithRequestedOptions(
		dhcpv4.GenericOptionCode(mos.OptionIPv4Address), dhcpv4.GenericOptionCode(mos.OptionIPv4FQDN), dhcpv4.GenericOptionCode(searchOption4)))
	if err != nil {
		return Offer{}, err
	}
	conn, err := openClient(ctx, name, netip.AddrPortFrom(address, client4))
	if err != nil {
		return Offer{}, err
	}
	defer conn.Close()
	octets := func(elapsed time.Duration) []byte {
		request.NumSeconds = uint16(min(elapsed/time.Second, 1<<16-1))
		return request.ToBytes()
	}
	return exchange(ctx, conn, netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), server4), octets, func(answer []byte) (Offer, bool) {
		return offer4(answer, request)
	})
}

// offer4 reads what may be the answer to our request. An option that is wrong is as if it were not there.
func offer4(octets []byte, request *dhcpv4.DHCPv4) (offer Offer, meant bool) {
	answer, err := dhcpv4.FromBytes(octets)
	if err != nil || answer.OpCode != dhcpv4.OpcodeBootReply || answer.MessageType() != dhcpv4.MessageTypeAck ||
		answer.TransactionID != request.TransactionID || !bytes.Equal(answer.ClientHWAddr, request.ClientHWAddr) {
		return Offer{}, false
	}
	offer.Addresses, _ = mos.ParseAddresses(mos.DHCPv4, answer.Options.Get(dhcpv4.GenericOptionCode(mos.OptionIPv4Address)))
	offer.Names, _ = mos.ParseNames(mos.DHCPv4, answer.Options.Get(dhcpv4.GenericOptionCode(mos.OptionIPv4FQDN)))
	offer.Search = searchList(answer.Options.Get(dhcpv4.GenericOptionCode(searchOption4)))
	return offer, true
}
