package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// mayImport is the house's import table. A room is a folder with what is below
// it, unless a part of it is a room of its own. Each room may import itself and
// the rooms named here; "storage/*" stands for every room below storage, "*" for
// every room. A folder that is in no room is a mistake.
//
// Media moves bytes, api decides, storage remembers, transcode encodes, and cmd
// connects. The decision record on the layout in docs/adr says why.
var mayImport = map[string][]string{
	"configs": nil,
	"web":     nil,

	"storage/db":    nil,
	"storage/blob":  nil,
	"storage/jobs":  {"storage/db"},
	"storage/cache": {"storage/db"},

	"transcode":       nil,
	"transcode/still": nil,

	"media/stream":         nil,
	"media/stream/flv":     {"media/stream"},
	"media/live":           {"media/stream"},
	"media/ingest/rtmp":    {"media/stream", "media/stream/flv", "media/live"},
	"media/ingest/icecast": {"media/stream", "media/stream/flv", "media/live"},
	"media/ladder":         {"media/stream", "media/stream/flv", "transcode"},
	"media/hls":            {"media/stream"},
	"media/hls/conform":    nil,
	"media/access":         nil,
	"media/edge":           {"media/stream"},
	"media/radio":          {"media/stream"},
	"media/record":         {"media/stream"},
	"media/torrent":        {"media/stream"},
	"media/turn":           nil,
	"media/audience":       nil,

	"api":             {"storage/*", "api/*"},
	"api/rest":        nil,
	"api/apitest":     {"storage/*", "api", "api/*"},
	"api/auth":        {"storage/*", "api/rest"},
	"api/realtime":    {"storage/*", "api/rest", "api/auth"},
	"api/mail":        {"storage/*"},
	"api/login":       apiFeature,
	"api/account":     apiFeature,
	"api/channel":     apiFeature,
	"api/image":       apiFeature,
	"api/limit":       nil,
	"api/idempotency": {"storage/*", "api/rest", "api/auth"},
	"api/webhook":     apiFeature,
	"api/instance":    apiFeature,
	"api/broadcast":   apiFeature,
	"api/library":     apiFeature,
	"api/chat":        apiFeature,
	"api/moderation":  apiFeature,
	"api/audience":    apiFeature,
	"api/social":      apiFeature,
	"api/party":       apiFeature,
	"api/call":        apiFeature,
	"api/swarm":       apiFeature,

	"cmd/bandstand": {"*"},
	"scripts/bench": {"media/hls/conform"},
}

// apiFeature is what the features may import: never each other, never media.
var apiFeature = []string{"storage/*", "api/rest", "api/auth", "api/realtime", "api/mail"}

// isTestHelper reports whether tests of any room may import dir: packages whose name
// ends in "test", and the HLS rules.
func isTestHelper(dir string) bool {
	return strings.HasSuffix(dir, "test") || dir == "media/hls/conform"
}

const module = "bandstand"

func TestImportsFollowTheHouse(t *testing.T) {
	t.Parallel()
	// The files are read here and not by "go list", so that a cached result is
	// thrown away when one of them changes.
	wrong, err := wrongImports(os.DirFS("../.."))
	require.NoError(t, err)
	for _, w := range wrong {
		t.Error(w)
	}
}

func TestImportCheckerCatchesViolations(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file, imports string
		want          string // empty: allowed
	}{
		"media asks configs":         {"media/hls/a.go", "configs", "media/hls/a.go: media/hls may not import configs"},
		"feature asks feature":       {"api/chat/a.go", "api/channel", "api/chat/a.go: api/chat may not import api/channel"},
		"feature asks media":         {"api/channel/a.go", "media/live", "api/channel/a.go: api/channel may not import media/live"},
		"api starts an encoder":      {"api/a.go", "transcode", "api/a.go: api may not import transcode"},
		"storage looks up":           {"storage/db/a.go", "api/auth", "storage/db/a.go: storage/db may not import api/auth"},
		"media asks media":           {"media/live/a.go", "media/hls", "media/live/a.go: media/live may not import media/hls"},
		"a part that is its own":     {"media/hls/a.go", "media/stream/flv", "media/hls/a.go: media/hls may not import media/stream/flv"},
		"a helper outside of tests":  {"media/hls/a.go", "media/hls/conform", "media/hls/a.go: media/hls may not import media/hls/conform"},
		"import of an unknown room":  {"cmd/bandstand/a.go", "util", "cmd/bandstand/a.go: util is in no room of the house"},
		"file in an unknown room":    {"media/util/a.go", "configs", "media/util/a.go: media/util is in no room of the house"},
		"file in an unknown folder":  {"pkg/a.go", "", "pkg/a.go: pkg is in no room of the house"},
		"a test is bound as well":    {"media/hls/a_test.go", "configs", "media/hls/a_test.go: media/hls may not import configs"},
		"ingest opens sessions":      {"media/ingest/rtmp/a.go", "media/live", ""},
		"ladder starts the encoder":  {"media/ladder/a.go", "transcode", ""},
		"feature asks storage":       {"api/chat/a.go", "storage/db/store", ""},
		"api asks a feature":         {"api/a.go", "api/channel/client", ""},
		"within a room":              {"storage/db/a.go", "storage/db/column", ""},
		"test takes a helper":        {"media/hls/a_test.go", "media/hls/conform", ""},
		"test takes another's":       {"media/hls/a_test.go", "media/stream/flv/flvtest", ""},
		"feature tested by requests": {"api/chat/a_test.go", "api", ""},
		"feature asks the router":    {"api/chat/a.go", "api", "api/chat/a.go: api/chat may not import api"},
		"cmd connects":               {"cmd/bandstand/a.go", "media/hls", ""},
		"what others bring is no Go": {"web/node_modules/x/a.go", "configs", ""},
		"where a server keeps data":  {"data/a.go", "configs", ""},
		"data is a room as others":   {"api/data/a.go", "configs", "api/data/a.go: api/data is in no room of the house"},
		"a helper in the program":    {"storage/db/a.go", "storage/db/dbtest", "storage/db/a.go: storage/db/dbtest is for tests"},
		"doctor publishes":           {"cmd/bandstand/a.go", "media/ingest/rtmp/rtmptest", ""},
		"another program":            {"cmd/other/a.go", "configs", "cmd/other/a.go: cmd/other is in no room of the house"},
		"a script asks the database": {"scripts/bench/a.go", "storage/db", "scripts/bench/a.go: scripts/bench may not import storage/db"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := "package x\n"
			if tt.imports != "" {
				source += fmt.Sprintf("import _ %q\n", module+"/"+tt.imports)
			}
			tree := fstest.MapFS{tt.file: {Data: []byte(source + "import \"fmt\"\n")}}
			got, err := wrongImports(tree)
			require.NoError(t, err)
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// wrongImports returns a line for each import in the Go files of tree that the
// table does not allow, and for each folder outside of the house.
func wrongImports(tree fs.FS) ([]string, error) {
	var wrong []string
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skipForeign(name, entry)
		case path.Ext(name) != ".go":
			return nil
		}
		imports, err := importsOf(tree, name)
		if err != nil {
			return err
		}
		wrong = append(wrong, wrongInFile(name, imports)...)
		return nil
	})
	slices.Sort(wrong)
	return wrong, err
}

// skipForeign leaves out folders that hold no sources of ours.
func skipForeign(name string, entry fs.DirEntry) error {
	base := entry.Name()
	if name != "." && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "testdata" || name == "data") {
		return fs.SkipDir
	}
	return nil
}

// importsOf returns the folders of our own packages that a file imports.
func importsOf(tree fs.FS, name string) ([]string, error) {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if dir, ours := strings.CutPrefix(imported, module+"/"); ours {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

func wrongInFile(name string, imports []string) []string {
	from, known := roomOf(path.Dir(name))
	if !known {
		return []string{fmt.Sprintf("%s: %s is in no room of the house", name, path.Dir(name))}
	}
	var wrong []string
	for _, dir := range imports {
		to, known := roomOf(dir)
		switch {
		case !known:
			wrong = append(wrong, fmt.Sprintf("%s: %s is in no room of the house", name, dir))
		case from != "cmd/bandstand" && strings.HasSuffix(dir, "test") &&
			!strings.HasSuffix(name, "_test.go") && !strings.HasSuffix(path.Dir(name), "test"):
			wrong = append(wrong, fmt.Sprintf("%s: %s is for tests", name, dir))
		case to == from, allowed(mayImport[from], to):
		case strings.HasSuffix(name, "_test.go") && isTestHelper(dir):
		case strings.HasSuffix(name, "_test.go") && dir == "api" && strings.HasPrefix(name, "api/"):
			// Features are tested by requests, and handed to api/apitest as api.Feature.
		default:
			wrong = append(wrong, fmt.Sprintf("%s: %s may not import %s", name, from, dir))
		}
	}
	return wrong
}

// roomOf returns the innermost room that dir is in. The folders that only hold
// rooms, such as media, are rooms to nobody; api is one, but its unknown parts
// are not in it.
func roomOf(dir string) (string, bool) {
	for room := dir; room != "."; room = path.Dir(room) {
		if _, ok := mayImport[room]; ok {
			return room, room != "api" || dir == "api"
		}
	}
	return "", false
}

func allowed(rooms []string, to string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool {
		if parent, all := strings.CutSuffix(room, "*"); all {
			return strings.HasPrefix(to, parent)
		}
		return room == to
	})
}
