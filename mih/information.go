package mih

// BinaryQuery is IQ_BIN_DATA: one query of the information service for information elements. What is absent does not restrict.
type BinaryQuery struct {
	Location     *QuerierLocation `json:"location,omitempty"`
	NetworkTypes *NetworkTypeSet  `json:"network_types,omitempty"` // NET_TYPE_INC
	Networks     []string         `json:"networks,omitempty"`      // NETWK_INC: NETWORK_IDs
	Template     []ElementType    `json:"template,omitempty"`      // RPT_TEMPL: types of the elements to report
	Limit        *ReportLimit     `json:"limit,omitempty"`
	Currency     *[3]byte         `json:"currency,omitempty"` // ISO 4217
}

// QuerierLocation is QUERIER_LOC: where the answer is to be about.
type QuerierLocation struct {
	Location *Location   `json:"location,omitempty"`
	Link     LinkAddress `json:"link,omitzero"`    // of a point of attachment nearby; zero: not said
	Radius   *uint32     `json:"radius,omitempty"` // NGHB_RADIUS, metres
}

// ReportLimit is RPT_LIMIT.
type ReportLimit struct {
	Maximum uint16 `json:"maximum"` // information elements
	Start   uint16 `json:"start"`   // at which entry to begin
}

// RDFData is IQ_RDF_DATA, IR_RDF_DATA and IR_RDF_SCHEMA: a query, its answer, or a schema.
type RDFData struct {
	MIMEType *string `json:"mime_type,omitempty"`
	Data     string  `json:"data"`
}

// LocationKind is the choice of LOCATION.
type LocationKind uint8

// Kinds of locations.
const (
	LocationCivicBinary LocationKind = iota + 1 // country code (2 octets), RFC 4776 elements
	LocationCivicXML                            // RFC 4119
	LocationGeoBinary                           // RFC 3825, 16 octets
	LocationGeoXML                              // RFC 4119
	LocationCell                                // cell identity, 4 octets
)

// String names the kind.
func (k LocationKind) String() string {
	return nameOf("kind", uint8(k), "", "civic", "civic_xml", "geographic", "geographic_xml", "cell")
}

// Location is LOCATION, its octets as they are.
type Location struct {
	Kind   LocationKind `json:"kind"`
	Octets string       `json:"octets"`
}

// NetworkTypeSet is NET_TYPE_INC: a set of technologies.
type NetworkTypeSet uint32

// Technologies of NET_TYPE_INC.
const (
	NetworksGSM NetworkTypeSet = 1 << iota
	NetworksGPRS
	NetworksEDGE
	NetworksEthernet
	NetworksWireless // other
	Networks80211
	NetworksCDMA2000
	NetworksUMTS
	NetworksHRPD
	Networks80216
	Networks80220
	Networks80222
)
