package conform

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Bounds of one answer.
const (
	maxPlaylistBytes = 4 << 20
	maxMediaBytes    = 256 << 20
	requestTimeout   = 30 * time.Second
)

// answer is a complete HTTP response.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	arrived time.Time // when the body was complete
	took    time.Duration
}

// fetcher loads addresses with a bound on size and time.
type fetcher struct {
	client *http.Client
	now    func() time.Time
}

// do sends a request with the given header fields, in pairs of name and value,
// and reads the answer's body up to limit.
func (f *fetcher) do(ctx context.Context, method, address string, limit int64, fields ...string) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	began := f.now()
	res, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("answer of more than %d bytes", limit)
	}
	at := f.now()
	return &answer{status: res.StatusCode, header: res.Header, body: body, arrived: at, took: at.Sub(began)}, nil
}

// get loads an address; any status but 200 is an error.
func (f *fetcher) get(ctx context.Context, address string, limit int64) (*answer, error) {
	a, err := f.do(ctx, http.MethodGet, address, limit)
	if err == nil && a.status != http.StatusOK {
		err = statusError(a.status)
	}
	return a, err
}

// statusError is an answer with an unwanted status.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }
