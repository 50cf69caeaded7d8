package realtimetest

import (
	"slices"
	"time"

	"github.com/stretchr/testify/require"
)

// Next returns the next event of a type on a topic, passing over others.
func (c *Client) Next(topic, eventType string) Message {
	c.t.Helper()
	m, ok := c.TryNext(topic, eventType, wait)
	if !ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		require.FailNow(c.t, "no such event", "%s on %s; closed: %+v", eventType, topic, c.closed)
	}
	return m
}

// Events returns all events of a topic that were not taken yet, and takes them.
func (c *Client) Events(topic string) []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	events := c.events[topic]
	delete(c.events, topic)
	return events
}

// Closed waits until the server has closed the socket, and returns why.
func (c *Client) Closed() Closed {
	c.t.Helper()
	var why Closed
	c.until(func() bool {
		if c.closed != nil {
			why = *c.closed
		}
		return c.closed != nil
	}, "the socket is not closed")
	return why
}

// Ended waits until the server has ended a subscription, and returns the code.
func (c *Client) Ended(topic string) int {
	c.t.Helper()
	code := 0
	c.until(func() bool {
		for _, e := range c.ends {
			if e.Topic == topic {
				code = e.Code
				return true
			}
		}
		return false
	}, "the subscription is not ended")
	return code
}

// Ends returns the subscriptions that the server has ended so far.
func (c *Client) Ends() []Ended {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ends)
}

// until waits for done, which is called with c.mu held.
func (c *Client) until(done func() bool, what string) {
	c.t.Helper()
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		ok, changed := done(), c.changed
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			require.FailNow(c.t, what)
		}
	}
}

// TryNext is Next that gives up after a while.
func (c *Client) TryNext(topic, eventType string, after time.Duration) (Message, bool) {
	deadline := time.NewTimer(after)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		for i, m := range c.events[topic] {
			if m.Type == eventType {
				c.events[topic] = c.events[topic][i+1:]
				c.mu.Unlock()
				return m, true
			}
		}
		changed, closed := c.changed, c.closed
		c.mu.Unlock()
		if closed != nil {
			return Message{}, false
		}
		select {
		case <-changed:
		case <-deadline.C:
			return Message{}, false
		}
	}
}

// IsClosed reports whether the socket is closed.
func (c *Client) IsClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed != nil
}
