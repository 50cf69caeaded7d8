package image

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

// uploadTime is how long a picture may take to arrive.
const uploadTime = time.Minute

const (
	channelPath   = "/api/v1/channels/{slug}/"
	broadcastPath = "/api/v1/broadcasts/{broadcast}/"
)

type handler struct {
	api    huma.API
	images *Service
}

// Register adds the operations of images to api.
func Register(api huma.API, images *Service) {
	h := &handler{api, images}
	register[struct{}](h, place{"my-avatar", "/api/v1/me/avatar", "your avatar", rest.Avatar, me}, (*MyPictureInput).picture)
	for _, kind := range []string{rest.Avatar, rest.Banner, rest.Thumbnail} {
		at := place{"channel-" + kind, channelPath + kind, "the " + kind + " of a channel", kind, channel}
		register[ChannelInput](h, at, (*ChannelPictureInput).picture)
	}
	at := place{"broadcast-thumbnail", broadcastPath + rest.Thumbnail, "the thumbnail of a broadcast", rest.Thumbnail, broadcast}
	register[BroadcastInput](h, at, (*BroadcastPictureInput).picture)
	h.registerEmotes()
	huma.Register(api, huma.Operation{
		OperationID: "get-image", Method: http.MethodGet, Path: "/api/v1/images/{image}",
		Summary: "Get what has become of a picture", Tags: []string{"Images"},
		Description: "One that is not ready is only there for whoever has sent it, and for staff.",
		Errors:      []int{http.StatusNotFound},
	}, h.get)
}

// place is where an image can be.
type place struct {
	name   string // ending of the ids of its operations
	path   string
	what   string // in words
	kind   string
	target func(context.Context) Target // that an operation is about
}

func me(ctx context.Context) Target {
	p := auth.User(ctx)
	return Target{targetUser, p.UserID, p.Name}
}

func channel(ctx context.Context) Target {
	a := auth.AccessOf(ctx)
	return Target{targetChannel, a.ChannelID, a.Slug}
}

func broadcast(ctx context.Context) Target {
	a := auth.AccessOf(ctx)
	return Target{targetBroadcast, a.BroadcastID, a.Slug}
}

// register adds the operations that put and delete the image at a place. Their inputs
// are a Put and a Delete.
func register[Delete, Put any](h *handler, at place, picture func(*Put) []byte) {
	huma.Register(h.api, h.putting(at), func(ctx context.Context, in *Put) (*putOutput, error) {
		return h.put(ctx, at.target(ctx), at.kind, picture(in))
	})
	huma.Register(h.api, huma.Operation{
		OperationID: "del-" + at.name, Method: http.MethodDelete, Path: at.path,
		Summary: "Remove " + at.what, Tags: []string{"Images"},
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests},
	}, func(ctx context.Context, _ *Delete) (*struct{}, error) {
		return nil, h.images.Remove(ctx, at.target(ctx), at.kind)
	})
}

// putting describes the operation that puts the image at a place.
func (h *handler) putting(at place) huma.Operation {
	return huma.Operation{
		OperationID: "put-" + at.name, Method: http.MethodPut, Path: at.path,
		Summary: "Send " + at.what, Tags: []string{"Images"},
		Description: "The body is the file: PNG, JPEG, WebP or GIF, of which the first frame is taken. What it is is decided by its " +
			"content, whatever Content-Type says. It has up to 10 MiB, 40 million pixels, and 16384 on a side. It is turned upright, " +
			"cropped around its middle to " + shapes[at.kind] + ", and made in several sizes, with nothing of the file but the " +
			"picture. This takes a moment: the reply says where to ask whether it is ready. It is shown then, in place of the one before.",
		DefaultStatus: http.StatusAccepted,
		MaxBodyBytes:  MaxBytes, BodyReadTimeout: uploadTime,
		RequestBody: pictureBody(),
		Middlewares: huma.Middlewares{h.admit},
		Errors: []int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable,
		},
	}
}

// put handles all uploads.
func (h *handler) put(ctx context.Context, to Target, kind string, picture []byte) (*putOutput, error) {
	image, err := h.images.Upload(ctx, to, kind, picture)
	if err != nil {
		return nil, err
	}
	return &putOutput{Location: "/api/v1/images/" + image.ID.String(), Body: viewOf(&image)}, nil
}

// shapes says what pictures of a kind look like.
var shapes = map[string]string{
	rest.Avatar:    "a square",
	rest.Banner:    "3:1, unless it is between 2:1 and 6:1",
	rest.Thumbnail: "16:9",
	rest.Emote:     "a square",
}

// pictureBody describes the body of an upload.
func pictureBody() *huma.RequestBody {
	body := &huma.RequestBody{Description: "The picture file.", Required: true, Content: map[string]*huma.MediaType{}}
	for _, media := range []string{"image/png", "image/jpeg", "image/webp", "image/gif", "application/octet-stream"} {
		body.Content[media] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	return body
}

// admit lets an upload through if there is memory for it, before its body is read.
func (h *handler) admit(ctx huma.Context, next func(huma.Context)) {
	person := auth.User(ctx.Context()).UserID
	if o := h.images.uploads.begin(person); o != nil {
		_ = huma.WriteErr(h.api, ctx, o.Status, "", rest.Later(o, retryAfter))
		return
	}
	defer h.images.uploads.end(person)
	next(ctx)
}

// ChannelInput is the part of an input that names a channel.
type ChannelInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel." example:"demo"`
}

// BroadcastInput is the part of an input that names a broadcast.
type BroadcastInput struct {
	Broadcast string `path:"broadcast" maxLength:"36" doc:"Id of the broadcast." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
}

// MyPictureInput is a picture for whoever sends it.
type MyPictureInput struct{ RawBody []byte }

func (in *MyPictureInput) picture() []byte { return in.RawBody }

// ChannelPictureInput is a picture for a channel.
type ChannelPictureInput struct {
	ChannelInput
	RawBody []byte
}

func (in *ChannelPictureInput) picture() []byte { return in.RawBody }

// BroadcastPictureInput is a picture for a broadcast.
type BroadcastPictureInput struct {
	BroadcastInput
	RawBody []byte
}

func (in *BroadcastPictureInput) picture() []byte { return in.RawBody }

type putOutput struct {
	Location string `header:"Location" doc:"Where to ask what has become of the picture."`
	Body     ImageView
}

// ImageView is a picture that somebody has sent.
type ImageView struct {
	ID        string            `json:"id" format:"uuid" example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	Kind      string            `json:"kind" enum:"avatar,banner,thumbnail,emote" example:"avatar"`
	State     string            `json:"state" enum:"pending,ready,failed,replaced" doc:"It is pending while it is being made, ready from then on, and replaced once another one is shown, or none." example:"ready"`
	Problem   *ImageProblemView `json:"problem,omitempty" doc:"Why it has failed."`
	Picture   *rest.PictureView `json:"picture,omitempty" doc:"Where it is, once it is ready."`
	CreatedAt time.Time         `json:"created_at" example:"2026-11-20T12:00:00Z"`
}

// ImageProblemView says why a picture will not do.
type ImageProblemView struct {
	Code   string `json:"code" doc:"For programs. It never changes its meaning." example:"image_broken"`
	Detail string `json:"detail" doc:"For people." example:"the picture is damaged or of a rare kind"`
}

func viewOf(i *Image) ImageView {
	v := ImageView{ID: i.ID.String(), Kind: i.Kind, State: i.State, CreatedAt: i.CreatedAt}
	if i.Problem != nil {
		v.Problem = &ImageProblemView{Code: i.Problem.Code, Detail: i.Problem.Detail}
	}
	if i.State == stateReady {
		v.Picture = rest.Picture(i.Kind, i.ID)
	}
	return v
}

type getImageInput struct {
	Image string `path:"image" maxLength:"36" doc:"Id of the picture." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
}

type getImageOutput struct{ Body ImageView }

// get handles GET /api/v1/images/{image}.
func (h *handler) get(ctx context.Context, in *getImageInput) (*getImageOutput, error) {
	id, err := uuid.Parse(in.Image)
	if err != nil || !strings.EqualFold(id.String(), in.Image) {
		return nil, ErrNotFound
	}
	image, err := h.images.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return &getImageOutput{viewOf(&image)}, nil
}
