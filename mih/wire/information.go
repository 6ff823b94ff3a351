package wire

import "netlmm/mih"

// GetInformationRequest asks the information service.
type GetInformationRequest struct {
	BinaryQueries   []mih.BinaryQuery
	RDFQueries      []mih.RDFData
	RDFSchemaURL    *bool
	RDFSchemas      []string
	MaximumSize     *uint16 // of the response, octets
	NetworkType     *mih.NetworkType
	Unauthenticated bool // Unauthenticated information request; the header's flag says the same. Without the TLV it is read as false
}

// Information is what the information service says.
type Information struct {
	BinaryAnswers []mih.BinaryAnswer
	RDFAnswers    []mih.RDFData
	RDFSchemaURLs []string
	RDFSchemas    []mih.RDFData
}

// GetInformationResponse answers a GetInformationRequest.
type GetInformationResponse struct {
	Status mih.Status
	Information
}

// PushInformation is what the information service says unasked.
type PushInformation struct{ Information }

func (b *GetInformationRequest) tlvs(c *coder) {
	mayList(c, TLVQueryBinaryDataList, &b.BinaryQueries, leastBinaryQuery, binaryQuery)
	mayList(c, TLVQueryRDFDataList, &b.RDFQueries, leastRDFData, rdfData)
	may(c, TLVQueryRDFSchemaURL, &b.RDFSchemaURL, boolean)
	mayList(c, TLVQueryRDFSchemaList, &b.RDFSchemas, 1, octets)
	may(c, TLVMaximumResponseSize, &b.MaximumSize, uint16s)
	may(c, TLVNetworkType, &b.NetworkType, networkType)
	if c.open(TLVUnauthenticatedInformation, false) {
		boolean(c, &b.Unauthenticated)
		c.shut()
	}
}

func (b *Information) tlvs(c *coder) {
	mayList(c, TLVResponseBinaryDataList, &b.BinaryAnswers, 1, binaryAnswer)
	mayList(c, TLVResponseRDFDataList, &b.RDFAnswers, leastRDFData, rdfData)
	mayList(c, TLVResponseRDFSchemaURLList, &b.RDFSchemaURLs, 1, octets)
	mayList(c, TLVResponseRDFSchemaList, &b.RDFSchemas, leastRDFData, rdfData)
}

func (b *GetInformationResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	b.Information.tlvs(c)
}
