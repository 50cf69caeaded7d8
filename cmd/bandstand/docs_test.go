package main

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestDocumentationLinksResolve(t *testing.T) {
	t.Parallel()
	broken, err := brokenLinks(os.DirFS("../.."))
	require.NoError(t, err)
	for _, b := range broken {
		t.Error(b)
	}
}

func TestLinkCheckerCatchesBrokenLinks(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{
		"README.md": {Data: []byte("# Title\n## On `air`: now!\n" +
			"[ok](docs/a.md) [ok](docs/a.md#part-two) [ok](#on-air-now) [ok](docs) [web](https://example.org/x) " +
			"![gone](docs/gone.png)\n[gone](docs/a.md#part-three) [out](../x) `[code](no)`\n" +
			"```\n[code](no)\n# not a heading\n```\n[gone](#not-a-heading)\n[ref]: docs/none.md\n")},
		"docs/a.md":                  {Data: []byte("# A\n### Part two\n[up](../README.md)\n")},
		"web/node_modules/x/READ.md": {Data: []byte("[gone](gone)")},
	}
	got, err := brokenLinks(tree)
	require.NoError(t, err)
	want := []string{
		"README.md: #not-a-heading: no such heading",
		"README.md: ../x: no such file",
		"README.md: docs/a.md#part-three: no such heading",
		"README.md: docs/gone.png: no such file",
		"README.md: docs/none.md: no such file",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

var (
	fencedCode   = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	inlineCode   = regexp.MustCompile("`[^`\n]*`")
	inlineLink   = regexp.MustCompile(`\]\(([^()\s]+)(?:\s+"[^"]*")?\)`)
	linkTarget   = regexp.MustCompile(`(?m)^\[[^\]]+\]:\s+(\S+)`)
	heading      = regexp.MustCompile(`(?m)^#{1,6}\s+(.+?)\s*$`)
	notInAnchors = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
)

// brokenLinks returns a line for each relative link in the Markdown files of tree
// that leads to no file, or to no heading of a Markdown file.
func brokenLinks(tree fs.FS) ([]string, error) {
	var broken []string
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skipForeign(name, entry)
		case path.Ext(name) != ".md":
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		for _, link := range linksIn(string(text)) {
			if problem := checkLink(tree, name, link); problem != "" {
				broken = append(broken, fmt.Sprintf("%s: %s: %s", name, link, problem))
			}
		}
		return nil
	})
	slices.Sort(broken)
	return slices.Compact(broken), err
}

func linksIn(markdown string) []string {
	markdown = inlineCode.ReplaceAllString(fencedCode.ReplaceAllString(markdown, ""), "")
	var links []string
	for _, found := range append(inlineLink.FindAllStringSubmatch(markdown, -1),
		linkTarget.FindAllStringSubmatch(markdown, -1)...) {
		links = append(links, found[1])
	}
	return links
}

// checkLink says what is wrong with a link in the file name, or nothing.
func checkLink(tree fs.FS, name, link string) string {
	u, err := url.Parse(link)
	switch {
	case err != nil:
		return "no address"
	case u.Scheme != "" || u.Host != "":
		return "" // elsewhere: not ours to check
	}
	target := name
	if u.Path != "" {
		target = path.Join(path.Dir(name), u.Path)
	}
	if _, err := fs.Stat(tree, target); err != nil {
		return "no such file"
	}
	if u.Fragment == "" || path.Ext(target) != ".md" {
		return ""
	}
	text, err := fs.ReadFile(tree, target)
	if err != nil || !slices.Contains(anchorsOf(string(text)), u.Fragment) {
		return "no such heading"
	}
	return ""
}

// anchorsOf returns the anchors that code forges give to the headings of a text.
func anchorsOf(markdown string) []string {
	var anchors []string
	for _, found := range heading.FindAllStringSubmatch(fencedCode.ReplaceAllString(markdown, ""), -1) {
		anchor := notInAnchors.ReplaceAllString(strings.ToLower(found[1]), "")
		anchors = append(anchors, strings.ReplaceAll(anchor, " ", "-"))
	}
	return anchors
}
