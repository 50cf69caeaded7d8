package configs

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// hidden stands in for a secret wherever it would be printed.
const hidden = "[hidden]"

// Secret is a text that must not be printed. However it is formatted, logged
// or marshalled, only [hidden] appears, or nothing when it is empty.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns [hidden], or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format writes String, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText returns String. It covers JSON, YAML and slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// unit is a suffix and what it multiplies by.
type unit struct {
	suffix string
	factor int64
}

// sizeUnits and bitrateUnits begin with the largest.
var (
	sizeUnits    = []unit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}
	bitrateUnits = []unit{{"M", 1_000_000}, {"k", 1000}}
)

// Size is a number of bytes, written as 512MiB.
type Size int64

// String writes s in the largest unit that divides it.
func (s Size) String() string {
	if s == 0 {
		return "0B"
	}
	return formatUnit(int64(s), sizeUnits)
}

// MarshalText returns String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a whole number with the unit B, KiB, MiB or GiB.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := parseUnit(string(text), sizeUnits)
	if err != nil {
		return errors.New("is not a size such as 512MiB (units: B, KiB, MiB, GiB)")
	}
	*s = Size(n)
	return nil
}

// Bitrate is a number of bits per second, written as 2800k or 6M.
type Bitrate int64

// String writes b in the largest unit that divides it.
func (b Bitrate) String() string { return formatUnit(int64(b), bitrateUnits) }

// MarshalText returns String.
func (b Bitrate) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a whole number of bits per second, or one followed by k
// (thousand) or M (million).
func (b *Bitrate) UnmarshalText(text []byte) error {
	n, err := parseUnit(string(text), append(bitrateUnits[:len(bitrateUnits):len(bitrateUnits)], unit{"", 1}))
	if err != nil {
		return errors.New("is not a bitrate such as 2800k or 6M")
	}
	*b = Bitrate(n)
	return nil
}

func formatUnit(n int64, units []unit) string {
	for _, u := range units {
		if n != 0 && n%u.factor == 0 {
			return strconv.FormatInt(n/u.factor, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

// parseUnit reads digits followed by one of the units. The first whose suffix
// fits is taken, so "" comes last.
func parseUnit(text string, units []unit) (int64, error) {
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil {
			return 0, err
		}
		if int64(n) > math.MaxInt64/u.factor {
			return 0, strconv.ErrRange
		}
		return int64(n) * u.factor, nil
	}
	return 0, strconv.ErrSyntax
}
