package mos

import (
	"fmt"
	"strings"
)

const (
	longestLabel = 63
	longestName  = 255 // with the length octets and the root (RFC 1035 section 2.3.4)
)

// ParseNames reads a domain name list option (sections 3 and 5): names as in RFC 8415 section 10, that is, uncompressed. They are
// host names in lower case without the final dot.
func ParseNames(v Version, option []byte) (lists []List[string], err error) {
	err = walk(v, option, func(offset int, service Service, value []byte) error {
		list := List[string]{Service: service}
		for len(value) > 0 && len(list.Values) < MaximumValues {
			name, rest, why := parseName(value)
			if why != "" {
				return &DecodeError{offset, "domain name", why}
			}
			list.Values, value = append(list.Values, name), rest
		}
		lists = append(lists, list)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return lists, nil
}

// parseName reads the first name; why says what is wrong with it.
func parseName(value []byte) (name string, rest []byte, why string) {
	var labels []string
	for read := 0; ; {
		if read >= len(value) {
			return "", nil, "it is cut off"
		}
		length := int(value[read])
		read++
		switch {
		case length == 0 && len(labels) == 0:
			return "", nil, "it is the root"
		case length == 0:
			return strings.Join(labels, "."), value[read:], ""
		case length > longestLabel:
			return "", nil, "a label is too long, or the name is compressed"
		case read+length >= len(value):
			return "", nil, "it is cut off"
		case read+length+1 > longestName:
			return "", nil, "it is too long"
		}
		label := strings.ToLower(string(value[read : read+length]))
		if strings.ContainsFunc(label, noHostCharacter) {
			return "", nil, "a label has other characters than a host name"
		}
		labels = append(labels, label)
		read += length
	}
}

func noHostCharacter(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// AppendNames writes a domain name list option.
func AppendNames(to []byte, v Version, lists []List[string]) (_ []byte, err error) {
	for _, list := range lists {
		var value []byte
		for _, name := range list.Values {
			encoded := encodeName(name)
			if _, rest, why := parseName(encoded); why != "" || len(rest) > 0 {
				return nil, fmt.Errorf("server %q of %s: it is no domain name", name, list.Service)
			}
			value = append(value, encoded...)
		}
		if to, err = appendSubOption(to, v, list.Service, value); err != nil {
			return nil, err
		}
	}
	return to, nil
}

func encodeName(name string) (encoded []byte) {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		encoded = append(append(encoded, byte(min(len(label), 255))), label...)
	}
	return append(encoded, 0)
}
