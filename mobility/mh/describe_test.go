package mh

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestDescribe reads testdata/describe: octets in hex, or a capture by its name, and what becomes of them as text and as JSON.
func TestDescribe(t *testing.T) {
	datadriven.RunTest(t, "testdata/describe", func(t *testing.T, d *datadriven.TestData) string {
		payload := []byte(nil)
		if d.HasArg("capture") {
			payload = capture(t, strings.TrimSpace(d.Input))
		} else {
			payload = octets(t, d.Input)
		}
		description := Describe(payload)
		if d.Cmd == "json" {
			return marshalled(t, description) + "\n"
		}
		return description.String() + "\n"
	})
}

func marshalled(t *testing.T, value any) string {
	t.Helper()
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A tool puts its own members before those of the message.
func TestDescriptionEmbedded(t *testing.T) {
	line := struct {
		Src string `json:"src"`
		Description
	}{"2001:db8::1", Describe(octets(t, "3b 00 00 00 0000 0000"))}
	if got, want := marshalled(t, line), `{"src":"2001:db8::1","type":0,"name":"Binding Refresh Request","options":[],"errors":[]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A field that cannot be marshalled is the fault of whoever made it.
func TestOptionDescriptionWithoutAForm(t *testing.T) {
	if b, err := json.Marshal(OptionDescription{Fields: []Field{{"channel", make(chan int)}}}); err == nil {
		t.Errorf("became %s", b)
	}
}

// Every option with a field in Options is described by field, and so that no octet of a capture is hidden.
func TestDescribeKnowsEveryField(t *testing.T) {
	for option := OptionType(0); option < 64; option++ {
		_, described := optionFields[option]
		if described = described || option == OptionIPv4TrafficOffloadSelector; described != withField.Has(option) {
			t.Errorf("%v: described by field: %v, has a field: %v", option, described, !described)
		}
	}
}

// What the strict decoder accepts has no errors, and what it refuses has some.
func wantDescribed(t *testing.T, payload []byte) {
	t.Helper()
	d := Describe(payload)
	if _, err := json.Marshal(d); err != nil {
		t.Fatalf("%+v: %v", d, err)
	}
	if text := d.String(); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r > '~' }) {
		t.Fatalf("not for a terminal: %q", text)
	}
	message := map[Type]codec{
		TypeBindingUpdate: &BindingUpdate{}, TypeBindingAcknowledgement: &BindingAcknowledgement{}, TypeBindingError: &BindingError{}, TypeHeartbeat: &Heartbeat{},
		TypeHandoverInitiate: &HandoverInitiate{}, TypeHandoverAcknowledge: &HandoverAcknowledge{},
	}[d.Type]
	if d.Type == TypeBindingRevocation {
		message = map[RevocationType]codec{
			RevocationIndication: &BindingRevocationIndication{}, RevocationAcknowledgement: &BindingRevocationAcknowledgement{},
		}[RevocationTypeOf(payload)]
	}
	if message == nil {
		return
	}
	h, _ := DecodeHeader(payload)
	if err := message.Decode(payload); err != nil && len(d.Errors) == 0 {
		t.Fatalf("no error in %+v, but Decode says %v", d, err)
	} else if err == nil && h.Length == len(payload) && slices.ContainsFunc(d.Errors, func(said string) bool { return !tolerated(d, said) }) {
		t.Fatalf("Decode has no error, but Describe says %q", d.Errors)
	}
}

// tolerated: the fault of an option that the strict decoder leaves as it is, for its type, or because it is one too many.
func tolerated(d Description, said string) bool {
	faulty := slices.DeleteFunc(slices.Clone(d.Options), func(o OptionDescription) bool { return !strings.HasPrefix(said, o.Type.String()) })
	return len(faulty) > 1 || len(faulty) == 1 && (faulty[0].Type == OptionVendorSpecific || faulty[0].Type == OptionIPv4TrafficOffloadSelector)
}

func TestDescribeCaptures(t *testing.T) {
	lines, err := os.ReadFile("testdata/captures.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] != "#" {
			wantDescribed(t, octets(t, fields[2]))
		}
	}
}
