package radius

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"errors"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2869"
)

// Places in a packet (RFC 2865 section 3).
const (
	authenticatorAt = 4
	attributesAt    = 20
)

type authenticator [16]byte

// errNotWhole is a datagram that holds no packet.
var errNotWhole = errors.New("no whole RADIUS packet")

// trim cuts off what a datagram has behind its packet (RFC 2865 section 3: padding, to be ignored).
func trim(datagram []byte) ([]byte, error) {
	if len(datagram) < attributesAt {
		return nil, errNotWhole
	}
	length := int(binary.BigEndian.Uint16(datagram[2:]))
	if length < attributesAt || length > len(datagram) || length > codec.MaxPacketLength {
		return nil, errNotWhole
	}
	return datagram[:length], nil
}

// addMessageAuthenticator makes room for one, ahead of all other attributes: what comes before it an attacker who breaks MD5 could choose
// (RFC 3579 section 3.2; "RADIUS/UDP Considered Harmful", 2024).
func addMessageAuthenticator(p *codec.Packet) {
	empty := make(codec.Attribute, md5.Size)
	p.Attributes = append(codec.Attributes{{Type: rfc2869.MessageAuthenticator_Type, Attribute: empty}}, p.Attributes...)
}

// encode writes a packet that begins with a Message-Authenticator. Of an answer, p has the authenticator of the request.
func encode(p *codec.Packet) ([]byte, error) {
	packet, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	value := p.Attributes[0].Attribute
	copy(value, digest(packet, authenticator(p.Authenticator), attributesAt+2, p.Secret))
	return p.Encode()
}

// digest is the Message-Authenticator whose value stands at an offset (RFC 3579 section 3.2). with stands in the place of the
// packet's authenticator.
func digest(packet []byte, with authenticator, at int, secret []byte) []byte {
	var zero authenticator
	mac := hmac.New(md5.New, secret)
	mac.Write(packet[:authenticatorAt])
	mac.Write(with[:])
	mac.Write(packet[attributesAt:at])
	mac.Write(zero[:])
	mac.Write(packet[at+md5.Size:])
	return mac.Sum(nil)
}

// checkMessageAuthenticator looks for one in a packet that codec.Parse has read. Two of them, or one of another length, are not good.
func checkMessageAuthenticator(packet []byte, with authenticator, secret []byte) (present, good bool) {
	for at := attributesAt; at+2 <= len(packet); at += int(packet[at+1]) {
		length := int(packet[at+1])
		switch {
		case length < 2 || at+length > len(packet):
			return present, false
		case packet[at] != byte(rfc2869.MessageAuthenticator_Type):
			continue
		case present || length != 2+md5.Size:
			return true, false
		}
		present, good = true, hmac.Equal(digest(packet, with, at+2, secret), packet[at+2:at+length])
	}
	return present, good
}
