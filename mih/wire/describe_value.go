package wire

import (
	"bytes"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"netlmm/mih"
)

// Object is a part of a description: fields in their order, as one JSON object.
type Object []Field

// Field is a named value: an Object, a []any of such, a string, a number or a bool. Note says in words what a number means; in JSON
// it is a field of its own, "type_name" beside "type", or "events_names" when it is a list.
type Field struct {
	Name  string
	Value any
	Note  any // nil, a string, or a []string
}

// MarshalJSON writes the fields in order.
func (o Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	member := func(name string, value any) error {
		text, err := json.Marshal(value)
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", name, text)
		return err
	}
	b.WriteByte('{')
	for _, f := range o {
		if err := member(f.Name, f.Value); err != nil {
			return nil, err
		}
		if f.Note == nil {
			continue
		}
		suffix := "_name"
		if _, several := f.Note.([]string); several {
			suffix = "_names"
		}
		if err := member(f.Name+suffix, f.Note); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// textOf is a value of a description as text.
func textOf(value any) string {
	switch v := value.(type) {
	case Object:
		return "{" + textOfFields(v) + "}"
	case []any:
		var parts []string
		for _, element := range v {
			parts = append(parts, textOf(element))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		if v == "" || strings.ContainsAny(v, " ,(){}[]\"") {
			return strconv.Quote(v)
		}
		return v
	}
	return fmt.Sprint(value)
}

func textOfFields(o Object) string {
	var parts []string
	for _, f := range o {
		part := f.Name + " " + textOf(f.Value)
		switch note := f.Note.(type) {
		case string:
			part += " (" + note + ")"
		case []string:
			part += " (" + strings.Join(note, ", ") + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// describeField is the field, or the fields, of a value with a name: none when it is absent.
func describeField(name string, v reflect.Value) Object {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice:
		if v.IsNil() {
			return nil
		}
	}
	if v.Kind() == reflect.Pointer {
		return describeField(name, v.Elem())
	}
	if zero, ok := v.Interface().(interface{ IsZero() bool }); ok && zero.IsZero() {
		return nil
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return Object{{Name: name + "_ms", Value: x.Milliseconds()}}
	case interface{ Names() []string }:
		return Object{{Name: name, Value: describeValue(v), Note: x.Names()}}
	case fmt.Stringer:
		if v.CanUint() {
			return Object{{Name: name, Value: v.Uint(), Note: x.String()}}
		}
	}
	return Object{{Name: name, Value: describeValue(v)}}
}

// describeValue is a value of the vocabulary as a value of a description.
func describeValue(v reflect.Value) any {
	if text, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, _ := text.MarshalText()
		return printable(string(b))
	}
	switch v.Kind() {
	case reflect.Struct:
		return describeStruct(v)
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = describeElement(v.Index(i))
		}
		return list
	case reflect.Array:
		octets := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(octets), v)
		return printable(string(octets))
	case reflect.String:
		return printable(v.String())
	}
	return v.Interface()
}

// describeElement is an element of a list: a number with a name by its name.
func describeElement(v reflect.Value) any {
	if name, ok := v.Interface().(fmt.Stringer); ok && v.CanUint() {
		return name.String()
	}
	return describeValue(v)
}

// describeStruct leaves out what is absent: by its value, or because another field stands for it.
func describeStruct(v reflect.Value) Object {
	switch x := v.Interface().(type) {
	case mih.LinkState:
		if x.Channel != nil {
			return Object{{Name: "channel", Value: *x.Channel}}
		}
	case mih.InformationElement:
		return describeElementOf(x)
	case mih.LinkParameter:
		if x.QoS != nil {
			return append(describeField("type", reflect.ValueOf(x.Type)), describeField("qos", reflect.ValueOf(x.QoS))...)
		}
	}
	fields := Object{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			fields = append(fields, describeStruct(v.Field(i))...)
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if options == "" || !v.Field(i).IsZero() {
			fields = append(fields, describeField(name, v.Field(i))...)
		}
	}
	return fields
}

// printable is text as it is, and anything else in hex.
func printable(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	return hexOf(s)
}

func hexOf(s string) string {
	if s == "" {
		return ""
	}
	return "0x" + hex.EncodeToString([]byte(s))
}
