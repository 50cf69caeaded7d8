package realtime

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"bandstand/api/auth"
)

// FuzzDecode holds that parameters are those of a method or refused, whatever comes.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "{}", "null", `{"channel":"a","text":"b"}`, `{"channel":1}`, `{"x":1}`, "[]", `{}{}`, "\x00", `{"channel":"` + "\xff" + `"}`, strings.Repeat("[", 20_000)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var in struct {
			OnChannel

			Text string `json:"text"`
		}
		err := decode(data, &in)
		if err != nil && err.Error() != errBadParams.Error() {
			t.Fatalf("%q: %v", data, err)
		}
		if err == nil && len(data) > 0 && !json.Valid(data) {
			t.Fatalf("%q is taken for JSON", data)
		}
		if !utf8.ValidString(in.Channel) || !utf8.ValidString(in.Text) {
			t.Fatalf("%q becomes text that is none", data)
		}
	})
}

// FuzzTopicNames holds that no name of a topic becomes a label that is not ours, and
// that what it is about is what follows its kind.
func FuzzTopicNames(f *testing.F) {
	for _, seed := range []string{"", ":", "chat:", "chat:stage", "chat:a:b", "user:x", "nosuch:x", "chat", "\xff:\xff"} {
		f.Add(seed)
	}
	n := &Node{topics: map[string]Topic{"chat:": {Kind: "chat:"}}}
	f.Fuzz(func(t *testing.T, name string) {
		label := n.labelOf(name)
		if label != "chat" && label != "user" && label != "unknown" {
			t.Fatalf("%q has the label %q", name, label)
		}
		if label == "unknown" {
			return
		}
		if rest := strings.TrimPrefix(name, label); rest != "" && rest[0] != ':' {
			t.Fatalf("%q is taken for a topic of kind %q", name, label)
		}
		if _, ok := auth.SocketRuleOf(kindOf(name) + ":"); label == "chat" && !ok {
			t.Fatalf("%q has no rule", name)
		}
	})
}
