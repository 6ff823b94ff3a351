package mh

import "time"

// messageForm is how a message is described whose fixed part, which ends at fixed, has a form.
type messageForm struct {
	fixed    int
	describe func(d *Description, b []byte)
}

var messageForms = map[Type]messageForm{
	TypeBindingRefreshRequest:  {unit, func(*Description, []byte) {}},
	TypeBindingUpdate:          {bindingFixed, describeBindingUpdate},
	TypeBindingAcknowledgement: {bindingFixed, describeBindingAcknowledgement},
	TypeBindingError:           {bindingErrorFixed, describeBindingError},
	TypeFastBindingUpdate:      {bindingFixed, describeFastBindingUpdate},
	TypeFastBindingAck:         {bindingFixed, describeFastBindingAck},
	TypeHeartbeat:              {heartbeatFixed, describeHeartbeat},
	TypeHandoverInitiate:       {handoverFixed, describeHandoverInitiate},
	TypeHandoverAcknowledge:    {handoverFixed, describeHandoverAcknowledge},
}

var revocationForms = map[RevocationType]messageForm{
	RevocationIndication:      {revocationFixed, describeRevocationIndication},
	RevocationAcknowledgement: {revocationFixed, describeRevocationAcknowledgement},
}

// messageFormOf is the form of the message in b, which has eight octets at least.
func messageFormOf(b []byte) (form messageForm, known bool) {
	if t := Type(b[typeAt]); t != TypeBindingRevocation {
		form, known = messageForms[t]
		return form, known
	}
	form, known = revocationForms[RevocationTypeOf(b)]
	return form, known
}

func describeBindingUpdate(d *Description, b []byte) {
	var m BindingUpdate
	m.decodeFixed(b)
	if m.Flags&UpdateProxy != 0 {
		d.Name = "Proxy " + d.Name
	}
	d.Flags = flagLetters(uint16(m.Flags), "AHLKMRPFTBSD") // from P on RFC 5213, 5555, 5845, 6602, 7161 and 8885
	d.Sequence = new(uint32(m.Sequence))
	d.Lifetime = new(seconds(m.Lifetime))
}

func describeBindingAcknowledgement(d *Description, b []byte) {
	var m BindingAcknowledgement
	m.decodeFixed(b)
	if m.Flags&AcknowledgementProxy != 0 {
		d.Name = "Proxy " + d.Name
	}
	d.Flags = flagLetters(uint16(m.Flags)<<8, "KRPTBSD")
	d.Sequence = new(uint32(m.Sequence))
	d.Lifetime = new(seconds(m.Lifetime))
	d.Status, d.StatusName = new(uint8(m.Status)), m.Status.String()
}

func describeBindingError(d *Description, b []byte) {
	var m BindingError
	m.decodeFixed(b)
	d.Status, d.StatusName = new(uint8(m.Status)), m.Status.String()
	d.HomeAddress = m.HomeAddress
}

// describeFastBindingUpdate: the form is that of a Binding Update, the lifetime is in seconds (RFC 5568 section 6.2.2).
func describeFastBindingUpdate(d *Description, b []byte) {
	var m BindingUpdate
	m.decodeFixed(b)
	d.Flags = flagLetters(uint16(m.Flags), "AHLK")
	d.Sequence = new(uint32(m.Sequence))
	d.Lifetime = new(uint32(m.Lifetime))
}

// describeFastBindingAck: likewise (RFC 5568 section 6.2.3), and its statuses are not those of a Binding Acknowledgement.
func describeFastBindingAck(d *Description, b []byte) {
	var m BindingAcknowledgement
	m.decodeFixed(b)
	d.Flags = flagLetters(uint16(m.Flags)<<8, "K")
	d.Sequence = new(uint32(m.Sequence))
	d.Lifetime = new(uint32(m.Lifetime))
	d.Status = new(uint8(m.Status))
}

func describeHandoverInitiate(d *Description, b []byte) {
	var m HandoverInitiate
	m.decodeFixed(b)
	d.Flags = flagLetters(uint16(m.Flags)<<8, "SUPF")
	d.Sequence = new(uint32(m.Sequence))
	d.Code, d.CodeName = new(uint8(m.Code)), m.Code.String()
}

func describeHandoverAcknowledge(d *Description, b []byte) {
	var m HandoverAcknowledge
	m.decodeFixed(b)
	d.Flags = flagLetters(uint16(m.Flags)<<8, "UPF")
	d.Sequence = new(uint32(m.Sequence))
	d.Code, d.CodeName = new(uint8(m.Code)), m.Code.String()
}

func describeHeartbeat(d *Description, b []byte) {
	var m Heartbeat
	m.decodeFixed(b)
	d.Flags = flagLetters(uint16(m.Flags)<<14, "UR")
	d.Sequence = new(m.Sequence)
}

func describeRevocationIndication(d *Description, b []byte) {
	var m BindingRevocationIndication
	m.decodeFixed(b)
	d.Name += " Indication"
	d.Flags = flagLetters(uint16(m.Flags), "PVG")
	d.Sequence = new(uint32(m.Sequence))
	d.Trigger, d.TriggerName = new(uint8(m.Trigger)), m.Trigger.String()
}

func describeRevocationAcknowledgement(d *Description, b []byte) {
	var m BindingRevocationAcknowledgement
	m.decodeFixed(b)
	d.Name += " Acknowledgement"
	d.Flags = flagLetters(uint16(m.Flags), "PVG")
	d.Sequence = new(uint32(m.Sequence))
	d.Status, d.StatusName = new(uint8(m.Status)), m.Status.String()
}

// flagLetters are the letters of the bits that are set, the first letter being that of the highest bit.
func flagLetters(bits uint16, letters string) []string {
	set := []string{}
	for i, letter := range letters {
		if bits&(0x8000>>i) != 0 {
			set = append(set, string(letter))
		}
	}
	return set
}

func seconds(lifetime uint16) uint32 {
	return uint32(lifetime) * uint32(LifetimeUnit/time.Second)
}
