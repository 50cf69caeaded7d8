package rest_test

import (
	"bytes"
	"encoding/base64"
	"math"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/rest"
)

var lists = map[string]rest.List{
	"by newest": rest.ByNewest, "by time first": rest.ByTimeFirst, "by most": rest.ByMost, "by time last": rest.ByTimeLast,
}

// item is something in a list.
type item struct {
	number int64
	id     uuid.UUID
}

func place(i item) rest.Cursor { return rest.Cursor{Number: i.number, ID: i.id} }

// order compares items as l has them.
func order(l rest.List, a, b item) int {
	newest := -bytes.Compare(a.id[:], b.id[:])
	switch {
	case l == rest.ByNewest:
		return newest
	case l == rest.ByTimeFirst && a.number != b.number:
		return map[bool]int{true: -1, false: 1}[a.number < b.number]
	case l == rest.ByTimeFirst:
		return -newest
	case a.number != b.number:
		return map[bool]int{true: -1, false: 1}[a.number > b.number]
	}
	return newest
}

// query returns the rows that a database would find: beyond c, nearest first, limit+1
// at most.
func query(l rest.List, items []item, c rest.Cursor, limit int) []item {
	at := item{c.Number, c.ID}
	found := []item{}
	for _, i := range items {
		switch o := order(l, i, at); {
		case o > 0 && !c.Back, o < 0 && c.Back:
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(a, b item) int {
		if c.Back {
			return order(l, b, a)
		}
		return order(l, a, b)
	})
	return found[:min(len(found), limit+1)]
}

// readPage reads the page at a cursor as a feature does.
func readPage(t *testing.T, l rest.List, items []item, cursor string, limit int) rest.Page[item] {
	t.Helper()
	c, err := l.Decode(cursor)
	require.NoError(t, err)
	return rest.NewPage(l, c, limit, query(l, items, c, limit), place)
}

func randomItem(r *rand.Rand) item {
	return item{r.Int64N(5) - 2, uuid.UUID{0: byte(r.IntN(256)), 1: byte(r.IntN(256)), 15: byte(r.IntN(256))}}
}

// TestPagesShowEachItemOnce turns pages forth and back while items come and go, and
// compares with a slice: what was there all the time is seen once, in order.
func TestPagesShowEachItemOnce(t *testing.T) {
	t.Parallel()
	for name, l := range lists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(300) {
				turnPages(t, l, rand.New(rand.NewPCG(seed, uint64(l))))
			}
		})
	}
}

func turnPages(t *testing.T, l rest.List, r *rand.Rand) {
	t.Helper()
	items := map[item]bool{}
	for range r.IntN(40) {
		items[randomItem(r)] = true
	}
	all := func() []item {
		got := []item{}
		for i := range items {
			got = append(got, i)
		}
		slices.SortFunc(got, func(a, b item) int { return order(l, a, b) })
		return got
	}
	stayed := all() // what is there all the time
	change := func() {
		for range r.IntN(3) {
			items[randomItem(r)] = true
		}
		if now := all(); len(now) > 0 && r.IntN(2) == 0 {
			gone := now[r.IntN(len(now))]
			delete(items, gone)
			stayed = slices.DeleteFunc(stayed, func(i item) bool { return i == gone })
		}
	}
	limit := 1 + r.IntN(7)
	seen := []item{}
	var last rest.Page[item]
	for cursor, pages := "", 0; ; pages++ {
		require.Less(t, pages, 200)
		last = readPage(t, l, all(), cursor, limit)
		require.LessOrEqual(t, len(last.Items), limit)
		seen = append(seen, last.Items...)
		if last.Next == "" {
			break
		}
		cursor = last.Next
		change()
	}
	require.True(t, slices.IsSortedFunc(seen, func(a, b item) int { return order(l, a, b) }))
	require.Equal(t, slices.Compact(slices.Clone(seen)), seen, "nothing twice")
	requireAmong(t, stayed, seen)

	back := slices.Clone(last.Items)
	for cursor, pages := last.Prev, 0; cursor != ""; pages++ {
		require.Less(t, pages, 200)
		change()
		page := readPage(t, l, all(), cursor, limit)
		back = append(slices.Clone(page.Items), back...)
		cursor = page.Prev
	}
	require.True(t, slices.IsSortedFunc(back, func(a, b item) int { return order(l, a, b) }))
	requireAmong(t, stayed, back)
}

func requireAmong(t *testing.T, want, got []item) {
	t.Helper()
	for _, i := range want {
		require.Contains(t, got, i)
	}
}

// TestPagesForthAndBackAreTheSame turns pages of a list that nobody changes.
func TestPagesForthAndBackAreTheSame(t *testing.T) {
	t.Parallel()
	for name, l := range lists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, uint64(l)))
			items := []item{}
			for range 23 {
				items = append(items, randomItem(r))
			}
			var forth []rest.Page[item]
			for cursor := ""; ; {
				page := readPage(t, l, items, cursor, 5)
				forth = append(forth, page)
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			require.Len(t, forth, 5)
			require.Empty(t, forth[0].Prev, "the first page has none before it")
			for i := len(forth) - 1; i > 0; i-- {
				before := readPage(t, l, items, forth[i].Prev, 5)
				require.Equal(t, forth[i-1].Items, before.Items)
				require.Equal(t, forth[i-1].Next, before.Next)
				require.Equal(t, forth[i-1].Prev, before.Prev)
			}
		})
	}
}

func TestPagesThatAreEmpty(t *testing.T) {
	t.Parallel()
	for name, l := range lists {
		page := readPage(t, l, nil, "", 5)
		require.Equal(t, rest.Page[item]{Items: []item{}}, page, name)

		// What is beyond a cursor has gone: there is a way back to the item that it is of.
		for _, id := range []uuid.UUID{{15: 7}, {14: 1}, {14: 1, 15: 255}, {3: 9, 4: 255, 5: 255}} {
			left := []item{{3, id}}
			for _, back := range []bool{false, true} {
				c := place(left[0])
				c.Back = back
				gone := readPage(t, l, left, l.Encode(c), 5)
				require.Empty(t, gone.Items, name)
				require.Equal(t, back, gone.Prev == "", name)
				require.Equal(t, !back, gone.Next == "", name)
				require.Equal(t, left, readPage(t, l, left, gone.Prev+gone.Next, 5).Items, name)
			}
		}
	}
}

func TestCursors(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("019a9c3e-5f10-7c3a-9d41-2f6b8a7c0e15")
	for _, c := range []rest.Cursor{
		{}, {ID: id}, {Back: true, Number: -1, ID: id}, {Number: math.MinInt64, ID: uuid.Max}, {Number: math.MaxInt64, ID: uuid.Nil},
	} {
		for name, l := range lists {
			text := l.Encode(c)
			require.LessOrEqual(t, len(text), 64)
			got, err := l.Decode(text)
			require.NoError(t, err, name)
			require.Equal(t, c, got, name)
			for other, o := range lists {
				if o != l {
					_, err := o.Decode(text)
					require.ErrorIs(t, err, rest.ErrBadCursor, "%s of %s", name, other)
				}
			}
		}
	}
	good := rest.ByNewest.Encode(rest.Cursor{ID: id})
	raw, err := base64.RawURLEncoding.DecodeString(good)
	require.NoError(t, err)
	bad := func(change func(raw []byte)) string {
		c := slices.Clone(raw)
		change(c)
		return base64.RawURLEncoding.EncodeToString(c)
	}
	for _, text := range []string{
		"x", good + "A", good[1:], good[:len(good)-1] + "=", strings.Repeat("!", len(good)), good + "\n", good[:len(good)-3] + "\r\r\n",
		bad(func(raw []byte) { raw[1] = 2 }), bad(func(raw []byte) { raw[0] = 0 }), bad(func(raw []byte) { raw[0] = 99 }),
	} {
		_, err := rest.ByNewest.Decode(text)
		require.ErrorIs(t, err, rest.ErrBadCursor, text)
	}
	first, err := rest.ByNewest.Decode("")
	require.NoError(t, err)
	require.Equal(t, rest.ByNewest.First(), first)
	require.Equal(t, int64(1_000_000), rest.Micros(time.Unix(1, 0)))
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add(rest.ByNewest.Encode(rest.Cursor{ID: uuid.Max}))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		for _, l := range lists {
			c, err := l.Decode(text)
			if err != nil {
				require.ErrorIs(t, err, rest.ErrBadCursor)
				continue
			}
			if text != "" {
				require.Equal(t, text, l.Encode(c), "a cursor is written in one way")
			}
		}
	})
}

func TestPageOutput(t *testing.T) {
	t.Parallel()
	mapped := rest.MapPage(rest.Page[int]{Items: []int{1, 2}, Next: "n", Prev: "p"}, func(i int) string { return strings.Repeat("x", i) })
	require.Equal(t, rest.Page[string]{Items: []string{"x", "xx"}, Next: "n", Prev: "p"}, mapped)

	query := url.Values{"q": {"a&b"}, "tag": {"x", "y"}}
	out := rest.NewPageOutput(mapped, "/api/v1/things", query, 7)
	require.Equal(t, `</api/v1/things?cursor=n&limit=7&q=a%26b&tag=x&tag=y>; rel="next", `+
		`</api/v1/things?cursor=p&limit=7&q=a%26b&tag=x&tag=y>; rel="prev"`, out.Link)
	require.Equal(t, rest.PageBody[string]{Items: []string{"x", "xx"}, NextCursor: "n", PrevCursor: "p"}, out.Body)
	require.Equal(t, url.Values{"q": {"a&b"}, "tag": {"x", "y"}}, query, "it is not changed")

	empty := rest.NewPageOutput(rest.Page[string]{}, "/api/v1/things", nil, 50)
	require.Empty(t, empty.Link)
	require.NotNil(t, empty.Body.Items, "no items are [], not null")
}
