package realtime_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
)

// Every method, topic, event and code of the source is named in the documentation, and
// nothing that is not there.
func TestTheProtocolIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/realtime.md")
	require.NoError(t, err)
	doc := string(text)
	events, codes := found(t)
	require.Greater(t, len(events), 20)
	require.Greater(t, len(codes), 3)

	known := map[string]bool{"clock": true}
	for _, name := range slices.Concat(auth.SocketNames(), slices.Collect(maps.Keys(events))) {
		known[name] = true
		if kind, isTopic := strings.CutSuffix(name, ":"); isTopic {
			require.Regexp(t, "`"+kind+":[^`]*`", doc, "the topic is not described")
			continue
		}
		require.Contains(t, doc, "`"+name+"`", "it is not described")
	}
	for code := range codes {
		require.Contains(t, doc, "| "+code+" |", "the code is not described")
	}
	kinds := `(?:live|studio|chat|inbox|friends|presence|channel|party|call|realtime)`
	for _, match := range regexp.MustCompile("`("+kinds+`\.[a-z_]+)`+"`").FindAllStringSubmatch(doc, -1) {
		require.True(t, known[match[1]], "%s is described, and not there", match[1])
	}
}

// found returns the types of events, and the codes of closed connections, in the source.
func found(t *testing.T) (events, codes map[string]bool) {
	t.Helper()
	events, codes = map[string]bool{}, map[string]bool{}
	require.NoError(t, filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		if !imports(file, `"bandstand/api/realtime"`) && file.Name.Name != "realtime" && !hasEvents(path) {
			return nil
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.ValueSpec: // const eventX = "x.y"
				for i, name := range n.Names {
					if strings.HasPrefix(strings.ToLower(name.Name), "event") && i < len(n.Values) {
						note(events, n.Values[i])
					}
				}
			case *ast.CompositeLit: // Event{Type: "x.y"}, Disconnect{Code: 4500}
				for _, element := range n.Elts {
					pair, ok := element.(*ast.KeyValueExpr)
					if !ok {
						continue
					}
					switch key, _ := pair.Key.(*ast.Ident); {
					case key == nil:
					case key.Name == "Type":
						note(events, pair.Value)
					case key.Name == "Code" && typeName(n.Type) == "Disconnect":
						codes[pair.Value.(*ast.BasicLit).Value] = true
					}
				}
			case *ast.CallExpr: // s.tell(ctx, who, "x.y", …)
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"tell", "publish"}, f.Sel.Name) {
					for _, arg := range n.Args {
						note(events, arg)
					}
				}
			}
			return true
		})
		return nil
	}))
	return events, codes
}

// hasEvents reports whether a file that does not import the package names events of it.
func hasEvents(path string) bool {
	for _, feature := range []string{"chat", "channel", "call", "party", "social", "moderation"} {
		if strings.HasPrefix(filepath.ToSlash(path), "../"+feature+"/") {
			return true
		}
	}
	return false
}

func imports(file *ast.File, path string) bool {
	return slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == path })
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

var eventName = regexp.MustCompile(`^[a-z]+\.[a-z_]+$`)

func note(names map[string]bool, value ast.Expr) {
	literal, ok := value.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return
	}
	if name, err := strconv.Unquote(literal.Value); err == nil && eventName.MatchString(name) {
		names[name] = true
	}
}
