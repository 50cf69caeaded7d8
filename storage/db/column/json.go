package column

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// JSON is an encoded document; nil is SQL null. It is written as text, which
// Postgres takes for jsonb and SQLite stores as it is.
type JSON []byte

// Value implements driver.Valuer.
func (j JSON) Value() (driver.Value, error) {
	if j == nil {
		return nil, nil
	}
	if !json.Valid(j) {
		return nil, fmt.Errorf("column: a value of %d bytes is not JSON", len(j))
	}
	return string(j), nil
}

// Scan implements sql.Scanner. It copies the document.
func (j *JSON) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*j = nil
	case []byte:
		*j = append(JSON{}, v...)
	case string:
		*j = JSON(v)
	default:
		return fmt.Errorf("column: cannot read JSON from %T", src)
	}
	return nil
}
