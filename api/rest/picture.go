package rest

import (
	"strconv"

	"github.com/google/uuid"
)

// Kinds of pictures.
const (
	Avatar    = "avatar"    // of a person or a channel: a square
	Banner    = "banner"    // of a channel: wide
	Thumbnail = "thumbnail" // of a broadcast, or of those of a channel: 16:9
	Emote     = "emote"     // that stands for a word in chats: a small square
)

// PictureView is where a picture is, as WebP and as JPEG, under its widths in pixels.
type PictureView struct {
	WebP map[string]string `json:"webp" nullable:"false" doc:"Path by width in pixels." example:"{\"64\":\"/images/0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70/64.webp\"}"`
	JPEG map[string]string `json:"jpeg" nullable:"false" doc:"Path by width in pixels." example:"{\"64\":\"/images/0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70/64.jpg\"}"`
}

// PictureWidths returns the widths, narrowest first, in which there is every picture
// of a kind; none for a kind that is unknown.
func PictureWidths(kind string) []int {
	switch kind {
	case Avatar:
		return []int{64, 128, 256, 512}
	case Banner:
		return []int{640, 1280, 1920}
	case Thumbnail:
		return []int{320, 640, 1280}
	case Emote:
		return []int{28, 56, 112}
	}
	return nil
}

// Picture returns where the picture of a kind with this id is; nil for uuid.Nil,
// which is no picture. What is there under a path never changes.
func Picture(kind string, id uuid.UUID) *PictureView {
	if id == uuid.Nil {
		return nil
	}
	widths := PictureWidths(kind)
	v := &PictureView{WebP: make(map[string]string, len(widths)), JPEG: make(map[string]string, len(widths))}
	for _, width := range widths {
		w := strconv.Itoa(width)
		v.WebP[w] = "/images/" + id.String() + "/" + w + ".webp"
		v.JPEG[w] = "/images/" + id.String() + "/" + w + ".jpg"
	}
	return v
}
