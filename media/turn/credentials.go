package turn

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // what RFC 8489 makes keys with
	"crypto/sha1" //nolint:gosec // what the TURN REST API makes passwords with
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	minSecret   = 16  // bytes
	maxUsername = 128 // bytes
)

// Credentials makes user names and passwords that are good for a while, and checks
// them, with nothing but a secret: "TURN REST API" (draft-uberti-behave-turn-rest-00).
type Credentials struct {
	Secret []byte           // at least 16 bytes, shared by whoever makes them and whoever checks them
	TTL    time.Duration    // how long they are good
	Now    func() time.Time // time.Now if nil
}

// Validate reports what keeps c from making credentials.
func (c Credentials) Validate() error {
	var errs []error
	if len(c.Secret) < minSecret {
		errs = append(errs, fmt.Errorf("the secret needs %d bytes", minSecret))
	}
	if c.TTL < time.Second {
		errs = append(errs, errors.New("credentials have to be good for a second at least"))
	}
	return errors.Join(errs...)
}

// For returns what userID, which must not be empty, signs in with until expires.
func (c Credentials) For(userID string) (username, password string, expires time.Time) {
	expires = c.now().Add(c.TTL).Truncate(time.Second)
	username = strconv.FormatInt(expires.Unix(), 10) + ":" + userID
	return username, c.password(username), expires
}

func (c Credentials) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c Credentials) password(username string) string {
	mac := hmac.New(sha1.New, c.Secret)
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// key returns what messages of username are signed with: RFC 8489 9.2.2.
func (c Credentials) key(username, realm string) []byte {
	sum := md5.Sum([]byte(username + ":" + realm + ":" + c.password(username))) //nolint:gosec // see above
	return sum[:]
}

// parseUsername takes "expiry:user" apart. What it says is true once a message is
// signed with the key of that name, and not before.
func parseUsername(username string) (userID string, expires time.Time, ok bool) {
	if len(username) > maxUsername {
		return "", time.Time{}, false
	}
	unix, userID, found := strings.Cut(username, ":")
	if !found || userID == "" || len(unix) > 12 || strings.Trim(unix, "0123456789") != "" {
		return "", time.Time{}, false
	}
	seconds, err := strconv.ParseInt(unix, 10, 64)
	if err != nil {
		return "", time.Time{}, false
	}
	return userID, time.Unix(seconds, 0), true
}
