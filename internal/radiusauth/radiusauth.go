// Package radiusauth is what the RADIUS codec leaves to its users: where a packet ends in its datagram, and the Message-Authenticator
// (RFC 3579 section 3.2).
package radiusauth

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"errors"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2869"
)

// HeaderLength is where the attributes of a packet begin: behind code, identifier, length and authenticator (RFC 2865 section 3).
const HeaderLength = 20

const authenticatorAt = 4

// Authenticator is that of a packet.
type Authenticator = [16]byte

// What can be wrong with a packet.
var (
	ErrMalformed  = errors.New("no whole RADIUS packet")
	ErrUnreadable = errors.New("a Message-Authenticator of another length than 16, or two of them")
	ErrWrong      = errors.New("wrong Message-Authenticator")
)

// Trim cuts off what a datagram has behind its packet (RFC 2865 section 3: padding, to be ignored).
func Trim(datagram []byte) ([]byte, error) {
	if len(datagram) < HeaderLength {
		return nil, ErrMalformed
	}
	length := int(binary.BigEndian.Uint16(datagram[2:]))
	if length < HeaderLength || length > len(datagram) || length > codec.MaxPacketLength {
		return nil, ErrMalformed
	}
	return datagram[:length], nil
}

// Of is the authenticator of a packet that Trim returned.
func Of(packet []byte) Authenticator { return Authenticator(packet[authenticatorAt:HeaderLength]) }

// Add makes room for a Message-Authenticator, ahead of all other attributes: what comes before it an attacker who breaks MD5 could choose
// ("RADIUS/UDP Considered Harmful", 2024).
func Add(p *codec.Packet) {
	p.Attributes = append(codec.Attributes{{Type: rfc2869.MessageAuthenticator_Type}}, p.Attributes...)
}

// Encode writes a packet. A Message-Authenticator is made new where it has one. The Authenticator of an answer is that of the request
// until then, that of an Accounting-Request or of a demand is zero.
func Encode(p *codec.Packet) ([]byte, error) {
	for _, a := range p.Attributes {
		if a.Type != rfc2869.MessageAuthenticator_Type {
			continue
		}
		a.Attribute = make(codec.Attribute, md5.Size)
		packet, err := p.MarshalBinary()
		if err != nil {
			return nil, err
		}
		mac := hmac.New(md5.New, p.Secret)
		mac.Write(packet)
		a.Attribute = mac.Sum(nil)
	}
	return p.Encode()
}

// Check checks the Message-Authenticator of a packet that Trim returned, where it has one. It was made with an authenticator that is not
// always the packet's: the request's of an answer, zero of what is signed as a whole.
func Check(packet []byte, with Authenticator, secret []byte) (present bool, err error) {
	at := 0
	for i := HeaderLength; i < len(packet); i += int(packet[i+1]) {
		if i+2 > len(packet) || packet[i+1] < 2 || i+int(packet[i+1]) > len(packet) {
			return at != 0, ErrMalformed
		}
		if codec.Type(packet[i]) != rfc2869.MessageAuthenticator_Type {
			continue
		}
		if packet[i+1] != 2+md5.Size || at != 0 {
			return true, ErrUnreadable
		}
		at = i + 2
	}
	if at == 0 {
		return false, nil
	}
	var zero [md5.Size]byte
	mac := hmac.New(md5.New, secret)
	mac.Write(packet[:authenticatorAt])
	mac.Write(with[:])
	mac.Write(packet[HeaderLength:at])
	mac.Write(zero[:])
	mac.Write(packet[at+md5.Size:])
	if !hmac.Equal(mac.Sum(nil), packet[at:at+md5.Size]) {
		return true, ErrWrong
	}
	return true, nil
}
