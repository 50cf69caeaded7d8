package configs

import (
	"encoding"
	"errors"
	"log/slog"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// envPrefix begins the environment variable of every setting.
const envPrefix = "BANDSTAND_"

// key is one setting: its path and where its value lives in a Config.
type key struct {
	path  string // such as http.listen
	value reflect.Value
}

// env returns the setting's environment variable.
func (k key) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.path, ".", "_"))
}

// keys lists the settings of cfg in the order of its fields. Setting a key's
// value changes cfg.
func keys(cfg *Config) []key {
	return appendKeys(nil, "", reflect.ValueOf(cfg).Elem())
}

func appendKeys(list []key, prefix string, section reflect.Value) []key {
	for i := range section.NumField() {
		path := prefix + section.Type().Field(i).Tag.Get("yaml")
		if field := section.Field(i); isSection(field) {
			list = appendKeys(list, path+".", field)
		} else {
			list = append(list, key{path, field})
		}
	}
	return list
}

// fieldNamed returns the field of section that name stands for.
func fieldNamed(section reflect.Value, name string) (reflect.Value, bool) {
	for i := range section.NumField() {
		if section.Type().Field(i).Tag.Get("yaml") == name {
			return section.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// isSection reports whether v groups further settings.
func isSection(v reflect.Value) bool {
	_, isText := v.Addr().Interface().(encoding.TextUnmarshaler)
	return v.Kind() == reflect.Struct && !isText
}

// setText reads text into v, which is a single value: no list and no section.
// The error continues a sentence that begins with the text: "is not …".
func setText(v reflect.Value, text string) error {
	switch target := v.Addr().Interface().(type) {
	case encoding.TextUnmarshaler:
		return unmarshalText(target, text)
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("is not a duration such as 2s, 200ms or 1m30s")
		}
		*target = d
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return errors.New("is not a whole number")
		}
		v.SetInt(n)
	case reflect.Bool:
		switch text {
		case "true":
			v.SetBool(true)
		case "false":
			v.SetBool(false)
		default:
			return errors.New("is neither true nor false")
		}
	default:
		return errors.New("cannot be set to a single value")
	}
	return nil
}

// unmarshalText words the errors of the standard library's types as setText's.
func unmarshalText(target encoding.TextUnmarshaler, text string) error {
	err := target.UnmarshalText([]byte(text))
	if err == nil {
		return nil
	}
	switch target.(type) {
	case *slog.Level:
		return errors.New("is not a level: debug, info, warn or error")
	case *netip.Prefix:
		return errors.New("is not a network such as 10.0.0.0/8 or ::1/128")
	}
	return err
}

// isSecret reports whether v must not be quoted in an error.
func isSecret(v reflect.Value) bool { return v.Type() == reflect.TypeFor[Secret]() }
