package configs

import (
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-viper/mapstructure/v2"
)

// misfit is a value of the wrong type.
type misfit struct {
	value any
	want  string
}

func (m misfit) Error() string { return fmt.Sprintf("%v: %s", m.value, m.want) }

// written is the value as a person wrote it; "" for a list or a section.
func (m misfit) written() string {
	switch reflect.TypeOf(m.value).Kind() {
	case reflect.Map, reflect.Slice:
		return ""
	}
	return fmt.Sprint(m.value)
}

// strict refuses every value that does not fit, in a person's words; mapstructure would cut fractions off and speak of Go's
// types. Environment variables, which are strings, may stand for integers and booleans; nothing else is converted.
func strict(from, to reflect.Type, value any) (any, error) {
	text, isText := value.(string)
	switch to.Kind() {
	case reflect.Struct:
		if from.Kind() != reflect.Map {
			return nil, misfit{value, "want keys below it, each on a line of its own"}
		}
	case reflect.Slice:
		if from.Kind() != reflect.Slice {
			return nil, misfit{value, "want a list: lines that begin with a dash, or [in, brackets]"}
		}
	case reflect.Bool:
		if isText {
			parsed, err := strconv.ParseBool(text)
			if err != nil {
				return nil, misfit{value, "want true or false"}
			}
			return parsed, nil
		}
		if from.Kind() != reflect.Bool {
			return nil, misfit{value, "want true or false"}
		}
	case reflect.Int:
		if n, ok := integer(value); ok {
			return n, nil
		}
		return nil, misfit{value, "want a whole number"}
	case reflect.String:
		if n, ok := integer(value); ok && !isText && to == reflect.TypeFor[rawNumbers]() {
			return strconv.Itoa(n), nil
		}
		if !isText {
			return nil, misfit{value, "want text: a value with a unit is written with it, such as 1500ms; a name that looks like a number stands in quotes"}
		}
	}
	return value, nil
}

func integer(value any) (int, bool) {
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Int, reflect.Int64:
		return int(v.Int()), true
	case reflect.Float64:
		f := v.Float()
		return int(f), f == math.Trunc(f) && math.Abs(f) < 1<<53
	case reflect.String:
		n, err := strconv.Atoi(v.String())
		return n, err == nil
	}
	return 0, false
}

// decodeProblems adds what mapstructure found, one problem for each value.
func (p *problems) decodeProblems(err error) {
	var at *mapstructure.DecodeError
	switch e := err.(type) {
	case nil:
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			p.decodeProblems(one)
		}
	case *mapstructure.DecodeError:
		if errors.As(e.Unwrap(), &at) {
			p.decodeProblems(e.Unwrap())
			return
		}
		p.decodeProblem(e.Name(), e.Unwrap())
	default:
		if inner := errors.Unwrap(err); inner != nil {
			p.decodeProblems(inner)
			return
		}
		p.add("", "", err.Error())
	}
}

func (p *problems) decodeProblem(key string, err error) {
	var wrong misfit
	if errors.As(err, &wrong) {
		p.add(key, wrong.written(), wrong.want)
		return
	}
	if keys, ok := strings.CutPrefix(err.Error(), "has invalid keys: "); ok {
		if key == "" {
			key = "top level"
		}
		p.add(key, "", "unknown key(s): "+keys+": the example files in configs/examples have every key that there is")
		return
	}
	p.add(key, "", err.Error())
}

// notYAML explains why a file could not be parsed. The parser's own words tell nothing to who has used a tab.
func notYAML(file string, err error) error {
	text, readErr := os.ReadFile(file)
	if readErr != nil {
		return fmt.Errorf("%w: make the file readable for this user", readErr)
	}
	for i, line := range strings.Split(string(text), "\n") {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if strings.Contains(indent, "\t") && strings.TrimSpace(line) != "" {
			return fmt.Errorf("%s: line %d is indented with a tab: YAML wants spaces", file, i+1)
		}
	}
	reason := err.Error()
	if _, after, ok := strings.Cut(reason, "yaml: "); ok {
		reason = strings.ReplaceAll(strings.TrimPrefix(after, "unmarshal errors:"), "\n", "")
	}
	if strings.Contains(reason, "cannot unmarshal") {
		return fmt.Errorf("%s: is no set of keys: want lines such as `mag:` and `security:` at its left margin, as the files in configs/examples have them", file)
	}
	return fmt.Errorf("%s: is not the YAML that is wanted, %s: look there and above for an unclosed quote or bracket, a missing space behind a colon, "+
		"a key that stands twice or an indentation that differs from its neighbours'", file, strings.TrimSpace(reason))
}
