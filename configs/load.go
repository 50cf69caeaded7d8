package configs

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// ignoredEnv are variables that begin as settings do and are none: the file to
// read, and whatever tests need.
func ignoredEnv(name string) bool {
	return name == envPrefix+"CONFIG" || strings.HasPrefix(name, envPrefix+"TEST_")
}

// Load returns the settings: the defaults, then the YAML file at path (none if
// path is empty), then the BANDSTAND_ variables of environ (as os.Environ has
// them), then each "path=value" of flags, such as "http.listen=:9000".
//
// In the environment and in flags a list is written with commas, or as JSON.
// All that is unknown, unreadable or invalid is reported in one error; a
// secret's value never appears in it.
func Load(path string, environ, flags []string) (Config, error) {
	cfg := Default()
	var errs []error
	if path != "" {
		errs = append(errs, readFile(path, &cfg))
	}
	settings := keys(&cfg)
	errs = append(errs, applyEnviron(settings, environ), applyFlags(settings, flags))
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	if err := cfg.Validate(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

func applyEnviron(settings []key, environ []string) error {
	byName := make(map[string]key, len(settings))
	names := make([]string, 0, len(settings))
	for _, k := range settings {
		byName[k.env()] = k
		names = append(names, k.env())
	}
	var errs []error
	for _, entry := range environ {
		name, text, ok := strings.Cut(entry, "=")
		if !ok || !strings.HasPrefix(name, envPrefix) || ignoredEnv(name) {
			continue
		}
		k, ok := byName[name]
		if !ok {
			errs = append(errs, fmt.Errorf("environment: %s is not a setting%s", name, hint(name, names)))
			continue
		}
		if err := setString(k.value, name, text); err != nil {
			errs = append(errs, fmt.Errorf("environment: %w", err))
		}
	}
	return errors.Join(errs...)
}

func applyFlags(settings []key, flags []string) error {
	byPath := make(map[string]key, len(settings))
	paths := make([]string, 0, len(settings))
	for _, k := range settings {
		byPath[k.path] = k
		paths = append(paths, k.path)
	}
	var errs []error
	for _, entry := range flags {
		path, text, ok := strings.Cut(entry, "=")
		if !ok {
			errs = append(errs, errors.New("command line: a setting is written path=value, such as http.listen=:9000"))
			continue
		}
		k, ok := byPath[path]
		if !ok {
			errs = append(errs, fmt.Errorf("command line: %s is not a setting%s", path, hint(path, paths)))
			continue
		}
		if err := setString(k.value, path, text); err != nil {
			errs = append(errs, fmt.Errorf("command line: %w", err))
		}
	}
	return errors.Join(errs...)
}

// setString sets v, a single value or a list, from one string. name is how
// errors call it.
func setString(v reflect.Value, name, text string) error {
	if v.Kind() == reflect.Slice {
		return setListString(v, name, text)
	}
	if err := setText(v, text); err != nil {
		return valueError(v, name, text, err)
	}
	return nil
}

// setListString reads a list: JSON if it begins with a bracket, or else values
// separated by commas. An empty text is an empty list.
func setListString(v reflect.Value, name, text string) error {
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		return setListJSON(v, name, text)
	}
	list := reflect.MakeSlice(v.Type(), 0, 0)
	if text != "" {
		if elem := v.Type().Elem(); elem.Kind() == reflect.Struct && isSection(reflect.New(elem).Elem()) {
			return fmt.Errorf(`%s must be a JSON list, such as [{"name":"720p",…}]`, name)
		}
		for item := range strings.SplitSeq(text, ",") {
			elem := reflect.New(v.Type().Elem()).Elem()
			item = strings.TrimSpace(item)
			if err := setText(elem, item); err != nil {
				return valueError(elem, name, item, err)
			}
			list = reflect.Append(list, elem)
		}
	}
	v.Set(list)
	return nil
}

// valueError says that text is no value for name, without repeating a secret.
func valueError(v reflect.Value, name, text string, err error) error {
	if isSecret(v) {
		return fmt.Errorf("%s: the value %w", name, err)
	}
	return fmt.Errorf("%s: %q %w", name, text, err)
}
