package radius

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"errors"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2869"
)

const headerLength = 20 // code, identifier, length, authenticator

// Why a request is refused. The texts are for people; refusalLabel is their form as a counter.
var (
	errMalformed         = errors.New("no RADIUS packet")
	errCode              = errors.New("neither Accounting-Request nor Status-Server")
	errAuthenticator     = errors.New("wrong Request Authenticator: does the client have another secret?")
	errMessage           = errors.New("wrong Message-Authenticator")
	errNoMessage         = errors.New("no Message-Authenticator, which is required of this client")
	errMessageUnreadable = errors.New("a Message-Authenticator of another length than 16, or two of them")
)

func refusalLabel(err error) string {
	switch {
	case errors.Is(err, errCode):
		return "refused_code"
	case errors.Is(err, errAuthenticator):
		return "bad_authenticator"
	case errors.Is(err, errMessage):
		return "bad_message_authenticator"
	case errors.Is(err, errNoMessage):
		return "no_message_authenticator"
	case errors.Is(err, errNoStatus):
		return "no_status_type"
	}
	return "malformed"
}

// trimmed is the packet without what follows it in its datagram, which is padding (RFC 2865 section 3).
func trimmed(datagram []byte) ([]byte, error) {
	if len(datagram) < headerLength {
		return nil, errMalformed
	}
	length := int(binary.BigEndian.Uint16(datagram[2:]))
	if length < headerLength || length > len(datagram) || length > codec.MaxPacketLength {
		return nil, errMalformed
	}
	return datagram[:length], nil
}

// authentic decodes a request that whoever knows the secret made.
func authentic(packet []byte, secret Secret, requireMessage bool) (*codec.Packet, error) {
	code := codec.Code(packet[0])
	if code != codec.CodeAccountingRequest && code != codec.CodeStatusServer {
		return nil, errCode
	}
	if !codec.IsAuthenticRequest(packet, secret) {
		return nil, errAuthenticator
	}
	var authenticator [16]byte // of zeros where it is made of the rest of the packet (RFC 5176 section 3.2 has it so for the like)
	if code == codec.CodeStatusServer {
		copy(authenticator[:], packet[4:headerLength])
		requireMessage = true // RFC 5997 section 3: there is nothing else that proves anything
	}
	if present, err := checkMessage(packet, authenticator, secret); err != nil {
		return nil, err
	} else if !present && requireMessage {
		return nil, errNoMessage
	}
	p, err := codec.Parse(packet, secret)
	if err != nil {
		return nil, errMalformed
	}
	return p, nil
}

// authenticAnswer decodes the answer to a request. No RFC says how the Message-Authenticator of an Accounting-Response is made; the
// Response Authenticator proves as much.
func authenticAnswer(packet, request []byte, secret Secret) (*codec.Packet, error) {
	if codec.Code(packet[0]) != codec.CodeAccountingResponse {
		return nil, errCode
	}
	if !codec.IsAuthenticResponse(packet, request, secret) {
		return nil, errAuthenticator
	}
	p, err := codec.Parse(packet, secret)
	if err != nil {
		return nil, errMalformed
	}
	return p, nil
}

// checkMessage checks the Message-Authenticator where there is one (RFC 2869 section 5.14).
func checkMessage(packet []byte, authenticator [16]byte, secret Secret) (present bool, err error) {
	at := 0
	for i := headerLength; i < len(packet); i += int(packet[i+1]) {
		if i+2 > len(packet) || packet[i+1] < 2 || i+int(packet[i+1]) > len(packet) {
			return false, errMalformed
		}
		if codec.Type(packet[i]) != rfc2869.MessageAuthenticator_Type {
			continue
		}
		if packet[i+1] != 2+md5.Size || at != 0 {
			return true, errMessageUnreadable
		}
		at = i + 2
	}
	if at == 0 {
		return false, nil
	}
	mac := hmac.New(md5.New, secret)
	mac.Write(packet[:4])
	mac.Write(authenticator[:])
	mac.Write(packet[headerLength:at])
	mac.Write(make([]byte, md5.Size))
	mac.Write(packet[at+md5.Size:])
	if !hmac.Equal(mac.Sum(nil), packet[at:at+md5.Size]) {
		return true, errMessage
	}
	return true, nil
}

// sign encodes a packet. A Message-Authenticator is made new where it has one. The Authenticator of an answer is that of the request
// until then, that of a request is zero.
func sign(p *codec.Packet) ([]byte, error) {
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
