package mh

import (
	"fmt"
	"math/bits"
	"net/netip"
)

// encoder appends the options of one message and keeps the first error.
type encoder struct {
	buf   []byte
	start int // of the message in buf
	err   error
}

// finish appends the options, the padding behind them and Header Len.
func (e *encoder) finish(o *Options) ([]byte, error) {
	e.options(o)
	e.align(unit, 0)
	if e.err != nil {
		return e.buf[:e.start], e.err
	}
	return finishMessage(e.buf, e.start)
}

// options appends what is present, in the order in which other implementations write.
func (e *encoder) options(o *Options) {
	if stray := o.Present &^ withField; stray != 0 {
		e.fail(OptionType(bits.TrailingZeros64(uint64(stray))), "is marked present but has no field; it belongs in Unknown")
	}
	if o.Present.Has(OptionMobileNodeID) {
		e.mobileNodeID(o.MobileNodeID)
	}
	if o.Present.Has(OptionHomeNetworkPrefix) {
		e.homeNetworkPrefixes(o.HomeNetworkPrefixes)
	}
	if o.Present.Has(OptionHandoffIndicator) {
		e.handoffIndicator(o.HandoffIndicator)
	}
	if o.Present.Has(OptionAccessTechnologyType) {
		e.accessTechnologyType(o.AccessTechnologyType)
	}
	if o.Present.Has(OptionMobileNodeLinkLayerID) {
		e.linkLayerID(o.MobileNodeLinkLayerID)
	}
	if o.Present.Has(OptionLinkLocalAddress) {
		e.addressOption(OptionLinkLocalAddress, o.LinkLocalAddress)
	}
	if o.Present.Has(OptionTimestamp) {
		e.timestamp(o.Timestamp)
	}
	if o.Present.Has(OptionAlternateCareOfAddress) {
		e.addressOption(OptionAlternateCareOfAddress, o.AlternateCareOfAddress)
	}
	e.extensions(o)
	for _, u := range o.Unknown {
		e.raw(u)
	}
}

// extensions appends what is present of the options from beyond RFC 5213.
func (e *encoder) extensions(o *Options) {
	if o.Present.Has(OptionIPv4HomeAddressRequest) {
		e.ipv4HomeAddressRequest(o.IPv4HomeAddressRequest)
	}
	if o.Present.Has(OptionIPv4HomeAddressReply) {
		e.ipv4HomeAddressReply(o.IPv4HomeAddressReply)
	}
	if o.Present.Has(OptionIPv4DefaultRouter) {
		e.ipv4DefaultRouter(o.IPv4DefaultRouter)
	}
	if o.Present.Has(OptionIPv4DHCPSupportMode) {
		e.dhcpSupportMode(o.IPv4DHCPSupportMode)
	}
	if o.Present.Has(OptionServiceSelection) {
		e.serviceSelection(o.ServiceSelection)
	}
	if o.Present.Has(OptionBindingRefreshAdvice) {
		e.bindingRefreshAdvice(o.BindingRefreshAdvice)
	}
	if o.Present.Has(OptionRestartCounter) {
		e.restartCounter(o.RestartCounter)
	}
	e.later(o)
}

// later appends what is present of the options of RFC 5568, 5949, 6058 and 6909.
func (e *encoder) later(o *Options) {
	if o.Present.Has(OptionLMAAddress) {
		e.lmaAddress(o.LMAAddress)
	}
	if o.Present.Has(OptionLinkLocalInterfaceID) {
		e.interfaceID(o.LinkLocalInterfaceID)
	}
	if o.Present.Has(OptionContextRequest) {
		e.contextRequest(o.ContextRequest)
	}
	if o.Present.Has(OptionLinkLayerAddress) {
		e.linkLayerAddress(o.LinkLayerAddress)
	}
	if o.Present.Has(OptionAddressPrefix) {
		e.addressPrefixes(o.AddressPrefixes)
	}
	if o.Present.Has(OptionTransientBinding) {
		e.transientBinding(o.TransientBinding)
	}
	if o.Present.Has(OptionIPv4TrafficOffloadSelector) {
		e.trafficOffloadSelectors(o.IPv4TrafficOffloadSelectors)
	}
}

// option appends padding, Option Type and Option Length; the caller appends length octets of data.
func (e *encoder) option(t OptionType, length int) {
	form, _ := t.form()
	if length > form.max {
		e.fail(t, fmt.Sprintf("needs %d octets of data, an option holds %d", length, form.max))
	}
	if form.unit != 0 {
		e.align(form.unit, form.offset)
	}
	e.buf = append(e.buf, byte(t), byte(length))
}

// raw appends an option as it is. Its alignment is not known, which costs a receiver nothing but time.
func (e *encoder) raw(u RawOption) {
	if u.Type == OptionPad1 || u.Type == OptionPadN {
		e.fail(u.Type, "is padding, which the codec writes by itself")
	}
	e.option(u.Type, len(u.Data))
	e.buf = append(e.buf, u.Data...)
}

// align pads until the next octet stands at multiple*n + offset from the start of the message, multiple being a power of two
// up to 8: with Pad1 for one octet, else with one PadN (RFC 6275 section 6.2.2).
func (e *encoder) align(multiple, offset int) {
	gap := (offset - (len(e.buf) - e.start)) & (multiple - 1)
	if gap == 1 {
		e.buf = append(e.buf, byte(OptionPad1))
		return
	}
	if gap > 1 {
		var zeros [unit]byte
		e.buf = append(e.buf, byte(OptionPadN), byte(gap-2))
		e.buf = append(e.buf, zeros[:gap-2]...)
	}
}

// address appends the sixteen octets of an IPv6 address, without a zone.
func (e *encoder) address(a netip.Addr) {
	octets := a.As16()
	e.buf = append(e.buf, octets[:]...)
}

// fail keeps the first error.
func (e *encoder) fail(t OptionType, problem string) {
	if e.err == nil {
		e.err = fmt.Errorf("mobility header: %s: %s", t, problem)
	}
}
