package wire

import (
	"fmt"

	"netlmm/mih"
)

// elementForm reads and writes the value of an element of one type.
type elementForm struct {
	read  func(*coder) any
	write func(*coder, any) (ok bool) // not ok: the value is of another type
}

func element[T any](item func(*coder, *T)) elementForm {
	return elementForm{
		read: func(c *coder) any {
			var v T
			item(c, &v)
			return v
		},
		write: func(c *coder, value any) bool {
			v, ok := value.(T)
			if ok {
				item(c, &v)
			}
			return ok
		},
	}
}

func elementList[T any](least int, item func(*coder, *T)) elementForm {
	return element(func(c *coder, v *[]T) { listOf(c, v, least, item) })
}

// elementForms has those of all types but the containers.
var elementForms = map[mih.ElementType]elementForm{
	mih.ElementNetworkType: element(networkType), mih.ElementOperatorID: element(operatorID),
	mih.ElementServiceProviderID: element(octets[string]), mih.ElementCountryCode: element(countryCode),
	mih.ElementNetworkID: element(octets[string]), mih.ElementNetworkAuxID: element(octets[string]),
	mih.ElementRoamingPartners: elementList(leastOperatorID, operatorID), mih.ElementCost: element(cost),
	mih.ElementNetworkQoS: element(qosList), mih.ElementNetworkDataRate: element(uint32s[uint32]),
	mih.ElementRegulatoryDomain: element(regulatoryDomain), mih.ElementFrequencyBands: elementList(4, uint32s[uint32]),
	mih.ElementIPConfiguration: element(ipConfiguration), mih.ElementNetworkCapabilities: element(bitmap32[mih.NetworkCapabilities]),
	mih.ElementSupportedLCP: element(octet[mih.LocationProtocol]), mih.ElementMobilityManagement: element(bitmap16[mih.MobilityManagement]),
	mih.ElementEmergencyServiceProxy: element(proxyAddress), mih.ElementIMSProxyCSCF: element(proxyAddress),
	mih.ElementMobileNetwork: element(boolean), mih.ElementPoALinkAddress: element(linkAddress), mih.ElementPoALocation: element(location),
	mih.ElementPoAChannelRange: element(channelRange), mih.ElementPoASystemInformation: element(systemInformation),
	mih.ElementPoASubnet: element(subnet), mih.ElementPoAIPAddress: element(ipAddress),
	mih.ElementAuthenticatorLinkAddress: element(linkAddress), mih.ElementAuthenticatorIPAddress: element(ipAddress),
	mih.ElementPoSIPAddress: element(ipAddress),
	mih.ElementGateway:      element(gateway), mih.ElementNeighbours: elementList(leastLinkAddress, linkAddress),
}

// ReadElements reads the elements of an answer, and inside them those of the containers. What is not in the form of its type is a
// RawElement, and the error is about the first of these; the elements beside it are good all the same. Containers go down only, from
// a list of networks to a network to a point of attachment: another order is raw too.
func ReadElements(answer mih.BinaryAnswer) ([]mih.Element, error) {
	elements := make([]mih.Element, len(answer))
	var first error
	for i, e := range answer {
		var err error
		if elements[i], err = readElement(e, 0); err != nil && first == nil {
			first = err
		}
	}
	return elements, first
}

// readElement reads an element inside a container of the given level.
func readElement(e mih.InformationElement, inside int) (mih.Element, error) {
	raw := mih.Element{Type: e.Type, Value: mih.RawElement(e.Value)}
	c := coder{buf: []byte(e.Value), end: len(e.Value)}
	if level := e.Type.ContainerLevel(); level > 0 {
		if level <= inside {
			return raw, fmt.Errorf("%s%s inside a container of level %d", errorPrefix, e.Type, inside)
		}
		children := c.contents()
		if c.err != nil {
			return raw, inElement(e.Type, c.err)
		}
		elements := make([]mih.Element, len(children))
		var first error
		for i, child := range children {
			var err error
			if elements[i], err = readElement(child, level); err != nil && first == nil {
				first = err
			}
		}
		return mih.Element{Type: e.Type, Value: elements}, first
	}
	form, known := elementForms[e.Type]
	if !known {
		return raw, nil
	}
	value := form.read(&c)
	if c.err == nil && c.at != c.end {
		c.fail(c.at, "has %d octets too many", c.end-c.at)
	}
	if c.err != nil {
		return raw, inElement(e.Type, c.err)
	}
	return mih.Element{Type: e.Type, Value: value}, nil
}

// contents reads elements until there is nothing left: a container has no count.
func (c *coder) contents() []mih.InformationElement {
	var children []mih.InformationElement
	for c.at < c.end {
		var child mih.InformationElement
		if informationElement(c, &child); c.err != nil {
			return nil
		}
		children = append(children, child)
	}
	return children
}

// inElement puts an error of reading where it belongs: the offset is in the value of the element.
func inElement(t mih.ElementType, err error) error {
	e := err.(*DecodeError)
	e.Field = t.String()
	return e
}

// EncodeElement writes an element. A RawElement goes as it is, whatever the type. The error says that the value is not of the type
// that belongs to the element's, or cannot be written.
func EncodeElement(e mih.Element) (mih.InformationElement, error) {
	c := coder{encoding: true, tlv: TLVResponseBinaryDataList}
	c.element(e, 0)
	return mih.InformationElement{Type: e.Type, Value: string(c.buf)}, c.err
}

// element appends the value of an element inside a container of the given level.
func (c *coder) element(e mih.Element, inside int) {
	if raw, ok := e.Value.(mih.RawElement); ok {
		c.buf = append(c.buf, raw...)
		return
	}
	level := e.Type.ContainerLevel()
	children, ok := e.Value.([]mih.Element)
	switch {
	case level == 0:
		if form, known := elementForms[e.Type]; !known || !form.write(c, e.Value) {
			c.fail(0, "%s of Go type %T", e.Type, e.Value)
		}
	case !ok || level <= inside:
		c.fail(0, "%s of Go type %T inside a container of level %d", e.Type, e.Value, inside)
	default:
		for _, child := range children {
			c.child(child, level)
		}
	}
}

// child appends an element whole.
func (c *coder) child(e mih.Element, inside int) {
	uint32s(c, &e.Type)
	c.buf = append(c.buf, 0)
	value := len(c.buf)
	c.element(e, inside)
	c.measure(value)
}
