package configs

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

const exampleFile = "bandstand.example.yaml"

func TestExampleValuesAreTheDefaults(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(exampleFile)
	require.NoError(t, err)
	// Starting from nothing: a value that the file lacks shows up as zero.
	var fromFile Config
	require.NoError(t, readYAML(exampleFile, text, &fromFile))
	if diff := cmp.Diff(Default(), fromFile, cmpPrefixes); diff != "" {
		t.Errorf("%s differs from Default() (-default +file):\n%s", exampleFile, diff)
	}
}

func TestExampleHoldsEveryKey(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(exampleFile)
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, yaml.Unmarshal(text, &tree))

	var cfg Config
	for _, k := range keys(&cfg) {
		var node any = tree
		for name := range strings.SplitSeq(k.path, ".") {
			section, isSection := node.(map[string]any)
			value, ok := section[name]
			if !isSection || !ok {
				t.Errorf("%s lacks %s", exampleFile, k.path)
				break
			}
			node = value
		}
	}
}

func TestExampleIsValid(t *testing.T) {
	t.Parallel()
	cfg, err := Load(exampleFile, nil, nil)
	require.NoError(t, err)
	require.True(t, cfg.Has(RoleAPI) && cfg.Has(RoleIngest))
}

func TestEveryKeyHasItsOwnVariable(t *testing.T) {
	t.Parallel()
	var cfg Config
	seen := make(map[string]string)
	for _, k := range keys(&cfg) {
		if strings.HasSuffix(k.path, ".") || strings.Contains(k.path, "..") || k.path == "" {
			t.Errorf("a field of Config without a yaml tag near %q", k.path)
		}
		if other, taken := seen[k.env()]; taken {
			t.Errorf("%s and %s are both %s", k.path, other, k.env())
		}
		seen[k.env()] = k.path
		if k.value.Kind() == reflect.Map || k.value.Kind() == reflect.Pointer {
			t.Errorf("%s has a kind that Load cannot set: %s", k.path, k.value.Kind())
		}
	}
	for _, want := range []string{
		"BANDSTAND_HTTP_LISTEN", "BANDSTAND_RTMP_LISTEN", "BANDSTAND_RTMPS_LISTEN",
		"BANDSTAND_DATA_DIR", "BANDSTAND_DB_URL", "BANDSTAND_SECRET", "BANDSTAND_HTTP_TLS_CERT",
	} {
		if seen[want] == "" {
			t.Errorf("no setting has the variable %s", want)
		}
	}
}
