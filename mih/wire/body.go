package wire

// The identifiers of the bodies.
func (CapabilityDiscoverRequest) MessageID() MessageID      { return IDCapabilityDiscoverRequest }
func (CapabilityDiscoverResponse) MessageID() MessageID     { return IDCapabilityDiscoverResponse }
func (RegisterRequest) MessageID() MessageID                { return IDRegisterRequest }
func (RegisterResponse) MessageID() MessageID               { return IDRegisterResponse }
func (DeRegisterRequest) MessageID() MessageID              { return IDDeRegisterRequest }
func (DeRegisterResponse) MessageID() MessageID             { return IDDeRegisterResponse }
func (EventSubscribeRequest) MessageID() MessageID          { return IDEventSubscribeRequest }
func (EventSubscribeResponse) MessageID() MessageID         { return IDEventSubscribeResponse }
func (EventUnsubscribeRequest) MessageID() MessageID        { return IDEventUnsubscribeRequest }
func (EventUnsubscribeResponse) MessageID() MessageID       { return IDEventUnsubscribeResponse }
func (LinkDetected) MessageID() MessageID                   { return IDLinkDetected }
func (LinkUp) MessageID() MessageID                         { return IDLinkUp }
func (LinkDown) MessageID() MessageID                       { return IDLinkDown }
func (LinkParametersReport) MessageID() MessageID           { return IDLinkParametersReport }
func (LinkGoingDown) MessageID() MessageID                  { return IDLinkGoingDown }
func (LinkHandoverImminent) MessageID() MessageID           { return IDLinkHandoverImminent }
func (LinkHandoverComplete) MessageID() MessageID           { return IDLinkHandoverComplete }
func (LinkGetParametersRequest) MessageID() MessageID       { return IDLinkGetParametersRequest }
func (LinkGetParametersResponse) MessageID() MessageID      { return IDLinkGetParametersResponse }
func (LinkConfigureThresholdsRequest) MessageID() MessageID { return IDLinkConfigureThresholdsRequest }
func (LinkConfigureThresholdsResponse) MessageID() MessageID {
	return IDLinkConfigureThresholdsResponse
}
func (LinkActionsRequest) MessageID() MessageID          { return IDLinkActionsRequest }
func (LinkActionsResponse) MessageID() MessageID         { return IDLinkActionsResponse }
func (NetHOCandidateQueryRequest) MessageID() MessageID  { return IDNetHOCandidateQueryRequest }
func (NetHOCandidateQueryResponse) MessageID() MessageID { return IDNetHOCandidateQueryResponse }
func (MNHOCandidateQueryRequest) MessageID() MessageID   { return IDMNHOCandidateQueryRequest }
func (MNHOCandidateQueryResponse) MessageID() MessageID  { return IDMNHOCandidateQueryResponse }
func (N2NHOQueryResourcesRequest) MessageID() MessageID  { return IDN2NHOQueryResourcesRequest }
func (N2NHOQueryResourcesResponse) MessageID() MessageID { return IDN2NHOQueryResourcesResponse }
func (MNHOCommitRequest) MessageID() MessageID           { return IDMNHOCommitRequest }
func (MNHOCommitResponse) MessageID() MessageID          { return IDMNHOCommitResponse }
func (NetHOCommitRequest) MessageID() MessageID          { return IDNetHOCommitRequest }
func (NetHOCommitResponse) MessageID() MessageID         { return IDNetHOCommitResponse }
func (N2NHOCommitRequest) MessageID() MessageID          { return IDN2NHOCommitRequest }
func (N2NHOCommitResponse) MessageID() MessageID         { return IDN2NHOCommitResponse }
func (MNHOCompleteRequest) MessageID() MessageID         { return IDMNHOCompleteRequest }
func (MNHOCompleteResponse) MessageID() MessageID        { return IDMNHOCompleteResponse }
func (N2NHOCompleteRequest) MessageID() MessageID        { return IDN2NHOCompleteRequest }
func (N2NHOCompleteResponse) MessageID() MessageID       { return IDN2NHOCompleteResponse }
func (GetInformationRequest) MessageID() MessageID       { return IDGetInformationRequest }
func (GetInformationResponse) MessageID() MessageID      { return IDGetInformationResponse }
func (PushInformation) MessageID() MessageID             { return IDPushInformation }
func (UnknownBody) MessageID() MessageID                 { return 0 }

func (b CapabilityDiscoverRequest) encode(c *coder)       { b.tlvs(c) }
func (b CapabilityDiscoverResponse) encode(c *coder)      { b.tlvs(c) }
func (b RegisterRequest) encode(c *coder)                 { b.tlvs(c) }
func (b RegisterResponse) encode(c *coder)                { b.tlvs(c) }
func (b DeRegisterRequest) encode(c *coder)               { b.tlvs(c) }
func (b DeRegisterResponse) encode(c *coder)              { b.tlvs(c) }
func (b EventSubscribeRequest) encode(c *coder)           { b.tlvs(c) }
func (b EventSubscribeResponse) encode(c *coder)          { b.tlvs(c) }
func (b EventUnsubscribeRequest) encode(c *coder)         { b.tlvs(c) }
func (b EventUnsubscribeResponse) encode(c *coder)        { b.tlvs(c) }
func (b LinkDetected) encode(c *coder)                    { b.tlvs(c) }
func (b LinkUp) encode(c *coder)                          { b.tlvs(c) }
func (b LinkDown) encode(c *coder)                        { b.tlvs(c) }
func (b LinkParametersReport) encode(c *coder)            { b.tlvs(c) }
func (b LinkGoingDown) encode(c *coder)                   { b.tlvs(c) }
func (b LinkHandoverImminent) encode(c *coder)            { b.tlvs(c) }
func (b LinkHandoverComplete) encode(c *coder)            { b.tlvs(c) }
func (b LinkGetParametersRequest) encode(c *coder)        { b.tlvs(c) }
func (b LinkGetParametersResponse) encode(c *coder)       { b.tlvs(c) }
func (b LinkConfigureThresholdsRequest) encode(c *coder)  { b.tlvs(c) }
func (b LinkConfigureThresholdsResponse) encode(c *coder) { b.tlvs(c) }
func (b LinkActionsRequest) encode(c *coder)              { b.tlvs(c) }
func (b LinkActionsResponse) encode(c *coder)             { b.tlvs(c) }
func (b NetHOCandidateQueryRequest) encode(c *coder)      { b.tlvs(c) }
func (b NetHOCandidateQueryResponse) encode(c *coder)     { b.tlvs(c) }
func (b MNHOCandidateQueryRequest) encode(c *coder)       { b.tlvs(c) }
func (b MNHOCandidateQueryResponse) encode(c *coder)      { b.tlvs(c) }
func (b N2NHOQueryResourcesRequest) encode(c *coder)      { b.tlvs(c) }
func (b N2NHOQueryResourcesResponse) encode(c *coder)     { b.tlvs(c) }
func (b MNHOCommitRequest) encode(c *coder)               { b.tlvs(c) }
func (b MNHOCommitResponse) encode(c *coder)              { b.tlvs(c) }
func (b NetHOCommitRequest) encode(c *coder)              { b.tlvs(c) }
func (b NetHOCommitResponse) encode(c *coder)             { b.tlvs(c) }
func (b N2NHOCommitRequest) encode(c *coder)              { b.tlvs(c) }
func (b N2NHOCommitResponse) encode(c *coder)             { b.tlvs(c) }
func (b MNHOCompleteRequest) encode(c *coder)             { b.tlvs(c) }
func (b MNHOCompleteResponse) encode(c *coder)            { b.tlvs(c) }
func (b N2NHOCompleteRequest) encode(c *coder)            { b.tlvs(c) }
func (b N2NHOCompleteResponse) encode(c *coder)           { b.tlvs(c) }
func (b GetInformationRequest) encode(c *coder)           { b.tlvs(c) }
func (b GetInformationResponse) encode(c *coder)          { b.tlvs(c) }
func (b PushInformation) encode(c *coder)                 { b.tlvs(c) }
func (b UnknownBody) encode(c *coder)                     { c.raw(b.TLVs) }

// decoders read the bodies.
var decoders = map[MessageID]func(*coder) Body{
	IDCapabilityDiscoverRequest:       decode[CapabilityDiscoverRequest],
	IDCapabilityDiscoverResponse:      decode[CapabilityDiscoverResponse],
	IDRegisterRequest:                 decode[RegisterRequest],
	IDRegisterResponse:                decode[RegisterResponse],
	IDDeRegisterRequest:               decode[DeRegisterRequest],
	IDDeRegisterResponse:              decode[DeRegisterResponse],
	IDEventSubscribeRequest:           decode[EventSubscribeRequest],
	IDEventSubscribeResponse:          decode[EventSubscribeResponse],
	IDEventUnsubscribeRequest:         decode[EventUnsubscribeRequest],
	IDEventUnsubscribeResponse:        decode[EventUnsubscribeResponse],
	IDLinkDetected:                    decode[LinkDetected],
	IDLinkUp:                          decode[LinkUp],
	IDLinkDown:                        decode[LinkDown],
	IDLinkParametersReport:            decode[LinkParametersReport],
	IDLinkGoingDown:                   decode[LinkGoingDown],
	IDLinkHandoverImminent:            decode[LinkHandoverImminent],
	IDLinkHandoverComplete:            decode[LinkHandoverComplete],
	IDLinkGetParametersRequest:        decode[LinkGetParametersRequest],
	IDLinkGetParametersResponse:       decode[LinkGetParametersResponse],
	IDLinkConfigureThresholdsRequest:  decode[LinkConfigureThresholdsRequest],
	IDLinkConfigureThresholdsResponse: decode[LinkConfigureThresholdsResponse],
	IDLinkActionsRequest:              decode[LinkActionsRequest],
	IDLinkActionsResponse:             decode[LinkActionsResponse],
	IDNetHOCandidateQueryRequest:      decode[NetHOCandidateQueryRequest],
	IDNetHOCandidateQueryResponse:     decode[NetHOCandidateQueryResponse],
	IDMNHOCandidateQueryRequest:       decode[MNHOCandidateQueryRequest],
	IDMNHOCandidateQueryResponse:      decode[MNHOCandidateQueryResponse],
	IDN2NHOQueryResourcesRequest:      decode[N2NHOQueryResourcesRequest],
	IDN2NHOQueryResourcesResponse:     decode[N2NHOQueryResourcesResponse],
	IDMNHOCommitRequest:               decode[MNHOCommitRequest],
	IDMNHOCommitResponse:              decode[MNHOCommitResponse],
	IDNetHOCommitRequest:              decode[NetHOCommitRequest],
	IDNetHOCommitResponse:             decode[NetHOCommitResponse],
	IDN2NHOCommitRequest:              decode[N2NHOCommitRequest],
	IDN2NHOCommitResponse:             decode[N2NHOCommitResponse],
	IDMNHOCompleteRequest:             decode[MNHOCompleteRequest],
	IDMNHOCompleteResponse:            decode[MNHOCompleteResponse],
	IDN2NHOCompleteRequest:            decode[N2NHOCompleteRequest],
	IDN2NHOCompleteResponse:           decode[N2NHOCompleteResponse],
	IDGetInformationRequest:           decode[GetInformationRequest],
	IDGetInformationResponse:          decode[GetInformationResponse],
	IDPushInformation:                 decode[PushInformation],
}

// decode reads a body, which is a value in the interface.
func decode[T Body, P interface {
	*T
	tlvs(*coder)
}](c *coder) Body {
	var body T
	P(&body).tlvs(c)
	return body
}
