package rest

import (
	"encoding/base64"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// ErrBadCursor is the outcome of a cursor that is not from the list.
var ErrBadCursor = BadRequest("bad_cursor", "this cursor is not from this list")

// Cursor is a place between two items of a list: that after the item with this id
// or, going back, that before it. Lists are in the order of ids, or of a number and
// then of ids, so that items which come and go do not shift the others.
type Cursor struct {
	Back   bool
	Number int64 // of the item, in lists that are in the order of one; such as microseconds
	ID     uuid.UUID
}

// List names an order of items: its cursors fit no other. The zero List is none.
type List byte

// The orders. A number is never used again for another.
const (
	ByNewest    List = iota + 1 // newest first: ids are UUIDv7
	ByTimeFirst                 // earliest first: the number is in microseconds
	ByMost                      // greatest number first, then newest
	ByTimeLast                  // latest first: the number is in microseconds
)

const cursorLength = 1 + 1 + 8 + 16

// First is where l begins: ahead of its first item.
func (l List) First() Cursor {
	switch l {
	case ByTimeFirst:
		return Cursor{Number: math.MinInt64}
	case ByMost, ByTimeLast:
		return Cursor{Number: math.MaxInt64, ID: uuid.Max}
	default:
		return Cursor{ID: uuid.Max}
	}
}

// Encode returns c as an opaque text.
func (l List) Encode(c Cursor) string {
	raw := make([]byte, 0, cursorLength)
	back := byte(0)
	if c.Back {
		back = 1
	}
	raw = append(raw, byte(l), back)
	n := uint64(c.Number) //nolint:gosec // the bits, for Decode
	for shift := 56; shift >= 0; shift -= 8 {
		raw = append(raw, byte(n>>shift))
	}
	return base64.RawURLEncoding.EncodeToString(append(raw, c.ID[:]...))
}

// Decode returns the cursor that Encode made text from. Empty is where the list
// begins; any other text is ErrBadCursor.
func (l List) Decode(text string) (Cursor, error) {
	if text == "" {
		return l.First(), nil
	}
	if len(text) != base64.RawURLEncoding.EncodedLen(cursorLength) {
		return Cursor{}, ErrBadCursor
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != cursorLength || raw[0] != byte(l) || raw[1] > 1 { // it skips line breaks
		return Cursor{}, ErrBadCursor
	}
	var n uint64
	for _, b := range raw[2:10] {
		n = n<<8 | uint64(b)
	}
	return Cursor{Back: raw[1] == 1, Number: int64(n), ID: uuid.UUID(raw[10:])}, nil //nolint:gosec // the bits, from Encode
}

// Micros returns t as the number of a cursor.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// PageQuery is the part of an input that turns pages. Embed it.
type PageQuery struct {
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor or prev_cursor of another page of this list."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"Most items on the page."`
}

// Page is a part of a list.
type Page[T any] struct {
	Items      []T
	Next, Prev string // cursors; empty where the list ends
}

// NewPage makes a page of the rows that a query found beyond c: up to limit+1 of
// them, of which the last only shows that there are more. When c goes back, rows
// come nearest first, that is in the opposite order. place returns an item's cursor,
// of which Back is not looked at. It takes rows over.
func NewPage[T any](l List, c Cursor, limit int, rows []T, place func(T) Cursor) Page[T] {
	more := len(rows) > limit
	rows = rows[:min(len(rows), limit)]
	if c.Back {
		slices.Reverse(rows)
	}
	page := Page[T]{Items: rows}
	switch {
	case len(rows) == 0 && c == l.First():
		return page
	case len(rows) == 0: // what was there has gone: turn round, at the item whose place c is
		if c.Back {
			page.Next = l.Encode(step(c, l != ByTimeFirst))
		} else {
			back := step(c, l == ByTimeFirst)
			back.Back = true
			page.Prev = l.Encode(back)
		}
		return page
	}
	if c.Back || more {
		next := place(rows[len(rows)-1])
		next.Back = false
		page.Next = l.Encode(next)
	}
	if (c.Back && more) || (!c.Back && c != l.First()) {
		prev := place(rows[0])
		prev.Back = true
		page.Prev = l.Encode(prev)
	}
	return page
}

// step returns the place next to c, up or down: between c and the item that is nearest.
func step(c Cursor, up bool) Cursor {
	c.Back = false
	for i := len(c.ID) - 1; i >= 0; i-- {
		if up {
			c.ID[i]++
			if c.ID[i] != 0 {
				return c
			}
			continue
		}
		c.ID[i]--
		if c.ID[i] != math.MaxUint8 {
			return c
		}
	}
	return c // the last id of all: no item has it
}

// MapPage returns p with each item as f shows it.
func MapPage[T, V any](p Page[T], f func(T) V) Page[V] {
	items := make([]V, len(p.Items))
	for i, item := range p.Items {
		items[i] = f(item)
	}
	return Page[V]{Items: items, Next: p.Next, Prev: p.Prev}
}

// PageOutput is the reply of an operation that lists.
type PageOutput[V any] struct {
	Link string `header:"Link" doc:"RFC 8288: the next and the previous page, if there are such."`
	Body PageBody[V]
}

// PageBody is one page of a list.
type PageBody[V any] struct {
	Items      []V    `json:"items" nullable:"false"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Where the next page begins; absent on the last."`
	PrevCursor string `json:"prev_cursor,omitempty" doc:"Where the previous page is; absent on the first."`
}

// NewPageOutput shows p at path; query is what, beside cursor and limit, chose the list.
func NewPageOutput[V any](p Page[V], path string, query url.Values, limit int) *PageOutput[V] {
	out := &PageOutput[V]{Body: PageBody[V]{Items: p.Items, NextCursor: p.Next, PrevCursor: p.Prev}}
	if out.Body.Items == nil {
		out.Body.Items = []V{}
	}
	for _, link := range []struct{ cursor, rel string }{{p.Next, "next"}, {p.Prev, "prev"}} {
		if link.cursor == "" {
			continue
		}
		q := url.Values{}
		for name, values := range query {
			q[name] = values
		}
		q.Set("cursor", link.cursor)
		q.Set("limit", strconv.Itoa(limit))
		if out.Link != "" {
			out.Link += ", "
		}
		out.Link += "<" + path + "?" + q.Encode() + `>; rel="` + link.rel + `"`
	}
	return out
}
