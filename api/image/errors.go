package image

import "bandstand/api/rest"

// Outcomes that callers tell apart.
var (
	ErrNotFound      = rest.NotFound("image_not_found", "there is no such picture")
	ErrEmoteNotFound = rest.NotFound("emote_not_found", "there is no such emote")
	ErrFormat        = rest.Unsupported("image_format", "only PNG, JPEG, WebP and GIF pictures are taken")
	ErrTooLarge      = rest.TooLarge("image_too_large", "a picture file has up to 10 MiB")
	ErrTooManyPixels = rest.Invalid("image_too_many_pixels", "a picture has up to 40 million pixels and up to 16384 on a side; less if it is of a kind that is costly to read")
	ErrBroken        = rest.Invalid("image_broken", "the picture is damaged or of a rare kind")
	ErrContent       = rest.Invalid("image_with_content", "there is something beside the picture in the file")
	ErrNotMade       = rest.Invalid("image_not_made", "the picture could not be made ready: send it again")
	ErrTooMany       = rest.TooMany("too_many_images", "as many pictures of yours as may be are being worked on")
	ErrBusy          = rest.Unavailable("images_busy", "as many pictures as may be are being received: try again")
	ErrNoStore       = rest.Unavailable("images_unavailable", "pictures cannot be kept at the moment: try again")
)

// refusals are the outcomes of pictures that will not do, by what Pictures says.
var refusals = map[string]*rest.Outcome{
	"format":  ErrFormat,
	"bytes":   ErrTooLarge,
	"pixels":  ErrTooManyPixels,
	"broken":  ErrBroken,
	"content": ErrContent,
}

// problemOf returns the outcome that is noted of an image as code.
func problemOf(code string) *rest.Outcome {
	for _, o := range refusals {
		if o.Code == code {
			return o
		}
	}
	return ErrNotMade
}
