package wire

import "fmt"

// Service is SID: the service that a message belongs to.
type Service uint8

// Services.
const (
	ServiceManagement  Service = 1
	ServiceEvent       Service = 2
	ServiceCommand     Service = 3
	ServiceInformation Service = 4
)

// Opcode is the operation code of a message.
type Opcode uint8

// Opcodes. A confirm passes between an MIH Function and its own users only.
const (
	OpcodeConfirm    Opcode = 0
	OpcodeRequest    Opcode = 1
	OpcodeResponse   Opcode = 2
	OpcodeIndication Opcode = 3
)

// String names the opcode.
func (o Opcode) String() string {
	return [...]string{"confirm", "request", "response", "indication"}[o&3]
}

// MessageID is MID: service (4 bits), opcode (2 bits), and action (10 bits).
type MessageID uint16

// NewMessageID puts an identifier together.
func NewMessageID(service Service, opcode Opcode, action uint16) MessageID {
	return MessageID(service)<<12 | MessageID(opcode&3)<<10 | MessageID(action&0x3ff)
}

// Service, Opcode and Action are the parts of an identifier.
func (id MessageID) Service() Service { return Service(id >> 12) }
func (id MessageID) Opcode() Opcode   { return Opcode(id >> 10 & 3) }
func (id MessageID) Action() uint16   { return uint16(id & 0x3ff) }

// Response is the identifier of the response to a request.
func (id MessageID) Response() MessageID { return id&^0x0c00 | MessageID(OpcodeResponse)<<10 }

// The messages between MIH Functions.
const (
	IDCapabilityDiscoverRequest  MessageID = 0x1401
	IDCapabilityDiscoverResponse MessageID = 0x1801
	IDRegisterRequest            MessageID = 0x1402
	IDRegisterResponse           MessageID = 0x1802
	IDDeRegisterRequest          MessageID = 0x1403
	IDDeRegisterResponse         MessageID = 0x1803
	IDEventSubscribeRequest      MessageID = 0x1404
	IDEventSubscribeResponse     MessageID = 0x1804
	IDEventUnsubscribeRequest    MessageID = 0x1405
	IDEventUnsubscribeResponse   MessageID = 0x1805

	IDLinkDetected         MessageID = 0x2c01
	IDLinkUp               MessageID = 0x2c02
	IDLinkDown             MessageID = 0x2c03
	IDLinkParametersReport MessageID = 0x2c05
	IDLinkGoingDown        MessageID = 0x2c06
	IDLinkHandoverImminent MessageID = 0x2c07
	IDLinkHandoverComplete MessageID = 0x2c08

	IDLinkGetParametersRequest        MessageID = 0x3401
	IDLinkGetParametersResponse       MessageID = 0x3801
	IDLinkConfigureThresholdsRequest  MessageID = 0x3402
	IDLinkConfigureThresholdsResponse MessageID = 0x3802
	IDLinkActionsRequest              MessageID = 0x3403
	IDLinkActionsResponse             MessageID = 0x3803
	IDNetHOCandidateQueryRequest      MessageID = 0x3404
	IDNetHOCandidateQueryResponse     MessageID = 0x3804
	IDMNHOCandidateQueryRequest       MessageID = 0x3405
	IDMNHOCandidateQueryResponse      MessageID = 0x3805
	IDN2NHOQueryResourcesRequest      MessageID = 0x3406
	IDN2NHOQueryResourcesResponse     MessageID = 0x3806
	IDMNHOCommitRequest               MessageID = 0x3407
	IDMNHOCommitResponse              MessageID = 0x3807
	IDNetHOCommitRequest              MessageID = 0x3408
	IDNetHOCommitResponse             MessageID = 0x3808
	IDN2NHOCommitRequest              MessageID = 0x3409
	IDN2NHOCommitResponse             MessageID = 0x3809
	IDMNHOCompleteRequest             MessageID = 0x340a
	IDMNHOCompleteResponse            MessageID = 0x380a
	IDN2NHOCompleteRequest            MessageID = 0x340b
	IDN2NHOCompleteResponse           MessageID = 0x380b

	IDGetInformationRequest  MessageID = 0x4401
	IDGetInformationResponse MessageID = 0x4801
	IDPushInformation        MessageID = 0x4c02
)

// messageNames are the standard's names by service and action.
var messageNames = map[Service]map[uint16]string{
	ServiceManagement: {1: "MIH_Capability_Discover", 2: "MIH_Register", 3: "MIH_DeRegister", 4: "MIH_Event_Subscribe", 5: "MIH_Event_Unsubscribe"},
	ServiceEvent: {1: "MIH_Link_Detected", 2: "MIH_Link_Up", 3: "MIH_Link_Down", 5: "MIH_Link_Parameters_Report", 6: "MIH_Link_Going_Down",
		7: "MIH_Link_Handover_Imminent", 8: "MIH_Link_Handover_Complete"},
	ServiceCommand: {1: "MIH_Link_Get_Parameters", 2: "MIH_Link_Configure_Thresholds", 3: "MIH_Link_Actions", 4: "MIH_Net_HO_Candidate_Query",
		5: "MIH_MN_HO_Candidate_Query", 6: "MIH_N2N_HO_Query_Resources", 7: "MIH_MN_HO_Commit", 8: "MIH_Net_HO_Commit", 9: "MIH_N2N_HO_Commit",
		10: "MIH_MN_HO_Complete", 11: "MIH_N2N_HO_Complete", 12: "MIH_Net_HO_Best_Commit"},
	ServiceInformation: {1: "MIH_Get_Information", 2: "MIH_Push_Information"},
}

// Name is the standard's name of the message without its opcode, such as "MIH_Link_Up"; "" when it has none.
func (id MessageID) Name() string { return messageNames[id.Service()][id.Action()] }

// String is the name with the opcode: "MIH_Link_Up indication"; of an unknown message "message 0x1c06".
func (id MessageID) String() string {
	if name := id.Name(); name != "" {
		return name + " " + id.Opcode().String()
	}
	return fmt.Sprintf("message 0x%04x", uint16(id))
}
