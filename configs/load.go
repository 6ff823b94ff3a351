// Package configs reads the configuration of the daemons: YAML through viper into a raw form, strictly, and from there into
// typed values. Every problem is found in one go and named with its file, its key, its value and what would be right.
package configs

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Key   string // path such as "lmas[0].address"; "" for the file as a whole
	Value string // as written; "" when the key is missing or the value is a secret
	Want  string // what would be right
}

func (p Problem) String() string {
	switch {
	case p.Key == "":
		return p.Want
	case p.Value == "":
		return fmt.Sprintf("%s: %s", p.Key, p.Want)
	}
	return fmt.Sprintf("%s: %q: %s", p.Key, p.Value, p.Want)
}

// Error is a configuration that cannot be used: all its problems at once.
type Error struct {
	File     string
	Problems []Problem
}

// Error lists the problems, one a line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d problem(s):", e.File, len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// written are the keys that count only in the file: who takes the protection off does it where everybody can read it.
var written = []string{"security.mode", "security.filter"}

// load fills raw, a pointer to a struct with its defaults already in it, from file and from the environment.
// Environment variables override scalar keys, NETLMM_MAG_LIFETIME stands for mag.lifetime; but not those in written.
func load(file string, raw any, problems *problems) error {
	v := viper.New()
	v.SetConfigFile(file)
	v.SetConfigType("yaml")
	if err := v.ReadInConfig(); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s: no such file: name one with --config; examples are in configs/examples", file)
		}
		return notYAML(file, err)
	}
	for _, key := range scalarKeys(reflect.TypeOf(raw).Elem(), "") {
		if slices.Contains(written, key) {
			continue
		}
		// An absent key would be invisible to viper's AutomaticEnv, so each one is bound by name.
		if err := v.BindEnv(key, "NETLMM_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))); err != nil {
			return err
		}
	}
	problems.decodeProblems(v.UnmarshalExact(raw, func(c *mapstructure.DecoderConfig) {
		c.WeaklyTypedInput = false
		c.DecodeHook = strict
	}))
	fillIn(reflect.ValueOf(raw).Elem())
	return nil
}

func scalarKeys(t reflect.Type, prefix string) []string {
	var keys []string
	for f := range t.Fields() {
		key := prefix + f.Tag.Get("mapstructure")
		switch f.Type.Kind() {
		case reflect.Struct:
			if f.Anonymous {
				keys = append(keys, scalarKeys(f.Type, prefix)...)
				continue
			}
			keys = append(keys, scalarKeys(f.Type, key+".")...)
		case reflect.String, reflect.Int, reflect.Bool:
			keys = append(keys, key)
		}
	}
	return keys
}
