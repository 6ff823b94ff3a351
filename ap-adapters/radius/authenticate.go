package radius

import (
	"errors"

	codec "layeh.com/radius"

	"netlmm/internal/radiusauth"
)

// Why a request is refused. The texts are for people; refusalLabel is their form as a counter.
var (
	errCode          = errors.New("neither Accounting-Request nor Status-Server")
	errAuthenticator = errors.New("wrong Request Authenticator: does the client have another secret?")
	errNoMessage     = errors.New("no Message-Authenticator, which is required of this client")
)

func refusalLabel(err error) string {
	switch {
	case errors.Is(err, errCode):
		return "refused_code"
	case errors.Is(err, errAuthenticator):
		return "bad_authenticator"
	case errors.Is(err, radiusauth.ErrWrong):
		return "bad_message_authenticator"
	case errors.Is(err, errNoMessage):
		return "no_message_authenticator"
	case errors.Is(err, errNoStatus):
		return "no_status_type"
	}
	return "malformed"
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
	var authenticator radiusauth.Authenticator // of zeros where it is made of the rest of the packet (RFC 5176 section 3.2 has it so for the like)
	if code == codec.CodeStatusServer {
		authenticator = radiusauth.Of(packet)
		requireMessage = true // RFC 5997 section 3: there is nothing else that proves anything
	}
	if present, err := radiusauth.Check(packet, authenticator, secret); err != nil {
		return nil, err
	} else if !present && requireMessage {
		return nil, errNoMessage
	}
	p, err := codec.Parse(packet, secret)
	if err != nil {
		return nil, radiusauth.ErrMalformed
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
		return nil, radiusauth.ErrMalformed
	}
	return p, nil
}
