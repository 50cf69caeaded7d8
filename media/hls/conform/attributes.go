package conform

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// attribute is one value of an attribute list.
type attribute struct {
	value  string
	quoted bool
}

// attributes is an attribute list, RFC 8216bis 4.2.
type attributes map[string]attribute

// parseAttributes reads NAME=value pairs separated by commas, strictly: no
// blanks around them, no name twice, no line left over.
func parseAttributes(s string) (attributes, error) {
	out := attributes{}
	for {
		name, rest, ok := strings.Cut(s, "=")
		if !ok || !validName(name) {
			return nil, fmt.Errorf("bad attribute name %q", name)
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("attribute %s twice", name)
		}
		var a attribute
		if body, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
			a.quoted = true
			if a.value, rest, ok = strings.Cut(body, `"`); !ok {
				return nil, fmt.Errorf("attribute %s: quote not closed", name)
			}
		} else {
			end := strings.IndexByte(rest, ',')
			if end < 0 {
				end = len(rest)
			}
			a.value, rest = rest[:end], rest[end:]
			if a.value == "" || strings.ContainsAny(a.value, " \t\"") {
				return nil, fmt.Errorf("attribute %s: bad value %q", name, a.value)
			}
		}
		out[name] = a
		if rest == "" {
			return out, nil
		}
		if s, ok = strings.CutPrefix(rest, ","); !ok {
			return nil, fmt.Errorf("attribute %s: %q after its value", name, rest)
		}
	}
}

func validName(s string) bool {
	for _, c := range s {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}

func (a attributes) has(name string) bool {
	_, ok := a[name]
	return ok
}

// text returns a quoted string; it is an error when it is missing or bare.
func (a attributes) text(name string) (string, error) {
	v, ok := a[name]
	if !ok || !v.quoted {
		return "", fmt.Errorf("attribute %s missing or not a quoted string", name)
	}
	return v.value, nil
}

// word returns an enumerated string, empty when it is missing.
func (a attributes) word(name string) (string, error) {
	v, ok := a[name]
	if ok && v.quoted {
		return "", fmt.Errorf("attribute %s must not be quoted", name)
	}
	return v.value, nil
}

// yes tells whether an attribute is there and YES; anything but YES is an error.
func (a attributes) yes(name string) (bool, error) {
	v, err := a.word(name)
	if err == nil && a.has(name) && v != "YES" && v != "NO" {
		err = fmt.Errorf("attribute %s=%s is neither YES nor NO", name, v)
	}
	return v == "YES", err
}

// integer returns a decimal integer, 0 when it is missing.
func (a attributes) integer(name string) (int64, error) {
	if !a.has(name) {
		return 0, nil
	}
	v, err := a.word(name)
	if err != nil {
		return 0, err
	}
	return parseInteger(v)
}

// seconds returns a decimal number of seconds, 0 when it is missing.
func (a attributes) seconds(name string) (time.Duration, error) {
	if !a.has(name) {
		return 0, nil
	}
	v, err := a.word(name)
	if err != nil {
		return 0, err
	}
	return parseSeconds(v)
}

func parseInteger(s string) (int64, error) {
	if s == "" || len(s) > 18 || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("bad decimal integer %q", s)
	}
	return strconv.ParseInt(s, 10, 64)
}

// parseSeconds reads a decimal floating point number of seconds exactly, to the
// nanosecond.
func parseSeconds(s string) (time.Duration, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := parseInteger(whole)
	if err != nil || n > 1_000_000 {
		return 0, fmt.Errorf("bad decimal number %q", s)
	}
	if fraction == "" {
		return time.Duration(n) * time.Second, nil
	}
	if strings.Trim(fraction, "0123456789") != "" {
		return 0, fmt.Errorf("bad decimal number %q", s)
	}
	ns, err := parseInteger((fraction + "000000000")[:9])
	return time.Duration(n)*time.Second + time.Duration(ns), err
}

// lines splits a playlist and checks what every playlist starts with.
func lines(body string) ([]string, error) {
	if !strings.HasPrefix(body, "#EXTM3U") {
		return nil, errors.New("does not start with #EXTM3U")
	}
	if strings.ContainsRune(body, '\uFEFF') {
		return nil, errors.New("contains a byte order mark")
	}
	out := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	for i, l := range out {
		out[i] = strings.TrimSuffix(l, "\r")
	}
	if out[0] != "#EXTM3U" {
		return nil, fmt.Errorf("first line is %.40q", out[0])
	}
	return out[1:], nil
}
