package mihnode

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/transport"
	"netlmm/mih/wire"
)

// operatorPatience is how long an operator waits: longer than a message is repeated for, shorter than netlmmctl waits for its daemon.
const operatorPatience = 8 * time.Second

// discoverFor is MIH_Capability_Discover for an operator.
func (n *Node) discoverFor(ctx context.Context, p daemon.Parameters) (any, error) {
	at, err := endpointFrom(p)
	if err != nil {
		return nil, err
	}
	if n.conn == nil {
		return nil, fmt.Errorf("this MIH Function has no sockets: want mih.listen in its configuration")
	}
	ctx, cancel := context.WithTimeout(ctx, operatorPatience)
	defer cancel()
	id, capabilities, err := n.Discover(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", at.Address, err)
	}
	return api.MIHDiscovery{MIHFID: id, Address: at.Address, Transport: at.Transport.String(), Capabilities: words(capabilities)}, nil
}

func endpointFrom(p daemon.Parameters) (e mihf.Endpoint, err error) {
	address, err := netip.ParseAddr(p.Text("address"))
	port := cmp.Or(p.Int("port"), transport.Port)
	switch {
	case err != nil:
		return e, fmt.Errorf("address %q: want an IPv4 or IPv6 address", p.Text("address"))
	case port < 1 || port > 65535:
		return e, fmt.Errorf("port %d: want 1 to 65535", port)
	}
	e.Address = netip.AddrPortFrom(address.Unmap(), uint16(port))
	switch p.Text("transport") {
	case "", "udp":
	case "tcp":
		e.Transport = mihf.TCP
	default:
		return e, fmt.Errorf("transport %q: want udp or tcp", p.Text("transport"))
	}
	return e, nil
}

// asked are the parameters that an operator is told, where the access point knows them.
var asked = mih.LinkStatusRequest{
	States: mih.AskOperationMode | mih.AskChannel,
	Parameters: []mih.LinkParameterType{mih.Parameter80211RSSI, mih.ParameterSignalStrength, mih.ParameterSINR, mih.ParameterDataRate,
		mih.ParameterThroughput, mih.ParameterPacketErrorRate, mih.ParameterQoSClasses},
}

// units of parameters, where a number alone says little (IEEE 802.21 Annex F.3.4).
var units = map[mih.LinkParameterType]string{
	mih.Parameter80211RSSI: "dBm", mih.ParameterSignalStrength: "dBm", mih.ParameterSINR: "dB", mih.ParameterDataRate: "kb/s",
	mih.ParameterThroughput: "kb/s", mih.ParameterPacketErrorRate: "%",
}

// parametersFor is Link_Get_Parameters for an operator.
func (n *Node) parametersFor(ctx context.Context, p daemon.Parameters) (any, error) {
	link, err := n.linkFrom(ctx, p)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, operatorPatience)
	defer cancel()
	body, err := n.Ask(ctx, mih.MIHFID(p.Text("peer")), wire.LinkGetParametersRequest{Links: []mih.LinkID{link}, Status: asked})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmp.Or(p.Text("peer"), "link SAP"), err)
	}
	answer, ok := body.(wire.LinkGetParametersResponse)
	if !ok {
		return nil, fmt.Errorf("%s answered with another message", p.Text("peer"))
	}
	result := api.MIHParameters{Status: answer.Status.String(), Links: []api.MIHLinkParameters{}}
	for _, l := range answer.Links {
		result.Links = append(result.Links, parametersOf(l))
	}
	return result, nil
}

var linkTypes = map[string]mih.LinkType{"wlan": mih.LinkType80211, "ethernet": mih.LinkTypeEthernet, "wireless": mih.LinkTypeWireless}

// linkFrom reads which link is meant. Of a station that is known here its type is known too.
func (n *Node) linkFrom(ctx context.Context, p daemon.Parameters) (link mih.LinkID, err error) {
	if err := link.Address.UnmarshalText([]byte(p.Text("link"))); err != nil {
		return link, err
	}
	if name := p.Text("type"); name != "" {
		if link.Type = linkTypes[name]; link.Type == 0 {
			return link, fmt.Errorf("type %q: want wlan, ethernet or wireless", name)
		}
		return link, nil
	}
	link.Type = mih.LinkType80211
	err = n.Do(ctx, func(f *mihf.MIHF) {
		for _, l := range f.Links() {
			if l.Station == link.Address || l.PointOfAttachment == link.Address {
				link.Type = l.Type
			}
		}
	})
	return link, err
}

func parametersOf(l mih.LinkStatusOf) api.MIHLinkParameters {
	row := api.MIHLinkParameters{MIHLink: api.MIHLink{Technology: l.Link.Type.String(), Address: l.Link.Address}, Parameters: []api.MIHParameter{}}
	for _, s := range l.Status.States {
		if row.Channel = cmp.Or(s.Channel, row.Channel); s.Channel == nil {
			row.Mode = s.Mode.String()
		}
	}
	for _, p := range l.Status.Parameters {
		value := p.Value
		if p.QoS != nil { // of one value each class has its own, which nobody here asked for, the others one number
			value = int(p.QoS.Classes)
		}
		row.Parameters = append(row.Parameters, api.MIHParameter{Name: p.Type.String(), Value: value, Unit: units[p.Type]})
	}
	return row
}
