package mh

import "fmt"

// RequestedContext is one request of a Context Request option (RFC 5949 section 6.2.1).
type RequestedContext struct {
	Type OptionType // of the option that is asked for
	Data string     // what identifies it beyond its type: of a Vendor Specific option the vendor and the subtype; mostly nothing
}

// The Context Request option is two reserved octets, and a type, a length and data for each request.
const contextRequestReserved = 2

func (o *Options) decodeContextRequest(data string, at int) error {
	for rest := data[contextRequestReserved:]; rest != ""; {
		if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
			offset := at + 2 + len(data) - len(rest)
			return &DecodeError{offset, OptionContextRequest.String(), fmt.Sprintf("has %d octets left for a request", len(rest)), Drop}
		}
		end := 2 + int(rest[1])
		o.ContextRequest = append(o.ContextRequest, RequestedContext{OptionType(rest[0]), rest[2:end]})
		rest = rest[end:]
	}
	return nil
}

func (e *encoder) contextRequest(requests []RequestedContext) {
	length := contextRequestReserved
	for _, r := range requests {
		length += 2 + len(r.Data)
	}
	e.option(OptionContextRequest, length)
	e.buf = append(e.buf, 0, 0)
	for _, r := range requests {
		e.buf = append(e.buf, byte(r.Type), byte(len(r.Data)))
		e.buf = append(e.buf, r.Data...)
	}
}

// lengthOfRequests is an upper bound of what the requests need.
func lengthOfRequests(requests []RequestedContext) (n int) {
	for _, r := range requests {
		n += 2 + len(r.Data)
	}
	return n
}
