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
	Unauthenticated bool // Unauthenticated information request; the header's flag says the same
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
