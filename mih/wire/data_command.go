package wire

import "netlmm/mih"

// statusRequest is LINK_STATUS_REQ.
func statusRequest(c *coder, v *mih.LinkStatusRequest) {
	bitmap16(c, &v.States)
	listOf(c, &v.Parameters, 2, parameterType)
	bitmap16(c, &v.Descriptors)
}

// linkState is LINK_STATES_RSP.
func linkState(c *coder, v *mih.LinkState) {
	if !c.either(v.Channel != nil) {
		octet(c, &v.Mode)
		return
	}
	if !c.encoding {
		v.Channel = new(uint16)
	}
	uint16s(c, v.Channel)
}

// either is the selector of a CHOICE of two.
func (c *coder) either(second bool) bool { return c.present(second) }

// linkDescriptor is LINK_DESC_RSP.
func linkDescriptor(c *coder, v *mih.LinkDescriptor) {
	queues := c.either(v.Queues)
	if octet(c, &v.Count); !c.encoding {
		v.Queues = queues
	}
}

// linkStatus is LINK_STATUS_RSP.
func linkStatus(c *coder, v *mih.LinkStatus) {
	listOf(c, &v.States, 2, linkState)
	listOf(c, &v.Parameters, leastLinkParameter, linkParameter)
	listOf(c, &v.Descriptors, 2, linkDescriptor)
}

// statusOf is STATUS_RSP.
func statusOf(c *coder, v *mih.LinkStatusOf) {
	linkID(c, &v.Link)
	linkStatus(c, &v.Status)
}

// deviceState is DEV_STATES_RSP.
func deviceState(c *coder, v *mih.DeviceState) {
	if !c.either(v.Battery != nil) {
		octets(c, &v.Information)
		return
	}
	if !c.encoding {
		v.Battery = new(int8)
	}
	signedOctet(c, v.Battery)
}

// Least numbers of octets of LINK_ACTION_REQ and LINK_ACTION_RSP.
const (
	leastActionRequest = leastLinkID + 1 + 2 + 2
	leastActionResult  = leastLinkID + 1 + 1
)

// actionRequest is LINK_ACTION_REQ.
func actionRequest(c *coder, v *mih.LinkActionRequest) {
	linkID(c, &v.Link)
	linkAddressOrNull(c, &v.PointOfAttachment)
	octet(c, &v.Action.Type)
	bitmap8(c, &v.Action.Attributes)
	milliseconds(c, &v.After)
}

// actionResult is LINK_ACTION_RSP.
func actionResult(c *coder, v *mih.LinkActionResult) {
	linkID(c, &v.Link)
	octet(c, &v.Outcome)
	listOrNull(c, &v.Scan, leastLinkAddress+1+2, scanResult)
}

// listOrNull is CHOICE(NULL, LIST(T)), nil being NULL.
func listOrNull[T any](c *coder, v *[]T, least int, element func(*coder, *T)) {
	if c.present(*v != nil) {
		listOf(c, v, least, element)
	}
}

// scanResult is LINK_SCAN_RSP.
func scanResult(c *coder, v *mih.LinkScanResult) {
	linkAddress(c, &v.PointOfAttachment)
	octets(c, &v.NetworkID)
	signalStrength(c, &v.SignalStrength)
}
