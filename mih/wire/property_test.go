package wire

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"netlmm/mih"
)

// bodies has a value of each type of body.
var bodies = []Body{
	CapabilityDiscoverRequest{}, CapabilityDiscoverResponse{}, RegisterRequest{}, RegisterResponse{}, DeRegisterRequest{}, DeRegisterResponse{},
	EventSubscribeRequest{}, EventSubscribeResponse{}, EventUnsubscribeRequest{}, EventUnsubscribeResponse{},
	LinkDetected{}, LinkUp{}, LinkDown{}, LinkParametersReport{}, LinkGoingDown{}, LinkHandoverImminent{}, LinkHandoverComplete{},
	LinkGetParametersRequest{}, LinkGetParametersResponse{}, LinkConfigureThresholdsRequest{}, LinkConfigureThresholdsResponse{},
	LinkActionsRequest{}, LinkActionsResponse{}, NetHOCandidateQueryRequest{}, NetHOCandidateQueryResponse{},
	MNHOCandidateQueryRequest{}, MNHOCandidateQueryResponse{}, N2NHOQueryResourcesRequest{}, N2NHOQueryResourcesResponse{},
	MNHOCommitRequest{}, MNHOCommitResponse{}, NetHOCommitRequest{}, NetHOCommitResponse{}, N2NHOCommitRequest{}, N2NHOCommitResponse{},
	MNHOCompleteRequest{}, MNHOCompleteResponse{}, N2NHOCompleteRequest{}, N2NHOCompleteResponse{},
	GetInformationRequest{}, GetInformationResponse{}, PushInformation{},
}

// TestBodies: each identifier has one type of body, and it is in the tables.
func TestBodies(t *testing.T) {
	for _, body := range bodies {
		name := reflect.TypeOf(body).Name()
		if decoders[body.MessageID()] == nil {
			t.Errorf("%s is not read", name)
		}
		id := body.MessageID()
		standard := strings.NewReplacer("_", "", "MIH", "").Replace(id.Name())
		if plain := strings.TrimSuffix(strings.TrimSuffix(name, "Request"), "Response"); standard != plain {
			t.Errorf("%s has the identifier of %s", name, id)
		}
		if suffix := map[Opcode]string{OpcodeRequest: "Request", OpcodeResponse: "Response"}[id.Opcode()]; !strings.HasSuffix(name, suffix) {
			t.Errorf("%s has the identifier of %s", name, id)
		}
	}
	if len(decoders) != len(bodies) {
		t.Errorf("%d messages are read, %d are tested", len(decoders), len(bodies))
	}
}

// TestRoundTrip: every message comes back as it was, from one form on the wire.
func TestRoundTrip(t *testing.T) {
	for _, body := range bodies {
		t.Run(reflect.TypeOf(body).Name(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { wantRoundTrip(t, messages(body).Draw(t, "message")) })
		})
	}
	t.Run("acknowledgement", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			m := messages(nil).Draw(t, "message")
			m.Header.MessageID, m.Header.ACKResponse, m.Header.ACKRequest, m.Extra = IDLinkUp, true, false, nil
			wantRoundTrip(t, m)
		})
	})
	t.Run("unknown", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			m := messages(nil).Draw(t, "message")
			m.Header.MessageID, m.Header.ACKResponse = 0x1c06, false
			m.Body, m.Extra = UnknownBody{m.Extra}, nil
			wantRoundTrip(t, m)
		})
	})
}

func wantRoundTrip(t *rapid.T, m Message) {
	b, err := m.Append(nil)
	if err != nil {
		var length int // a list of lists can be longer than a message may be: refused, but only then
		if _, format := fmt.Sscanf(err.Error(), errorPrefix+"%d octets after the header", &length); format != nil || length <= MaximumMessage-headerLength {
			t.Fatal(err)
		}
		return
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if d := cmp.Diff(m, got, cmpopts.EquateEmpty(), sameAddresses); d != "" {
		t.Fatalf("%x (-want +got):\n%s", b, d)
	}
	if again, err := got.Append(nil); err != nil || !bytes.Equal(again, b) {
		t.Fatalf("%x became %x, %v", b, again, err)
	}
	if size, err := Size(b[:headerLength]); size != len(b) || err != nil {
		t.Fatalf("size %d of %d, %v", size, len(b), err)
	}
	if d := Describe(b); len(d.Errors) > 0 {
		t.Fatalf("described with errors: %v", d)
	}
}

// messages draws messages with a body of the same type.
func messages(body Body) *rapid.Generator[Message] {
	return rapid.Custom(func(t *rapid.T) Message {
		m := Message{
			Header: Header{
				ACKRequest: rapid.Bool().Draw(t, "ack_req"), ACKResponse: rapid.Bool().Draw(t, "ack_rsp"),
				UnauthenticatedInformationRequest: rapid.Bool().Draw(t, "uir"), TransactionID: rapid.Uint16Range(0, 0xfff).Draw(t, "tid"),
			},
			Source: mih.MIHFID(text(t, 253, "source")), Destination: mih.MIHFID(text(t, 253, "destination")),
		}
		for range rapid.IntRange(0, 3).Draw(t, "extra") {
			m.Extra = append(m.Extra, TLV{TLVType(rapid.ByteRange(64, 255).Draw(t, "type")), "OUI" + text(t, 400, "value")})
		}
		if body != nil {
			v := reflect.New(reflect.TypeOf(body)).Elem()
			fill(t, v, "")
			m.Body = v.Interface().(Body)
			m.Header.MessageID = body.MessageID()
			if m.Header.ACKResponse && !m.Header.ACKRequest && reflect.DeepEqual(m.Body, reflect.Zero(v.Type()).Interface()) {
				m.Header.ACKResponse = false // a request that asks for nothing would be an acknowledgement
			}
		}
		return m
	})
}

func text(t *rapid.T, longest int, label string) string {
	return string(rapid.SliceOfN(rapid.Byte(), 0, longest).Draw(t, label))
}

// mayBeNone are the fields of type LinkAddress that may be zero.
var mayBeNone = map[string]bool{"PointOfAttachment": true, "Link": true, "OldAccessRouter": true, "NewAccessRouter": true}

// fill draws a value that a message can hold; name is that of the field it stands in.
func fill(t *rapid.T, v reflect.Value, name string) {
	switch x := v.Addr().Interface().(type) {
	case *mih.LinkAddress:
		if !mayBeNone[name] || rapid.Bool().Draw(t, "there") {
			*x = linkAddresses().Draw(t, name)
		}
		return
	case *netip.Addr:
		*x = rapid.SampledFrom([]netip.Addr{{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:192.0.2.1")}).Draw(t, name)
		return
	case *time.Duration: // whole seconds go into a field of either unit
		*x = time.Duration(rapid.IntRange(0, 65).Draw(t, name)) * time.Second
		return
	case *mih.MIHFID:
		*x = mih.MIHFID(text(t, 253, name))
		return
	case *mih.LinkParameterType:
		*x = mih.LinkParameterType(rapid.IntRange(0, 11).Draw(t, "technology")<<8 | rapid.IntRange(0, 255).Draw(t, "parameter"))
		return
	case *int: // of a parameter, signed or not
		*x = rapid.IntRange(0, 100).Draw(t, name)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name)
		}
		settle(t, v)
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), name)
		}
	case reflect.Slice:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.MakeSlice(v.Type(), rapid.SampledFrom([]int{0, 1, 1, 2, 130}).Draw(t, "length"), 130))
		}
		for i := range v.Len() {
			if v.Len() == 130 && i > 0 {
				v.Index(i).Set(v.Index(0)) // a long list costs the drawing of one element
				continue
			}
			fill(t, v.Index(i), name)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), name)
		}
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.String:
		v.SetString(text(t, 140, name))
	case reflect.Int8:
		v.SetInt(int64(rapid.Int8().Draw(t, name)))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, name) >> (64 - v.Type().Bits()))
	default:
		panic(fmt.Sprintf("nothing is drawn for %v", v.Type()))
	}
}

// settle makes alternatives exclude each other, as they do on the wire.
func settle(t *rapid.T, v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *mih.LinkState:
		if x.Channel != nil {
			x.Mode = 0
		}
	case *mih.DeviceState:
		if x.Battery != nil {
			x.Information = ""
		}
	case *mih.LinkParameter:
		if x.QoS != nil {
			x.Value = 0
		}
	case *mih.QoSValue:
		*x = mih.QoSValue{Kind: x.Kind % 6, Classes: x.Classes, Delays: x.Delays, Losses: x.Losses}
		if x.Kind != mih.QoSClasses {
			x.Classes = 0
		}
		if x.Kind != mih.QoSLoss {
			x.Losses = nil
		}
		if x.Kind == mih.QoSClasses || x.Kind == mih.QoSLoss {
			x.Delays = nil
		}
	case *mih.EventConfiguration:
		if x.Parameters != nil {
			x.Detected = nil
		}
	case *mih.TargetNetwork:
		if !x.PointOfAttachment.IsZero() {
			x.NetworkID, x.NetworkAuxID = "", nil
		}
	case *mih.MethodsAnswer:
		if x.Methods != nil {
			x.Supported = nil
		}
	case *mih.AddressAnswer:
		if x.Address.IsValid() {
			x.Same = nil
		}
	case *mih.TransportContainer:
		if x.Carrier != nil {
			x.Predefined = nil
		}
	case *RegisterResponse:
		x.LifetimeAsTimeInterval = x.LifetimeAsTimeInterval && x.Lifetime != nil
	case *MNHOCompleteRequest:
		x.Result %= 3
	case *N2NHOCompleteRequest:
		x.Result %= 3
	case *mih.LinkScanResult:
		x.PointOfAttachment = linkAddresses().Draw(t, "point of attachment")
	case *N2NHOCommitRequest:
		x.PointOfAttachment = linkAddresses().Draw(t, "point of attachment")
	case *mih.Location:
		*x = locationsOf().Draw(t, "location")
	}
}

func linkAddresses() *rapid.Generator[mih.LinkAddress] {
	return rapid.Custom(func(t *rapid.T) mih.LinkAddress {
		kind := mih.LinkAddressKind(rapid.ByteRange(1, 6).Draw(t, "kind"))
		octets := rapid.SliceOfN(rapid.Byte(), 7, 200).Draw(t, "octets")
		for n := len(octets); n >= 0; n-- {
			if a, ok := mih.LinkAddressOf(kind, octets[:n]); ok {
				return a
			}
		}
		panic("no link address")
	})
}

func locationsOf() *rapid.Generator[mih.Location] {
	return rapid.Custom(func(t *rapid.T) mih.Location {
		kind := mih.LocationKind(rapid.ByteRange(1, 5).Draw(t, "kind"))
		least, most := 2, 200
		switch kind {
		case mih.LocationGeoBinary:
			least, most = 16, 16
		case mih.LocationCell:
			least, most = 4, 4
		}
		return mih.Location{Kind: kind, Octets: string(rapid.SliceOfN(rapid.Byte(), least, most).Draw(t, "octets"))}
	})
}
