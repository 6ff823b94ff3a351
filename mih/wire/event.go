package wire

import "netlmm/mih"

// The events are those of the vocabulary: convert with wire.LinkUp(event) and mih.LinkUp(body), or see EventBody and EventsOf.
type (
	LinkUp               mih.LinkUp
	LinkDown             mih.LinkDown
	LinkGoingDown        mih.LinkGoingDown
	LinkParametersReport mih.LinkParametersReport
	LinkHandoverImminent mih.LinkHandoverImminent
	LinkHandoverComplete mih.LinkHandoverComplete
)

// LinkDetected carries one event for each link that was detected.
type LinkDetected struct{ Links []mih.LinkDetected }

// EventBody is the indication of a link event; nil of a type of event that the vocabulary does not have.
func EventBody(event mih.LinkEvent) Body {
	switch e := event.(type) {
	case mih.LinkDetected:
		return LinkDetected{[]mih.LinkDetected{e}}
	case mih.LinkUp:
		return LinkUp(e)
	case mih.LinkDown:
		return LinkDown(e)
	case mih.LinkGoingDown:
		return LinkGoingDown(e)
	case mih.LinkParametersReport:
		return LinkParametersReport(e)
	case mih.LinkHandoverImminent:
		return LinkHandoverImminent(e)
	case mih.LinkHandoverComplete:
		return LinkHandoverComplete(e)
	}
	return nil
}

// EventsOf are the link events that an indication carries: one, or any number of Link_Detected; nil when the body is no event.
func EventsOf(body Body) []mih.LinkEvent {
	switch b := body.(type) {
	case LinkDetected:
		events := make([]mih.LinkEvent, len(b.Links))
		for i, e := range b.Links {
			events[i] = e
		}
		return events
	case LinkUp:
		return []mih.LinkEvent{mih.LinkUp(b)}
	case LinkDown:
		return []mih.LinkEvent{mih.LinkDown(b)}
	case LinkGoingDown:
		return []mih.LinkEvent{mih.LinkGoingDown(b)}
	case LinkParametersReport:
		return []mih.LinkEvent{mih.LinkParametersReport(b)}
	case LinkHandoverImminent:
		return []mih.LinkEvent{mih.LinkHandoverImminent(b)}
	case LinkHandoverComplete:
		return []mih.LinkEvent{mih.LinkHandoverComplete(b)}
	}
	return nil
}

func (b *LinkDetected) tlvs(c *coder) {
	mustList(c, TLVLinkDetectedList, &b.Links, leastLinkDetected, linkDetected)
}

func (b *LinkUp) tlvs(c *coder) {
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	mayValue(c, TLVOldAccessRouter, &b.OldAccessRouter, linkAddress)
	mayValue(c, TLVNewAccessRouter, &b.NewAccessRouter, linkAddress)
	may(c, TLVIPRenewalFlag, &b.IPRenewal, boolean)
	may(c, TLVMobilityManagement, &b.MobilityManagement, bitmap16)
}

func (b *LinkDown) tlvs(c *coder) {
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	mayValue(c, TLVOldAccessRouter, &b.OldAccessRouter, linkAddress)
	must(c, TLVLinkDownReason, &b.Reason, octet)
}

func (b *LinkParametersReport) tlvs(c *coder) {
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	mustList(c, TLVLinkParameterReportList, &b.Parameters, leastLinkParameter+1, parameterReport)
}

func (b *LinkGoingDown) tlvs(c *coder) {
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	must(c, TLVTimeInterval, &b.TimeInterval, milliseconds)
	must(c, TLVLinkGoingDownReason, &b.Reason, octet)
}

func (b *LinkHandoverImminent) tlvs(c *coder) {
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	must(c, TLVNewLinkIdentifier, &b.NewLink, linkTupleID)
	mayValue(c, TLVOldAccessRouter, &b.OldAccessRouter, linkAddress)
	mayValue(c, TLVNewAccessRouter, &b.NewAccessRouter, linkAddress)
}

func (b *LinkHandoverComplete) tlvs(c *coder) {
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	must(c, TLVNewLinkIdentifier, &b.NewLink, linkTupleID)
	mayValue(c, TLVOldAccessRouter, &b.OldAccessRouter, linkAddress)
	mayValue(c, TLVNewAccessRouter, &b.NewAccessRouter, linkAddress)
	may(c, TLVStatus, &b.Status, octet)
}
