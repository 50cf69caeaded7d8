package api

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write problems.json anew")

// constructors of outcomes, in package rest.
var constructors = map[string]int{
	"BadRequest": 400, "Unauthorized": 401, "Forbidden": 403, "NotFound": 404, "TooSlow": 408, "Conflict": 409,
	"Precondition": 412, "TooLarge": 413, "Unsupported": 415, "Invalid": 422, "TooMany": 429, "Unavailable": 503,
}

// TestProblemsAreListed compares problems.json with the outcomes in the source of all
// features: run "go test ./api -run TestProblemsAreListed -update" after a change.
func TestProblemsAreListed(t *testing.T) {
	t.Parallel()
	list := &problemsFound{t: t, kinds: map[string]*problemKind{}}
	for status := range failures {
		list.add(codeOf(status), status, failures[status].about)
	}
	list.add(codeOf(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed, "there is no such method here; Allow names those that are")
	list.add("not_ready", http.StatusServiceUnavailable, "the server cannot do its work")
	require.NoError(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			list.read(path)
		}
		return err
	}))
	list.read("../media/access/reply.go") // of playlists and media, which this package knows nothing of
	got, err := json.MarshalIndent(list.sorted(), "", "  ")
	require.NoError(t, err)
	got = append(got, '\n')
	if *update {
		require.NoError(t, os.WriteFile("problems.json", got, 0o600))
		return
	}
	want, err := os.ReadFile("problems.json")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")), "problems.json is not current")
}

// problemsFound is what the source says.
type problemsFound struct {
	t     *testing.T
	kinds map[string]*problemKind
}

func (l *problemsFound) read(path string) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(l.t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		status := constructors[constructorOf(call, file.Name.Name)]
		if f, ok := call.Fun.(*ast.Ident); ok && file.Name.Name == "access" && f.Name == "problem" {
			status = http.StatusForbidden
		}
		if status != 0 && len(call.Args) == 2 {
			l.add(literal(l.t, path, call.Args[0]), status, literal(l.t, path, call.Args[1]))
		}
		return true
	})
}

// constructorOf returns which function of rest a call is of.
func constructorOf(call *ast.CallExpr, pkg string) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		if from, ok := f.X.(*ast.Ident); ok && from.Name == "rest" {
			return f.Sel.Name
		}
	case *ast.Ident:
		if pkg == "rest" {
			return f.Name
		}
	}
	return ""
}

// literal returns the text of an expression: outcomes are written out, so that
// submitted values are in none.
func literal(t *testing.T, path string, e ast.Expr) string {
	t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		require.NoError(t, err, path)
		return text
	case *ast.BinaryExpr:
		return literal(t, path, e.X) + literal(t, path, e.Y)
	}
	require.Fail(t, "the text of an outcome is not written out", path)
	return ""
}

var codeForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (l *problemsFound) add(code string, status int, detail string) {
	require.Regexp(l.t, codeForm, code)
	kind := l.kinds[code]
	if kind == nil {
		kind = &problemKind{Code: code, Status: status, Title: http.StatusText(status)}
		l.kinds[code] = kind
	}
	require.Equal(l.t, kind.Status, status, "the code %s has two statuses", code)
	if !slices.Contains(kind.Details, detail) {
		kind.Details = append(kind.Details, detail)
	}
}

func (l *problemsFound) sorted() []*problemKind {
	all := []*problemKind{}
	for _, kind := range l.kinds {
		slices.Sort(kind.Details)
		all = append(all, kind)
	}
	slices.SortFunc(all, func(a, b *problemKind) int { return strings.Compare(a.Code, b.Code) })
	return all
}
