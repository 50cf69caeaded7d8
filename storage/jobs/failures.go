package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// failures logs what went wrong in a job, without its arguments: these may hold
// addresses and secrets.
type failures struct{ log *slog.Logger }

func (f failures) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	switch {
	case errors.Is(err, &river.UnknownJobKindError{}):
		// A newer or older program knows it, perhaps: the job stays and is tried again.
		f.log.ErrorContext(ctx, "job of an unknown kind", attributes(job)...)
	case job.Attempt >= job.MaxAttempts:
		f.log.ErrorContext(ctx, "job given up", append(attributes(job), "err", err)...)
	default:
		f.log.WarnContext(ctx, "job failed", append(attributes(job), "err", err)...)
	}
	return nil
}

func (f failures) HandlePanic(ctx context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	f.log.ErrorContext(ctx, "job panicked", append(attributes(job), "panic", fmt.Sprint(value), "trace", trace)...)
	return nil
}

func attributes(job *rivertype.JobRow) []any {
	return []any{"job", job.ID, "kind", job.Kind, "attempt", job.Attempt, "attempts", job.MaxAttempts}
}
