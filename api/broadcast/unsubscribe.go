package broadcast

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// A token that takes back reminders is, in base64url, the ids of who gets them and of
// the channel, and an HMAC-SHA256 of both. It never expires: mails are read late.
const (
	askedBytes       = 2 * 16
	unsubscribeBytes = askedBytes + sha256.Size
)

// unsubscribeText takes one text for each token: Strict refuses other last bits.
var unsubscribeText = base64.RawURLEncoding.Strict()

// unsubscribeKeys returns the keys of these tokens, the one to sign with first; none
// without a secret.
func unsubscribeKeys(secret []byte, previous [][]byte) ([][]byte, error) {
	if len(secret) == 0 {
		return nil, nil
	}
	var keys [][]byte
	for _, s := range append([][]byte{secret}, previous...) {
		key, err := auth.DeriveKey(s, "bandstand unsubscribe")
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// asked is who gets reminders of which channel.
type asked struct{ user, channel uuid.UUID }

func (a asked) bytes() []byte { return append(a.user[:], a.channel[:]...) }

// unsubscribeLink returns the path where a can take the reminders back.
func (s *Service) unsubscribeLink(a asked) string {
	token := a.bytes()
	token = append(token, sumOf(s.keys[0], token)...)
	return unsubscribePath + "?token=" + unsubscribeText.EncodeToString(token)
}

// readUnsubscribe returns what a token was signed for; ErrBadUnsubscribe if it was not.
func (s *Service) readUnsubscribe(token string) (asked, error) {
	if len(token) != unsubscribeText.EncodedLen(unsubscribeBytes) {
		return asked{}, ErrBadUnsubscribe
	}
	raw, err := unsubscribeText.DecodeString(token)
	if err != nil {
		return asked{}, ErrBadUnsubscribe
	}
	head, good := raw[:askedBytes], false
	for _, key := range s.keys {
		good = hmac.Equal(raw[askedBytes:], sumOf(key, head)) || good
	}
	if !good {
		return asked{}, ErrBadUnsubscribe
	}
	return asked{user: uuid.UUID(head[:16]), channel: uuid.UUID(head[16:])}, nil
}

func sumOf(key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil)
}

// CheckUnsubscribe returns ErrBadUnsubscribe if token is none that Unsubscribe takes.
func (s *Service) CheckUnsubscribe(token string) error {
	_, err := s.readUnsubscribe(token)
	return err
}

// Unsubscribe takes back all reminders of a channel for whom token was made: of what
// they follow, and of each broadcast. They go on following.
func (s *Service) Unsubscribe(ctx context.Context, token string) error {
	a, err := s.readUnsubscribe(token)
	if err != nil {
		return err
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		err := tx.SetFollowNotify(ctx, store.SetFollowNotifyParams{ChannelID: a.channel, UserID: a.user, Notify: false})
		if err != nil {
			return err
		}
		return tx.DeleteBroadcastRemindersOf(ctx, store.DeleteBroadcastRemindersOfParams{UserID: a.user, ChannelID: a.channel})
	})
	if err != nil {
		return fmt.Errorf("broadcast: take back reminders: %w", err)
	}
	return nil
}
