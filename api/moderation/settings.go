package moderation

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/api/rest"
)

// Who may write.
const (
	Everyone  = "everyone"  // who is signed in
	Followers = "followers" // and members
	Members   = "members"
)

// Settings is what a chat allows.
type Settings struct {
	Enabled     bool
	Who         string        // Everyone, Followers or Members
	FollowedFor time.Duration // that Followers must have followed
	SlowMode    time.Duration // between two messages of one person; 0 for none
	EmotesOnly  bool
	Links       bool // whether messages may have links

	Version int64
}

// usual is what a chat allows about which nobody has decided anything.
var usual = Settings{Enabled: true, Who: Everyone, Links: true}

// Settings returns what the chat of a channel allows.
func (s *Service) Settings(ctx context.Context, channel uuid.UUID) (Settings, error) {
	r, err := s.rulesFor(ctx, channel)
	if err != nil {
		return Settings{}, err
	}
	return r.Settings, nil
}

// Change is what Update sets; a field that is nil stays as it is.
type Change struct {
	Enabled     *bool
	Who         *string
	FollowedFor *time.Duration
	SlowMode    *time.Duration
	EmotesOnly  *bool
	Links       *bool
}

// apply makes the change, and returns what it changed under the names of the API.
func (c *Change) apply(to *Settings) map[string]any {
	changed := map[string]any{}
	put(changed, "enabled", &to.Enabled, c.Enabled)
	put(changed, "who", &to.Who, c.Who)
	put(changed, "followed_for", &to.FollowedFor, c.FollowedFor)
	put(changed, "slow_mode", &to.SlowMode, c.SlowMode)
	put(changed, "emotes_only", &to.EmotesOnly, c.EmotesOnly)
	put(changed, "links", &to.Links, c.Links)
	return changed
}

// put sets what is at to and notes it, unless value is nil or there already. Times are
// noted in seconds.
func put[T comparable](changed map[string]any, name string, to, value *T) {
	if value == nil || *to == *value {
		return
	}
	*to = *value
	changed[name] = *value
	if d, ok := any(*value).(time.Duration); ok {
		changed[name] = int64(d / time.Second)
	}
}

// Update changes what a chat allows, if match agrees with its version. The outcomes
// are rest.ErrChanged and ErrNotFound.
func (s *Service) Update(ctx context.Context, at auth.Access, match rest.IfMatch, c Change) (Settings, error) {
	var changed map[string]any
	r, err := s.edit(ctx, at, match, "settings", func(r *rules) (any, bool) {
		changed = c.apply(&r.Settings)
		return changed, len(changed) > 0
	})
	if err != nil {
		return Settings{}, fmt.Errorf("moderation: change settings: %w", err)
	}
	if len(changed) > 0 {
		ctx = context.WithoutCancel(ctx) // whoever asked may have left
		s.cfg.Events.Publish(ctx, chatTopic(at.Slug), realtime.Event{Type: "chat.settings", Data: viewOfSettings(r.Settings)})
		s.say(ctx, at, changed, r.Settings)
	}
	return r.Settings, nil
}

// SettingsNotice is what a system message has for programs when settings have changed.
type SettingsNotice struct {
	By      string         `json:"by"`      // username
	Changed map[string]any `json:"changed"` // by the names of the API
}

// say says in a chat what it allows from now on.
func (s *Service) say(ctx context.Context, at auth.Access, changed map[string]any, now Settings) {
	text := noticeOf(changed, now)
	if s.cfg.System == nil || text == "" {
		return
	}
	err := s.cfg.System.SystemMessage(ctx, at.ChannelID, at.Slug, text, "chat.settings", SettingsNotice{auth.User(ctx).Name, changed})
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "changed settings are not told in the chat", "channel", at.Slug, "err", err)
	}
}

// noticeOf returns what has changed, for people.
func noticeOf(changed map[string]any, now Settings) string {
	var told []string
	tell := func(name string, on bool, yes, no string) {
		switch _, ok := changed[name]; {
		case !ok:
		case on:
			told = append(told, yes)
		default:
			told = append(told, no)
		}
	}
	tell("enabled", now.Enabled, "The chat is open.", "The chat is closed.")
	_, who := changed["who"]
	_, forHowLong := changed["followed_for"]
	switch {
	case now.Who == Followers && now.FollowedFor > 0 && (who || forHowLong):
		told = append(told, "Only those who have followed for "+words(now.FollowedFor)+" can write.")
	case now.Who == Followers && (who || forHowLong):
		told = append(told, "Only followers can write.")
	case now.Who == Members && who:
		told = append(told, "Only members can write.")
	case who:
		told = append(told, "Everyone can write.")
	}
	tell("slow_mode", now.SlowMode > 0, "Slow mode: one message every "+words(now.SlowMode)+".", "Slow mode is off.")
	tell("emotes_only", now.EmotesOnly, "Only emotes can be sent.", "Not only emotes can be sent.")
	tell("links", now.Links, "Links can be sent.", "Links cannot be sent.")
	return strings.Join(told, " ")
}

// words says how long d is.
func words(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / unit.of; d%unit.of == 0 && n > 0 {
			if n == 1 {
				return "1 " + unit.name
			}
			return strconv.FormatInt(int64(n), 10) + " " + unit.name + "s"
		}
	}
	return "0 seconds"
}
