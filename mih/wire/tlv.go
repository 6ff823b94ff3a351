package wire

import (
	"fmt"
	"time"
)

// TLVType is the type of a TLV of the protocol: one octet.
type TLVType uint8

// TLV is a TLV as it is: its octets after the length.
type TLV struct {
	Type  TLVType
	Value string
}

// The TLVs of the standard (Annex L), and what it leaves to vendors and experiments: 100, and 101 to 255.
const (
	TLVSource                     TLVType = 1
	TLVDestination                TLVType = 2
	TLVStatus                     TLVType = 3
	TLVLinkType                   TLVType = 4
	TLVEventList                  TLVType = 5
	TLVCommandList                TLVType = 6
	TLVQueryTypeList              TLVType = 7
	TLVTransportList              TLVType = 8
	TLVLinkAddressList            TLVType = 9
	TLVMakeBeforeBreak            TLVType = 10
	TLVRegisterCode               TLVType = 11
	TLVValidTimeInterval          TLVType = 12
	TLVLinkIdentifier             TLVType = 13
	TLVNewLinkIdentifier          TLVType = 14
	TLVOldAccessRouter            TLVType = 15
	TLVNewAccessRouter            TLVType = 16
	TLVIPRenewalFlag              TLVType = 17
	TLVMobilityManagement         TLVType = 18
	TLVIPConfigurationMethods     TLVType = 19
	TLVLinkDownReason             TLVType = 20
	TLVTimeInterval               TLVType = 21
	TLVLinkGoingDownReason        TLVType = 22
	TLVLinkParameterReportList    TLVType = 23
	TLVDeviceStatesRequest        TLVType = 24
	TLVLinkIdentifierList         TLVType = 25
	TLVDeviceStatesResponseList   TLVType = 26
	TLVGetStatusRequestSet        TLVType = 27
	TLVGetStatusResponseList      TLVType = 28
	TLVConfigureRequestList       TLVType = 29
	TLVConfigureResponseList      TLVType = 30
	TLVListOfLinkPoAList          TLVType = 31
	TLVPreferredLinkList          TLVType = 32
	TLVHandoverResourceQueryList  TLVType = 33
	TLVHandoverStatus             TLVType = 34
	TLVAccessRouterAddress        TLVType = 35
	TLVDHCPServerAddress          TLVType = 36
	TLVForeignAgentAddress        TLVType = 37
	TLVLinkActionsList            TLVType = 38
	TLVLinkActionsResultList      TLVType = 39
	TLVHandoverResult             TLVType = 40
	TLVResourceStatus             TLVType = 41
	TLVResourceRetentionStatus    TLVType = 42
	TLVQueryBinaryDataList        TLVType = 43
	TLVQueryRDFDataList           TLVType = 44
	TLVQueryRDFSchemaURL          TLVType = 45
	TLVQueryRDFSchemaList         TLVType = 46
	TLVMaximumResponseSize        TLVType = 47
	TLVResponseBinaryDataList     TLVType = 48
	TLVResponseRDFDataList        TLVType = 49
	TLVResponseRDFSchemaURLList   TLVType = 50
	TLVResponseRDFSchemaList      TLVType = 51
	TLVMobileNodeMIHFID           TLVType = 52
	TLVQueryResourceReportFlag    TLVType = 53
	TLVEventConfigurationList     TLVType = 54
	TLVTargetNetwork              TLVType = 55
	TLVTargetNetworkList          TLVType = 56
	TLVAssignedResourceSet        TLVType = 57
	TLVLinkDetectedList           TLVType = 58
	TLVMobileNodeLinkID           TLVType = 59
	TLVPointOfAttachment          TLVType = 60
	TLVUnauthenticatedInformation TLVType = 61
	TLVNetworkType                TLVType = 62
	TLVRequestedResourceSet       TLVType = 63
	TLVVendorSpecific             TLVType = 100
	endOfStandardTLVs                     = 64
)

// next reads the type and the length of the TLV at the offset, whose value is then the octets from value to end.
func (c *coder) next(at int) (t TLVType, value, end int, err *DecodeError) {
	t = TLVType(c.buf[at])
	n, size := readLength(c.buf[at+1:])
	value = at + 1 + size
	switch end = value + n; {
	case size == 0:
		return t, 0, 0, &DecodeError{Offset: at + 1, Field: t.String() + " TLV", Problem: "ends within its length"}
	case end > len(c.buf):
		return t, 0, 0, &DecodeError{Offset: at + 1, Field: t.String() + " TLV", Problem: fmt.Sprintf("has %d octets, the message %d", n, len(c.buf)-value)}
	}
	return t, value, end, nil
}

// index finds the TLVs of the standard in what follows the identifiers.
func (c *coder) index(from int) {
	if c.tlvIndex == nil {
		c.tlvIndex = new(tlvIndex)
	}
	for at := from; at < len(c.buf); {
		t, _, end, err := c.next(at)
		if err != nil {
			c.err = err
			return
		}
		if t < endOfStandardTLVs && c.places[t] == 0 {
			c.places[t] = uint16(at - c.base)
		}
		at = end
	}
}

// open begins a TLV. Reading it is false when the message has none, which is an error where it must.
func (c *coder) open(t TLVType, must bool) bool {
	if c.encoding {
		c.buf = append(c.buf, byte(t), 0)
		c.tlv, c.value = t, len(c.buf)
		return true
	}
	if c.err != nil {
		return false
	}
	c.rank++
	c.ranks[t] = c.rank
	c.tlv = t
	if c.places[t] == 0 {
		if must {
			c.fail(len(c.buf), "is missing")
		}
		return false
	}
	_, c.at, c.end, _ = c.next(c.base + int(c.places[t]))
	return true
}

// shut ends a TLV: it has to have no more octets than were read.
func (c *coder) shut() {
	if !c.encoding {
		if c.at != c.end {
			c.fail(c.at, "has %d octets too many", c.end-c.at)
		}
		return
	}
	c.measure(c.value)
}

// measure writes the length of a value that ends here and begins there, where one octet was left for it.
func (c *coder) measure(value int) {
	n := len(c.buf) - value
	if extra := LengthOctets(n) - 1; extra > 0 {
		c.buf = append(c.buf, make([]byte, extra)...)
		copy(c.buf[value+extra:], c.buf[value:])
	}
	appendLength(c.buf[:value-1], n)
}

// must is a TLV that the message has to have.
func must[T any](c *coder, t TLVType, v *T, item func(*coder, *T)) {
	if c.open(t, true) {
		item(c, v)
		c.shut()
	}
}

// may is a TLV that the message may have: nil when it has none.
func may[T any](c *coder, t TLVType, v **T, item func(*coder, *T)) {
	if c.encoding && *v == nil || !c.open(t, false) {
		return
	}
	if !c.encoding {
		*v = new(T)
	}
	item(c, *v)
	c.shut()
}

// mustList and mayList are a TLV that is a LIST(T), each element having the given number of octets at least. nil is none.
func mustList[T any](c *coder, t TLVType, v *[]T, least int, element func(*coder, *T)) {
	if c.open(t, true) {
		listOf(c, v, least, element)
		c.shut()
	}
}

func mayList[T any](c *coder, t TLVType, v *[]T, least int, element func(*coder, *T)) {
	if c.encoding && *v == nil || !c.open(t, false) {
		return
	}
	listOf(c, v, least, element)
	c.shut()
}

// mayValue is a TLV that the message may have, whose zero value means that it has none.
func mayValue[T comparable](c *coder, t TLVType, v *T, item func(*coder, *T)) {
	var none T
	if c.encoding && *v == none || !c.open(t, false) {
		return
	}
	item(c, v)
	c.shut()
}

// milliseconds and seconds are times of 16 and 32 bits; one that does not fit is written as the nearest that does.
func milliseconds(c *coder, v *time.Duration) {
	u := uint16(units(*v, time.Millisecond, 0xffff))
	if uint16s(c, &u); !c.encoding {
		*v = time.Duration(u) * time.Millisecond
	}
}

func seconds(c *coder, v *time.Duration) {
	u := uint32(units(*v, time.Second, 0xffffffff))
	if uint32s(c, &u); !c.encoding {
		*v = time.Duration(u) * time.Second
	}
}

// seconds16 is what one implementation makes of a Time interval.
func seconds16(c *coder, v *time.Duration) {
	u := uint16(units(*v, time.Second, 0xffff))
	if uint16s(c, &u); !c.encoding {
		*v = time.Duration(u) * time.Second
	}
}

func units(d, unit time.Duration, most int64) int64 { return min(max(int64(d/unit), 0), most) }
