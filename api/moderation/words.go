package moderation

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

// Bounds of the words that are not said in a chat.
const (
	maxWords      = 200
	maxWordLength = 60 // characters
)

// Words returns the words that are not said in a chat, and the version of its rules.
func (s *Service) Words(ctx context.Context, channel uuid.UUID) ([]string, int64, error) {
	r, err := s.rulesFor(ctx, channel)
	if err != nil {
		return nil, 0, err
	}
	return r.words, r.Version, nil
}

// PutWords replaces the words that are not said in a chat, if match agrees with the
// version of its rules. It returns them as they are kept. The outcomes are
// ErrBadWords, rest.ErrChanged and ErrNotFound.
func (s *Service) PutWords(ctx context.Context, at auth.Access, match rest.IfMatch, words []string) ([]string, int64, error) {
	words, err := cleanWords(words)
	if err != nil {
		return nil, 0, err
	}
	r, err := s.edit(ctx, at, match, "words", func(r *rules) (any, bool) {
		before := len(r.words)
		r.words = words
		return map[string]any{"before": before, "words": len(words)}, true
	})
	if err != nil {
		return nil, 0, fmt.Errorf("moderation: put words: %w", err)
	}
	return r.words, r.Version, nil
}

// cleanWords returns each word once, in order, as it is kept.
func cleanWords(words []string) ([]string, error) {
	if len(words) > maxWords {
		return nil, ErrBadWords
	}
	cleaned := make([]string, 0, len(words))
	for _, word := range words {
		word, fit := rest.Line(word, maxWordLength)
		if !fit {
			return nil, ErrBadWords
		}
		if _, ok := patternOf(word); !ok {
			return nil, ErrBadWords
		}
		cleaned = append(cleaned, word)
	}
	slices.Sort(cleaned)
	return slices.Compact(cleaned), nil
}
