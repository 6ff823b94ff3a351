package radiusauth

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// statusServer is the query of RFC 5997 section 6.1, whose secret is this.
const (
	statusServer = "0cda00268a54f4686fb394c52866e302185d062350125a665e2e1e8411f3e243822097c84fa3"
	secret       = "xyzzy5461"
)

func packet(t testing.TB) []byte {
	t.Helper()
	p, err := hex.DecodeString(statusServer)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// with is the packet with more attributes behind it.
func with(p []byte, attributes ...byte) []byte {
	p = append(bytes.Clone(p), attributes...)
	p[3] = byte(len(p))
	return p
}

func TestCheck(t *testing.T) {
	good := packet(t)
	changed := bytes.Clone(good)
	changed[len(changed)-1] ^= 1
	for name, test := range map[string]struct {
		packet  []byte
		secret  string
		present bool
		want    error
	}{
		"the RFC's":                       {good, secret, true, nil},
		"another secret":                  {good, "another", true, ErrWrong},
		"changed":                         {changed, secret, true, ErrWrong},
		"an attribute behind it":          {with(good, 33, 3, 7), secret, true, ErrWrong},
		"none":                            {with(good[:HeaderLength], 33, 3, 7), secret, false, nil},
		"two":                             {with(good, good[HeaderLength:]...), secret, true, ErrUnreadable},
		"a short one":                     {with(good[:HeaderLength], 80, 5, 1, 2, 3), secret, true, ErrUnreadable},
		"an attribute without length":     {with(good, 33), secret, true, ErrMalformed},
		"an attribute of length 1":        {with(good[:HeaderLength], 33, 1), secret, false, ErrMalformed},
		"an attribute longer than it all": {with(good[:HeaderLength], 33, 4, 7), secret, false, ErrMalformed},
	} {
		if present, err := Check(test.packet, Of(test.packet), []byte(test.secret)); present != test.present || !errors.Is(err, test.want) {
			t.Errorf("%s: %t, %v; want %t, %v", name, present, err, test.present, test.want)
		}
	}
}

func TestTrim(t *testing.T) {
	good := packet(t)
	long := append([]byte{4, 0, 0x10, 1}, make([]byte, 0x0ffd)...) // one more than RFC 2865 section 3 allows
	for name, test := range map[string]struct{ datagram, want []byte }{
		"whole": {good, good}, "padded": {append(bytes.Clone(good), 1, 2, 3), good}, "cut": {good[:len(good)-1], nil},
		"nothing": {nil, nil}, "less than a header": {good[:HeaderLength-1], nil}, "too long": {long, nil},
		"a length less than a header's": {append([]byte{4, 0, 0, 19}, make([]byte, 16)...), nil},
	} {
		if got, err := Trim(test.datagram); !bytes.Equal(got, test.want) || (err == nil) != (test.want != nil) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

// TestEncode: what is written is checked, the first attribute also when others were there before, and as often as it is written.
func TestEncode(t *testing.T) {
	p := codec.New(codec.CodeAccessRequest, []byte(secret))
	if err := rfc2865.UserName_AddString(p, "mn1@example.net"); err != nil {
		t.Fatal(err)
	}
	Add(p)
	for range 2 {
		wire, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		if present, err := Check(wire, p.Authenticator, []byte(secret)); !present || err != nil || codec.Type(wire[HeaderLength]) != rfc2869.MessageAuthenticator_Type {
			t.Errorf("%x: %t, %v", wire, present, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(packet(f))
	f.Add(with(packet(f), 33, 1))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		packet, err := Trim(datagram)
		if err != nil {
			return
		}
		present, err := Check(packet, Of(packet), []byte("a secret that nobody has"))
		if p, parse := codec.Parse(packet, nil); parse == nil {
			if _, has := p.Lookup(rfc2869.MessageAuthenticator_Type); has != present || errors.Is(err, ErrMalformed) {
				t.Errorf("present %t, %v", present, err)
			}
		} else if err == nil && present {
			t.Errorf("%x is believed, and the codec does not read it: %v", packet, parse)
		}
	})
}
