package configs

import (
	"fmt"
	"net/netip"
	"slices"

	"netlmm/mih"
)

// Information is what an information server knows beforehand (IEEE 802.21 section 6.5): the points of attachment of a domain, and
// who serves them.
type Information struct {
	Gateways           []InformationGateway
	PointsOfAttachment []PointOfAttachment
}

// InformationGateway is a gateway that points of attachment have.
type InformationGateway struct {
	Name    string
	MIHFID  mih.MIHFID // "": not told
	Address netip.Addr // its Proxy-CoA; zero: not told
}

// Serves says whether there is an information server.
func (i Information) Serves() bool { return len(i.Gateways)+len(i.PointsOfAttachment) > 0 }

type (
	rawInformation struct {
		Gateways           []rawInformationGateway `mapstructure:"gateways"`
		PointsOfAttachment []rawPointOfAttachment  `mapstructure:"points_of_attachment"`
	}
	rawInformationGateway struct {
		Name    string `mapstructure:"name"`
		MIHFID  string `mapstructure:"mihf_id"`
		Address string `mapstructure:"address"`
	}
)

func (p *problems) information(raw rawInformation) (i Information) {
	var names []string
	for k, rawGateway := range raw.Gateways {
		at := fmt.Sprintf("information.gateways[%d]", k)
		g := p.informationGateway(at, rawGateway)
		if g.Name != "" && slices.Contains(names, g.Name) {
			p.add(at+".name", g.Name, "stands twice: want a name of its own for each gateway")
		}
		names = append(names, g.Name)
		i.Gateways = append(i.Gateways, g)
	}
	i.PointsOfAttachment = p.pointsOfAttachment("information.points_of_attachment", raw.PointsOfAttachment, "information.gateways, or nothing where none is known", names)
	return i
}

func (p *problems) informationGateway(at string, raw rawInformationGateway) InformationGateway {
	g := InformationGateway{Name: p.notLonger(at+".name", p.required(at+".name", raw.Name, "a name that points of attachment have it by, such as mag1"), longestMIHFID)}
	if raw.MIHFID != "" {
		g.MIHFID = p.mihfID(at+".mihf_id", raw.MIHFID)
	}
	if raw.Address != "" {
		g.Address = p.transportAddress(at+".address", raw.Address)
	}
	if raw.MIHFID == "" && raw.Address == "" {
		p.add(at, "", "has neither mihf_id nor address: want at least one, or nobody can hand over to it")
	}
	return g
}
