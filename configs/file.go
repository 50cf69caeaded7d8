package configs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFileBytes bounds a configuration; parsing is quadratic in nested brackets.
const maxFileBytes = 64 << 10

// readFile reads the YAML file at path over cfg.
func readFile(path string, cfg *Config) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return readYAML(path, text, cfg)
}

// readYAML reads text over cfg. Errors begin with name and a line number.
func readYAML(name string, text []byte, cfg *Config) error {
	d := decoder{name: name}
	body, err := d.parse(text)
	if err != nil {
		return err
	}
	if body != nil {
		d.section(body, "", reflect.ValueOf(cfg).Elem())
	}
	return errors.Join(d.errs...)
}

// setListJSON sets the list v from JSON, which is YAML too.
func setListJSON(v reflect.Value, name, text string) error {
	d := decoder{name: name}
	body, err := d.parse([]byte(text))
	if err != nil {
		return err
	}
	d.value(body, "", v)
	return errors.Join(d.errs...)
}

// decoder walks a parsed document and collects everything that is wrong in it.
// It does the walk itself because the library's decoder stops at the first
// mistake and quotes the lines around it, which may hold a secret.
type decoder struct {
	name string // of the document, for errors
	errs []error
}

// parse returns the root of the one document in text, nil if it is empty.
func (d *decoder) parse(text []byte) (ast.Node, error) {
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("%s: larger than %d KiB", d.name, maxFileBytes>>10)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			return nil, fmt.Errorf("%s:%d: %s", d.name, at.GetToken().Position.Line, at.GetMessage())
		}
		return nil, fmt.Errorf("%s: not YAML", d.name)
	}
	switch len(file.Docs) {
	case 0:
		return nil, nil
	case 1:
		return file.Docs[0].Body, nil
	}
	return nil, fmt.Errorf("%s: more than one document", d.name)
}

func (d *decoder) errorf(at ast.Node, format string, args ...any) {
	d.errs = append(d.errs, fmt.Errorf("%s:%d: %w", d.name, line(at), fmt.Errorf(format, args...)))
}

func line(n ast.Node) int {
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		return tk.Position.Line
	}
	return 0
}

// section reads the mapping n into the struct v. prefix is v's path and a dot.
func (d *decoder) section(n ast.Node, prefix string, v reflect.Value) {
	var entries []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	case *ast.NullNode, *ast.CommentGroupNode:
		return // a heading with nothing under it
	default:
		d.errorf(n, "%sexpected settings as name: value", sectionName(prefix))
		return
	}
	for _, entry := range entries {
		name, ok := scalarText(entry.Key)
		if !ok {
			d.errorf(entry, "%san anchor, alias or merge is not understood here", sectionName(prefix))
			continue
		}
		field, ok := fieldNamed(v, name)
		if !ok {
			d.errorf(entry.Key, "%s is not a setting%s", prefix+name, hintIn(prefix, name, v))
			continue
		}
		d.value(entry.Value, prefix+name, field)
	}
}

func sectionName(prefix string) string {
	if prefix == "" {
		return ""
	}
	return prefix[:len(prefix)-1] + ": "
}

// hintIn proposes a sibling of name, or else any setting.
func hintIn(prefix, name string, section reflect.Value) string {
	var siblings []string
	for i := range section.NumField() {
		siblings = append(siblings, prefix+section.Type().Field(i).Tag.Get("yaml"))
	}
	if h := hint(prefix+name, siblings); h != "" {
		return h
	}
	var all []string
	for _, k := range keys(new(Config)) {
		all = append(all, k.path)
	}
	return hint(prefix+name, all)
}

// value reads n into v: a section, a list or a single value.
func (d *decoder) value(n ast.Node, path string, v reflect.Value) {
	switch {
	case isSection(v):
		d.section(n, path+".", v)
	case v.Kind() == reflect.Slice:
		d.list(n, path, v)
	default:
		d.single(n, path, v)
	}
}

func (d *decoder) list(n ast.Node, path string, v reflect.Value) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.errorf(n, "%s: expected a list", path)
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, len(seq.Values))
	for i, item := range seq.Values {
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(item, fmt.Sprintf("%s[%d]", path, i), elem)
		list = reflect.Append(list, elem)
	}
	v.Set(list)
}

func (d *decoder) single(n ast.Node, path string, v reflect.Value) {
	if _, empty := n.(*ast.NullNode); empty {
		d.errorf(n, `%s has no value: write "" for none, or leave the line out`, path)
		return
	}
	text, ok := scalarText(n)
	if !ok {
		d.errorf(n, "%s: expected a single value", path)
		return
	}
	if err := setText(v, text); err != nil {
		d.errorf(n, "%w", valueError(v, path, text, err))
	}
}

// scalarText returns the text of a plain, quoted or block value as written,
// without YAML's guesses at its type.
func scalarText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}
