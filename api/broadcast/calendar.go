package broadcast

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	calendarPast  = 30 * 24 * time.Hour // how long a broadcast that was missed stays in a calendar
	calendarEnded = 100                 // most past broadcasts in one
)

// Calendar returns the broadcasts of the channel of an operation as an iCalendar
// object, and a tag of its content. It is the same for everyone: what viewers see, and
// what was missed lately as canceled.
func (s *Service) Calendar(ctx context.Context) (content []byte, etag string, err error) {
	channelID := auth.AccessOf(ctx).ChannelID
	channel, err := s.cfg.DB.Read().ChannelForBroadcast(ctx, channelID)
	if err != nil {
		return nil, "", fmt.Errorf("broadcast: look at a channel: %w", err)
	}
	now := s.cfg.Now()
	all, err := s.calendarRows(ctx, channelID, now)
	if err != nil {
		return nil, "", err
	}
	var c ical
	c.raw("BEGIN", "VCALENDAR")
	c.raw("VERSION", "2.0")
	c.raw("PRODID", "-//Bandstand//Broadcasts//EN")
	c.raw("CALSCALE", "GREGORIAN")
	c.text("NAME", channel.Title) // RFC 7986 5.1
	c.text("X-WR-CALNAME", channel.Title)
	c.raw("REFRESH-INTERVAL;VALUE=DURATION", "PT1H") // RFC 7986 5.7
	c.raw("X-PUBLISHED-TTL", "PT1H")
	for _, r := range all {
		b, err := broadcastOf(r)
		if err != nil {
			return nil, "", err
		}
		s.event(&c, &b, now)
	}
	c.raw("END", "VCALENDAR")
	sum := sha256.Sum256(c.buf.Bytes())
	return c.buf.Bytes(), `"` + hex.EncodeToString(sum[:12]) + `"`, nil
}

// calendarRows returns the past broadcasts of a channel that are published, that which
// is on air, and those that are planned.
func (s *Service) calendarRows(ctx context.Context, channelID uuid.UUID, now time.Time) ([]row, error) {
	p := store.BroadcastsOfInBeforeParams{
		ChannelID: channelID, Now: column.Maybe(now), At: column.Maybe(dusk), ID: uuid.Max,
	}
	p.State, p.Most = Ended, calendarEnded
	all, err := s.channelRows(ctx, p, false)
	if err != nil {
		return nil, err
	}
	p.State = OnAir
	live, err := s.channelRows(ctx, p, false)
	if err != nil {
		return nil, err
	}
	// Hidden, to have those that were missed as well.
	p.State, p.Hidden, p.At, p.ID, p.Most = Scheduled, 1, column.Maybe(now.Add(-calendarPast-maxLength)), uuid.Nil, 2*maxScheduled
	planned, err := s.channelRows(ctx, p, true)
	if err != nil {
		return nil, err
	}
	return append(append(all, live...), planned...), nil
}

// event writes b as an event. RFC 5545 3.6.1
func (s *Service) event(c *ical, b *Broadcast, now time.Time) {
	start, end := span(b)
	status := "CONFIRMED"
	if b.missed(now) {
		status = "CANCELLED"
	}
	host := s.cfg.BaseURL
	if base, err := url.Parse(host); err == nil {
		host = base.Hostname()
	}
	c.raw("BEGIN", "VEVENT")
	c.raw("UID", b.ID.String()+"@"+host)
	c.time("DTSTAMP", b.UpdatedAt.Time) // RFC 5545 3.8.7.2: without METHOD the same as LAST-MODIFIED
	c.time("CREATED", b.CreatedAt.Time)
	c.time("LAST-MODIFIED", b.UpdatedAt.Time)
	c.number("SEQUENCE", b.Version)
	c.time("DTSTART", start)
	if end.Sub(start) >= time.Second { // it must be later, in whole seconds
		c.time("DTEND", end)
	}
	c.text("SUMMARY", b.Title)
	if b.Description != "" {
		c.text("DESCRIPTION", b.Description)
	}
	if len(b.Tags) > 0 {
		c.texts("CATEGORIES", b.Tags)
	}
	c.raw("URL", s.cfg.BaseURL+pagePath(b.ChannelSlug))
	c.raw("STATUS", status)
	c.raw("END", "VEVENT")
}

// span returns when b is, or was, on air. One that is on air ends as planned, if that
// is still to come, or nobody knows when: then end is zero.
func span(b *Broadcast) (start, end time.Time) {
	start = b.when()
	switch {
	case b.State == Ended && b.EndedAt != nil:
		end = b.EndedAt.Time
	case b.PlannedEnd != nil:
		end = b.PlannedEnd.Time
	}
	return start.Truncate(time.Second), end.Truncate(time.Second)
}
