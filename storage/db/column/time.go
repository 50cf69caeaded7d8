package column

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Time is an instant as both databases keep it: in UTC, in whole microseconds.
type Time struct{ time.Time }

// At returns t as it will read back from the database.
func At(t time.Time) Time {
	return Time{t.UTC().Truncate(time.Microsecond)}
}

// Maybe is At for a column that may be null.
func Maybe(t time.Time) *Time {
	at := At(t)
	return &at
}

// Value implements driver.Valuer.
func (t Time) Value() (driver.Value, error) {
	return At(t.Time).Time, nil
}

// layouts are the texts in which SQLite hands out an instant: as the driver
// writes it, and as SQLite's own date functions do.
var layouts = [...]string{
	"2006-01-02 15:04:05.999999999-07:00",
	time.RFC3339Nano,
	time.DateTime,
}

// Scan implements sql.Scanner. It takes a time or a text of one; a text without
// a zone is UTC. Null is an error: scan into a *Time where the column allows it.
func (t *Time) Scan(src any) error {
	switch v := src.(type) {
	case time.Time:
		*t = At(v)
		return nil
	case []byte:
		return t.parse(string(v))
	case string:
		return t.parse(v)
	default:
		return fmt.Errorf("column: cannot read a time from %T", src)
	}
}

func (t *Time) parse(text string) error {
	for _, layout := range layouts {
		if v, err := time.Parse(layout, text); err == nil {
			*t = At(v)
			return nil
		}
	}
	return fmt.Errorf("column: %q is not a time", text)
}
