package wire

import "netlmm/mih"

const (
	leastBinaryQuery        = 6
	leastRDFData            = 2
	leastInformationElement = 4 + 1
)

// binaryQuery is IQ_BIN_DATA.
func binaryQuery(c *coder, v *mih.BinaryQuery) {
	orNull(c, &v.Location, querierLocation)
	orNull(c, &v.NetworkTypes, bitmap32)
	listOrNull(c, &v.Networks, 1, octets)
	listOrNull(c, &v.Template, 4, uint32s)
	orNull(c, &v.Limit, reportLimit)
	orNull(c, &v.Currency, func(c *coder, code *[3]byte) { fixed(c, code[:]) })
}

// querierLocation is QUERIER_LOC.
func querierLocation(c *coder, v *mih.QuerierLocation) {
	orNull(c, &v.Location, location)
	linkAddressOrNull(c, &v.Link)
	orNull(c, &v.Radius, uint32s)
}

// locations are the selectors of LOCATION, which is a CHOICE of two CHOICEs of two and of CELL_ID.
var locations = map[mih.LocationKind][2]uint8{
	mih.LocationCivicBinary: {0, 0}, mih.LocationCivicXML: {0, 1}, mih.LocationGeoBinary: {1, 0}, mih.LocationGeoXML: {1, 1}, mih.LocationCell: {2, 0},
}

func location(c *coder, v *mih.Location) {
	selectors, known := locations[v.Kind]
	if c.encoding && !known {
		c.fail(0, "location of kind %d", v.Kind)
		return
	}
	if c.choice(&selectors[0], 3); selectors[0] != 2 {
		c.choice(&selectors[1], 2)
	}
	if !c.encoding {
		for kind, s := range locations {
			if s == selectors {
				v.Kind = kind
			}
		}
	}
	switch v.Kind {
	case mih.LocationCivicBinary:
		c.civicLocation(&v.Octets)
	case mih.LocationGeoBinary:
		c.exactly(16, &v.Octets)
	case mih.LocationCell:
		c.exactly(4, &v.Octets)
	default:
		octets(c, &v.Octets)
	}
}

// exactly is OCTET(n).
func (c *coder) exactly(n int, v *string) {
	switch {
	case !c.encoding:
		*v = string(c.take(n))
	case len(*v) != n:
		c.fail(0, "%d octets, want %d", len(*v), n)
	default:
		c.buf = append(c.buf, *v...)
	}
}

// civicLocation is BIN_CIVIC_LOC: a country code and an address.
func (c *coder) civicLocation(v *string) {
	var country, address string
	if c.encoding {
		if len(*v) < 2 {
			c.fail(0, "location without a country code")
			return
		}
		country, address = (*v)[:2], (*v)[2:]
	}
	c.exactly(2, &country)
	if octets(c, &address); !c.encoding {
		*v = country + address
	}
}

// reportLimit is RPT_LIMIT.
func reportLimit(c *coder, v *mih.ReportLimit) {
	uint16s(c, &v.Maximum)
	uint16s(c, &v.Start)
}

// rdfData is IQ_RDF_DATA, IR_RDF_DATA and IR_RDF_SCHEMA.
func rdfData(c *coder, v *mih.RDFData) {
	orNull(c, &v.MIMEType, octets)
	octets(c, &v.Data)
}

// binaryAnswer is IR_BIN_DATA: a list of information elements, which are TLVs with a type of four octets.
func binaryAnswer(c *coder, v *mih.BinaryAnswer) {
	elements := []mih.InformationElement(*v)
	if listOf(c, &elements, leastInformationElement, informationElement); !c.encoding {
		*v = elements
	}
}

func informationElement(c *coder, v *mih.InformationElement) {
	uint32s(c, &v.Type)
	octets(c, &v.Value)
}
