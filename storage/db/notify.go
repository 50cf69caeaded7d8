package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// notices tells subscribers what has changed in the database.
type notices struct {
	mu   sync.RWMutex
	subs map[string][]subscriber // guarded by mu; by topic
}

type subscriber struct {
	changed func(key string)
	missed  func()
}

// notice says that what topic and key name has changed.
type notice struct {
	Node  string `json:"n"`
	Topic string `json:"t"`
	Key   string `json:"k"`
}

// maxNoticeBytes keeps a notice, escaped as JSON, below the 8000 bytes of Postgres.
const maxNoticeBytes = 1000

// Subscribe calls changed for what Notify says of topic, on this node or, while
// Listen runs, on another. When notices of others may have been lost it calls missed
// instead: anything may have changed. Both must return soon without asking the
// database, and come from several
// goroutines at a time. A subscription lasts as long as the DB.
func (d *DB) Subscribe(topic string, changed func(key string), missed func()) {
	d.notices.mu.Lock()
	defer d.notices.mu.Unlock()
	d.notices.subs[topic] = append(d.notices.subs[topic], subscriber{changed, missed})
}

// Notify tells the subscribers of topic that key has changed: those of this node
// before InTx returns, those of other nodes soon after. A transaction that is
// rolled back tells nobody.
func (tx *Tx) Notify(ctx context.Context, topic, key string) error {
	if len(topic)+len(key) > maxNoticeBytes {
		return errors.New("db: notify: topic and key are too long")
	}
	n := notice{Node: tx.db.node, Topic: topic, Key: key}
	if tx.db.kind == kindPostgres {
		payload, err := json.Marshal(n)
		if err != nil {
			return fmt.Errorf("db: notify: %w", err)
		}
		if _, err := tx.tx.ExecContext(ctx, "SELECT pg_notify("+noticeChannel+", $1)", string(payload)); err != nil {
			return fmt.Errorf("db: notify: %w", err)
		}
	}
	tx.notices = append(tx.notices, n)
	return nil
}

// noticeChannel is SQL for the channel that the nodes of this schema share.
const noticeChannel = "'bandstand_' || md5(COALESCE(current_schema(), ''))"

func (d *DB) deliver(n notice) {
	d.notices.mu.RLock()
	defer d.notices.mu.RUnlock()
	for _, s := range d.notices.subs[n.Topic] {
		s.changed(n.Key)
	}
}

func (d *DB) missed() {
	d.notices.mu.RLock()
	defer d.notices.mu.RUnlock()
	for _, subs := range d.notices.subs {
		for _, s := range subs {
			s.missed()
		}
	}
}

// Listen hears of changes by other nodes until ctx ends, and then returns nil. It
// holds a connection of its own, beside the pool, and connects again whenever that
// breaks. SQLite's file has one node: there it just waits.
func (d *DB) Listen(ctx context.Context) error {
	if d.kind != kindPostgres {
		<-ctx.Done()
		return nil
	}
	for wait := time.Duration(0); ; {
		heard, err := d.hear(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if heard {
			wait = 0
		}
		wait = min(max(2*wait, 100*time.Millisecond), 5*time.Second)
		d.log.WarnContext(ctx, "notices of other nodes are interrupted", "err", err, "retry_in", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// How long a silent connection is trusted, and how long anything else may take.
const (
	noticeSilence = 20 * time.Second
	noticeTimeout = 10 * time.Second
)

// hear delivers notices of other nodes until ctx ends or the connection breaks. It
// reports whether it ever listened.
func (d *DB) hear(ctx context.Context) (heard bool, err error) {
	conn, err := d.listen(ctx)
	if err != nil {
		return false, err
	}
	defer func() {
		// An ended ctx must not keep the server from hearing that we leave.
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(bye)
	}()
	d.missed() // whatever happened before is not told again
	d.log.DebugContext(ctx, "notices of other nodes are heard")
	for {
		silence, cancel := context.WithTimeout(ctx, noticeSilence)
		got, err := conn.WaitForNotification(silence)
		cancel()
		switch {
		case ctx.Err() != nil:
			return true, nil
		case errors.Is(err, context.DeadlineExceeded):
			if err := within(ctx, conn.Ping); err != nil {
				return true, err
			}
		case err != nil:
			return true, err
		default:
			var n notice
			if err := json.Unmarshal([]byte(got.Payload), &n); err != nil {
				d.missed() // of a version that speaks otherwise
			} else if n.Node != d.node { // ours were delivered at their commit
				d.deliver(n)
			}
		}
	}
}

func (d *DB) listen(ctx context.Context) (*pgx.Conn, error) {
	var conn *pgx.Conn
	err := within(ctx, func(ctx context.Context) (err error) {
		if conn, err = pgx.ConnectConfig(ctx, d.pool.Config().ConnConfig); err != nil {
			return err
		}
		var channel string
		if err = conn.QueryRow(ctx, "SELECT "+noticeChannel).Scan(&channel); err == nil {
			_, err = conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize())
		}
		if err != nil {
			_ = conn.Close(ctx)
		}
		return err
	})
	return conn, err
}

// within runs do for at most noticeTimeout.
func within(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	return do(ctx)
}
