package wire

import (
	"fmt"
	"reflect"
	"strings"

	"netlmm/mih"
)

// DescribeElements describes the elements of an answer for people: each with type and name, and its value, its elements, or its octets
// in hex as "data" with an "error" when it is not in the form of its type.
func DescribeElements(answer mih.BinaryAnswer) []Object {
	described := make([]Object, len(answer))
	for i, e := range answer {
		described[i] = describeElementOf(e)
	}
	return described
}

func describeElementOf(e mih.InformationElement) Object {
	read, _ := readElement(e, 0)
	return describeRead(read, 0)
}

// describeRead describes an element that was read inside a container of the given level.
func describeRead(e mih.Element, inside int) Object {
	head := Object{{Name: "type", Value: fmt.Sprintf("0x%08x", uint32(e.Type))}, {Name: "name", Value: e.Type.String()}}
	switch v := e.Value.(type) {
	case []mih.Element:
		children := make([]any, len(v))
		for i, child := range v {
			children[i] = describeRead(child, e.Type.ContainerLevel())
		}
		return append(head, Field{Name: "elements", Value: children})
	case mih.RawElement:
		head = append(head, Field{Name: "data", Value: hexOf(string(v))})
		if _, err := readElement(mih.InformationElement{Type: e.Type, Value: string(v)}, inside); err != nil {
			head = append(head, Field{Name: "error", Value: strings.TrimPrefix(err.Error(), errorPrefix)})
		}
		return head
	}
	return append(head, describeField("value", reflect.ValueOf(e.Value))...)
}

// String is the object as text.
func (o Object) String() string { return textOfFields(o) }
