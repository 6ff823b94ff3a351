package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// Setting is one value of the effective configuration. No key holds a secret: what is secret stands in files of its own,
// which the configuration names.
type Setting struct {
	Key       string // path such as lma.min_delay_before_bce_delete or mags[0].address
	Variable  string // its name in an RFC; "" for what no RFC names
	Reference string // where that RFC names it
	Value     any    // in the file's own terms: text with its unit, a number, true or false, or a list of texts
	Default   any    // nil: the key has none
	IsDefault bool
}

// variable is what an RFC calls a key.
type variable struct{ name, reference string }

const (
	rfc5213LMA, rfc5213MAG, rfc5213Domain = "RFC 5213 section 9.1", "RFC 5213 section 9.2", "RFC 5213 section 9.3"
	rfc5846, rfc5847, rfc6275             = "RFC 5846 section 11", "RFC 5847 section 5", "RFC 6275 section 12"
	rfc6909                               = "RFC 6909 section 4"
)

// variables are the protocol variables of both daemons, by their keys without the numbers of list entries.
var variables = map[string]variable{
	"lma.min_delay_before_bce_delete":                      {"MinDelayBeforeBCEDelete", rfc5213LMA},
	"lma.max_delay_before_new_bce_assign":                  {"MaxDelayBeforeNewBCEAssign", rfc5213LMA},
	"lma.timestamp_validity_window":                        {"TimestampValidityWindow", rfc5213LMA},
	"mag.enable_mag_local_routing":                         {"EnableMAGLocalRouting", rfc5213MAG},
	"policy.mobile_nodes.enable_mag_local_routing":         {"EnableMAGLocalRouting", rfc5213MAG},
	"lma.timestamp_based_approach_in_use":                  {"TimestampBasedApproachInUse", rfc5213Domain},
	"mag.timestamp_based_approach_in_use":                  {"TimestampBasedApproachInUse", rfc5213Domain},
	"lma.mobile_node_generated_timestamp_in_use":           {"MobileNodeGeneratedTimestampInUse", rfc5213Domain},
	"mag.mobile_node_generated_timestamp_in_use":           {"MobileNodeGeneratedTimestampInUse", rfc5213Domain},
	"lma.fixed_mag_link_local_address_on_all_access_links": {"FixedMAGLinkLocalAddressOnAllAccessLinks", rfc5213Domain},
	"access_links.link_local_address":                      {"FixedMAGLinkLocalAddressOnAllAccessLinks", rfc5213Domain},
	"lma.fixed_mag_link_layer_address_on_all_access_links": {"FixedMAGLinkLayerAddressOnAllAccessLinks", rfc5213Domain},
	"access_links.link_layer_address":                      {"FixedMAGLinkLayerAddressOnAllAccessLinks", rfc5213Domain},
	"lma.bri_max_retries_number":                           {"BRIMaxRetriesNumber", rfc5846},
	"lma.init_min_delay_bris":                              {"InitMINDelayBRIs", rfc5846},
	"lma.max_brack_timeout":                                {"MAX_BRACK_TIMEOUT", rfc5846},
	"heartbeat.interval":                                   {"HEARTBEAT_INTERVAL", rfc5847},
	"heartbeat.missing_allowed":                            {"MISSING_HEARTBEATS_ALLOWED", rfc5847},
	"lma.enable_ipv4_traffic_offload_support":              {"EnableIPv4TrafficOffloadSupport", rfc6909},
	"mag.enable_ipv4_traffic_offload_support":              {"EnableIPv4TrafficOffloadSupport", rfc6909},
	"mag.initial_bindack_timeout":                          {"INITIAL_BINDACK_TIMEOUT", rfc6275},
	"mag.max_bindack_timeout":                              {"MAX_BINDACK_TIMEOUT", rfc6275},
}

// fillIn gives the entries of lists the defaults in the tags of their fields; those of other keys stand there before a file
// is read. v is a struct.
func fillIn(v reflect.Value) {
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag.Get("default")
		switch {
		case field.Kind() == reflect.Struct:
			fillIn(field)
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			for j := range field.Len() {
				fillIn(field.Index(j))
			}
		case tag != "" && field.IsZero() && field.Kind() == reflect.Pointer:
			field.Set(reflect.New(field.Type().Elem()))
			setText(field.Elem(), tag)
		case tag != "" && field.IsZero():
			setText(field, tag)
		}
	}
}

// setText sets a scalar from the text of a tag.
func setText(v reflect.Value, text string) {
	parsed := tagged(v.Type(), text)
	v.Set(reflect.ValueOf(parsed).Convert(v.Type()))
}

// tagged reads the text of a default tag as a value of type t, or what t points to. A tag that is none is this package's own
// mistake, and the first test to load a file finds it.
func tagged(t reflect.Type, text string) any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var value any = text
	var err error
	switch t.Kind() {
	case reflect.Bool:
		value, err = strconv.ParseBool(text)
	case reflect.Int:
		value, err = strconv.Atoi(text)
	}
	if err != nil {
		panic("configs: default tag: " + err.Error())
	}
	return value
}

// settings lists raw with its defaults, both pointers to a raw form.
func settings(raw, defaults any) []Setting {
	l := lister{}
	l.section(reflect.ValueOf(raw).Elem(), reflect.ValueOf(defaults).Elem(), "", "")
	return l.list
}

type lister struct{ list []Setting }

// section lists the keys of a struct. defaults is invalid in entries of lists, whose defaults are in tags. plain is path
// without the numbers of entries.
func (l *lister) section(v, defaults reflect.Value, path, plain string) {
	for i := range v.NumField() {
		description := v.Type().Field(i)
		name := description.Tag.Get("mapstructure")
		field := v.Field(i)
		var other reflect.Value
		if defaults.IsValid() {
			other = defaults.Field(i)
		}
		switch {
		case name == ",squash":
			l.section(field, other, path, plain)
		case field.Kind() == reflect.Struct:
			l.section(field, other, path+name+".", plain+name+".")
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			for j := range field.Len() {
				l.section(field.Index(j), reflect.Value{}, fmt.Sprintf("%s%s[%d].", path, name, j), plain+name+".")
			}
		default:
			l.key(path+name, plain+name, field, defaultOf(other, description))
		}
	}
}

// defaultOf is the default of a key: the value before the file was read, or what its tag says.
func defaultOf(before reflect.Value, description reflect.StructField) any {
	if before.IsValid() {
		return plainValue(before)
	}
	if tag := description.Tag.Get("default"); tag != "" {
		return tagged(description.Type, tag)
	}
	return nil
}

func (l *lister) key(path, plain string, v reflect.Value, standard any) {
	value := plainValue(v)
	if value == nil {
		return // an optional key of a list's entry that is not there
	}
	named := variables[plain]
	l.list = append(l.list, Setting{path, named.name, named.reference, value, standard, reflect.DeepEqual(value, standard)})
}

// plainValue is a scalar or a list of texts; nil for an empty one and for a pointer to nothing.
func plainValue(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plainValue(v.Elem())
	case reflect.Slice:
		if v.Len() == 0 {
			return nil
		}
		return slices.Clone(v.Interface().([]string))
	case reflect.String:
		return v.String()
	}
	return v.Interface()
}
