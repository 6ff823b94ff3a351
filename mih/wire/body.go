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
func (LinkUp) MessageID() MessageID                         { return IDLinkUp }
func (LinkDown) MessageID() MessageID                       { return IDLinkDown }
func (LinkGoingDown) MessageID() MessageID                  { return IDLinkGoingDown }
func (LinkParametersReport) MessageID() MessageID           { return IDLinkParametersReport }
func (LinkHandoverImminent) MessageID() MessageID           { return IDLinkHandoverImminent }
func (LinkHandoverComplete) MessageID() MessageID           { return IDLinkHandoverComplete }
func (LinkDetected) MessageID() MessageID                   { return IDLinkDetected }
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

func (CapabilityDiscoverRequest) sealed()       {}
func (CapabilityDiscoverResponse) sealed()      {}
func (RegisterRequest) sealed()                 {}
func (RegisterResponse) sealed()                {}
func (DeRegisterRequest) sealed()               {}
func (DeRegisterResponse) sealed()              {}
func (EventSubscribeRequest) sealed()           {}
func (EventSubscribeResponse) sealed()          {}
func (EventUnsubscribeRequest) sealed()         {}
func (EventUnsubscribeResponse) sealed()        {}
func (LinkUp) sealed()                          {}
func (LinkDown) sealed()                        {}
func (LinkGoingDown) sealed()                   {}
func (LinkParametersReport) sealed()            {}
func (LinkHandoverImminent) sealed()            {}
func (LinkHandoverComplete) sealed()            {}
func (LinkDetected) sealed()                    {}
func (LinkGetParametersRequest) sealed()        {}
func (LinkGetParametersResponse) sealed()       {}
func (LinkConfigureThresholdsRequest) sealed()  {}
func (LinkConfigureThresholdsResponse) sealed() {}
func (LinkActionsRequest) sealed()              {}
func (LinkActionsResponse) sealed()             {}
func (NetHOCandidateQueryRequest) sealed()      {}
func (NetHOCandidateQueryResponse) sealed()     {}
func (MNHOCandidateQueryRequest) sealed()       {}
func (MNHOCandidateQueryResponse) sealed()      {}
func (N2NHOQueryResourcesRequest) sealed()      {}
func (N2NHOQueryResourcesResponse) sealed()     {}
func (MNHOCommitRequest) sealed()               {}
func (MNHOCommitResponse) sealed()              {}
func (NetHOCommitRequest) sealed()              {}
func (NetHOCommitResponse) sealed()             {}
func (N2NHOCommitRequest) sealed()              {}
func (N2NHOCommitResponse) sealed()             {}
func (MNHOCompleteRequest) sealed()             {}
func (MNHOCompleteResponse) sealed()            {}
func (N2NHOCompleteRequest) sealed()            {}
func (N2NHOCompleteResponse) sealed()           {}
func (GetInformationRequest) sealed()           {}
func (GetInformationResponse) sealed()          {}
func (PushInformation) sealed()                 {}
func (UnknownBody) sealed()                     {}
