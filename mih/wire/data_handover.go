package wire

import "netlmm/mih"

// Least numbers of octets of QOS_LIST and RQ_RESULT.
const (
	leastQoSList          = 1 + 5
	leastQueriedResources = leastLinkID + 1 + leastQoSList + 4
)

// handoverResult is HO_RESULT. One implementation writes 3 for rejected.
func handoverResult(c *coder, v *mih.HandoverResult) {
	if octet(c, v); !c.encoding && *v == 3 {
		*v = mih.HandoverRejected
	}
}

// targetNetwork is TGT_NET_INFO.
func targetNetwork(c *coder, v *mih.TargetNetwork) {
	if c.either(!v.PointOfAttachment.IsZero()) {
		linkAddress(c, &v.PointOfAttachment)
		return
	}
	octets(c, &v.NetworkID)
	orNull(c, &v.NetworkAuxID, octets)
}

// answerKind is the selector of the CHOICE(NULL, BOOLEAN, T) of an answer.
func (c *coder) answerKind(yesOrNo, value bool) uint8 {
	var selector uint8
	switch {
	case value:
		selector = 2
	case yesOrNo:
		selector = 1
	}
	c.choice(&selector, 3)
	return selector
}

func methodsAnswer(c *coder, v *mih.MethodsAnswer) {
	kind := c.answerKind(v.Supported != nil, v.Methods != nil)
	if !c.encoding {
		v.Supported, v.Methods = newIf[bool](kind == 1), newIf[mih.IPConfigurationMethods](kind == 2)
	}
	switch kind {
	case 1:
		boolean(c, v.Supported)
	case 2:
		bitmap32(c, v.Methods)
	}
}

func addressAnswer(c *coder, v *mih.AddressAnswer) {
	kind := c.answerKind(v.Same != nil, v.Address.IsValid())
	if !c.encoding {
		v.Same = newIf[bool](kind == 1)
	}
	switch kind {
	case 1:
		boolean(c, v.Same)
	case 2:
		ipAddress(c, &v.Address)
	}
}

// newIf is a new T, or nil.
func newIf[T any](wanted bool) *T {
	if wanted {
		return new(T)
	}
	return nil
}

// queriedResources is RQ_RESULT.
func queriedResources(c *coder, v *mih.QueriedResources) {
	linkPointsOfAttachment(c, &v.Candidates)
	qosList(c, &v.QoS)
	methodsAnswer(c, &v.IPMethods)
	addressAnswer(c, &v.DHCPServer)
	addressAnswer(c, &v.ForeignAgent)
	addressAnswer(c, &v.AccessRouter)
}

// transportContainer is TSP_CONTAINER.
func transportContainer(c *coder, v *mih.TransportContainer) {
	kind := c.answerKind(v.Predefined != nil, v.Carrier != nil)
	if !c.encoding {
		v.Predefined, v.Carrier = newIf[int8](kind == 1), newIf[string](kind == 2)
	}
	switch kind {
	case 1:
		signedOctet(c, v.Predefined)
	case 2:
		octets(c, v.Carrier)
	}
}

// requestedResources is REQ_RES_SET.
func requestedResources(c *coder, v *mih.RequestedResources) {
	qosList(c, &v.QoS)
	transportContainer(c, &v.Container)
	octet(c, &v.Cause)
}

// assignedResources is ASGN_RES_SET.
func assignedResources(c *coder, v *mih.AssignedResources) {
	qosList(c, &v.QoS)
	transportContainer(c, &v.Container)
}
