package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Folder writes mails into files, for development: NAME.eml opens in any mail
// program. Only this user can read them: they hold links that open accounts.
type Folder struct{ dir string }

// NewFolder returns a Sender that writes into dir, which it makes if missing.
func NewFolder(dir string) (*Folder, error) {
	if dir == "" {
		return nil, errors.New("mail: the folder has no name")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return &Folder{dir}, nil
}

// Send implements Sender. A file is there as a whole or not at all. Its name begins
// with the time, so that names are in the order in which mails were written.
func (f *Folder) Send(_ context.Context, msg *gomail.Msg) error {
	var text bytes.Buffer
	if _, err := msg.WriteTo(&text); err != nil {
		return fmt.Errorf("mail: write: %w", err)
	}
	id, _, _ := strings.Cut(strings.Trim(msg.GetMessageID(), "<>"), "@")
	name := time.Now().UTC().Format("20060102T150405.000000Z") + "-" + filepath.Base(id) + ".eml"
	tmp, err := os.CreateTemp(f.dir, ".*.tmp") // readable by this user alone
	if err != nil {
		return fmt.Errorf("mail: write: %w", err)
	}
	_, err = tmp.Write(text.Bytes())
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(f.dir, name))
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("mail: write: %w", err)
	}
	return nil
}
