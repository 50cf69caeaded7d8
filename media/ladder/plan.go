package ladder

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"bandstand/media/stream"
	"bandstand/transcode"
)

const (
	maxRungs    = 8
	guessedRate = 30 // frames a second, when nothing says how many
)

// CheckRungs reports everything that makes rungs unusable as a ladder.
func CheckRungs(rungs []stream.Rung) error {
	var errs []error
	if len(rungs) > maxRungs {
		errs = append(errs, fmt.Errorf("%d rungs: at most %d", len(rungs), maxRungs))
	}
	names := make(map[string]bool)
	for _, r := range rungs {
		if err := checkRung(r); err != nil {
			errs = append(errs, err)
		}
		if names[r.Name] {
			errs = append(errs, fmt.Errorf("rung %q: name is taken twice", r.Name))
		}
		names[r.Name] = true
	}
	return errors.Join(errs...)
}

func checkRung(r stream.Rung) error {
	switch {
	case r.Name == "":
		return errors.New("a rung has no name")
	case r.Height < 16 || r.Height > 4320 || r.Height%2 != 0:
		return fmt.Errorf("rung %q: height %d: even, 16 to 4320", r.Name, r.Height)
	case r.BitrateBPS < 10_000 || r.BitrateBPS > 100_000_000:
		return fmt.Errorf("rung %q: bitrate %d bit/s: 10,000 to 100,000,000", r.Name, r.BitrateBPS)
	case r.MaxFrameRate < 0 || r.MaxFrameRate > 300 || math.IsNaN(r.MaxFrameRate):
		return fmt.Errorf("rung %q: frame rate %v: 0 to 300", r.Name, r.MaxFrameRate)
	default:
		return nil
	}
}

// Plan returns the rungs that a source of format f gets, highest first, out of
// override, or of the configured ones if that is nil. They are lower than the
// source; a source that many browsers cannot play, HEVC or AV1, has one of its own
// height too, and one in any case. Without video there is none. Rungs that
// CheckRungs refuses are left out.
func (l *Ladder) Plan(f stream.Format, override []stream.Rung) []stream.Rung {
	if f.Video == nil {
		return nil
	}
	rungs := slices.Clone(l.cfg.Rungs)
	if override != nil {
		rungs = usable(override)
	}
	if len(rungs) == 0 {
		return nil
	}
	slices.SortStableFunc(rungs, func(a, b stream.Rung) int { return cmp.Compare(b.Height, a.Height) })
	lowest := rungs[len(rungs)-1]
	if f.Video.Height == 0 { // unknown: more than one could come out alike
		return []stream.Rung{lowest}
	}
	most := f.Video.Height - 1
	if f.Video.Codec != stream.H264 {
		most = f.Video.Height
	}
	rungs = slices.DeleteFunc(rungs, func(r stream.Rung) bool { return r.Height > most })
	if len(rungs) == 0 && f.Video.Codec != stream.H264 && f.Video.Height >= 2 {
		lowest.Height = f.Video.Height &^ 1
		return []stream.Rung{lowest}
	}
	return rungs
}

func usable(rungs []stream.Rung) []stream.Rung {
	var good []stream.Rung
	for _, r := range rungs {
		if CheckRungs(append(slices.Clip(good), r)) == nil {
			good = append(good, r)
		}
	}
	return good
}

// job says what ffmpeg has to make of a source.
func (l *Ladder) job(source *stream.Track, rungs []stream.Rung) transcode.Job {
	job := transcode.Job{ThumbnailEvery: max(0, l.cfg.ThumbnailEvery)}
	for _, r := range rungs {
		t := transcode.Rung{
			Height: r.Height, BitrateBPS: r.BitrateBPS,
			FrameRate: expectedFrameRate(source.FrameRate, r), MaxFrameRate: r.MaxFrameRate,
		}
		if within(source.FrameRate, r.MaxFrameRate) {
			t.MaxFrameRate = 0
		}
		job.Rungs = append(job.Rungs, t)
	}
	return job
}

// within says whether a known frame rate needs no cap: 30 and a bit are 30.
func within(rate, most float64) bool { return most == 0 || (rate > 0 && rate <= most*1.02) }

// expectedFrameRate is rungFrameRate with a guess in place of the unknown.
func expectedFrameRate(source float64, r stream.Rung) float64 {
	if source == 0 {
		source = guessedRate
	}
	return rungFrameRate(source, r)
}

// rungFrameRate returns the frame rate of r: every nth frame of the source.
func rungFrameRate(source float64, r stream.Rung) float64 {
	if source == 0 || within(source, r.MaxFrameRate) {
		return source
	}
	return source / math.Ceil(0.8*source/r.MaxFrameRate)
}
