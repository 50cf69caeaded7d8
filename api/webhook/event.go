package webhook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Events that webhooks are told of.
const (
	BroadcastLive  = "broadcast.live"
	BroadcastEnded = "broadcast.ended"
	RecordingReady = "recording.ready"
	Ping           = "ping" // asked for, to try a webhook
)

// chosen are the events that owners choose from.
var chosen = []string{BroadcastLive, BroadcastEnded, RecordingReady}

// checkEvents reports whether a webhook can be told of events.
func checkEvents(events []string) error {
	if len(events) == 0 {
		return ErrBadEvents
	}
	for i, event := range events {
		if !slices.Contains(chosen, event) || slices.Contains(events[:i], event) {
			return ErrBadEvents
		}
	}
	return nil
}

func joinEvents(events []string) string {
	sorted := slices.Clone(events)
	slices.SortFunc(sorted, func(a, b string) int { return slices.Index(chosen, a) - slices.Index(chosen, b) })
	return strings.Join(sorted, " ")
}

// message is the body of a delivery, as Standard Webhooks advises.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

func encodeMessage(event string, at time.Time, data any) (string, error) {
	body, err := json.Marshal(message{event, at.UTC().Truncate(time.Millisecond), data})
	if err != nil {
		return "", fmt.Errorf("webhook: encode %s: %w", event, err)
	}
	return string(body), nil
}
