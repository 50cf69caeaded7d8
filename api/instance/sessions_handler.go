package instance

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

const sessionsPath = "/api/v1/admin/sessions"

func (h *handler) registerSessions(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "admin-list-sessions", Method: http.MethodGet, Path: sessionsPath,
		Summary: "List who is on air from where, and how that goes, newest first", Tags: []string{"Admin"},
		Errors: with(staffErrors, http.StatusBadRequest),
	}, h.listSessions)
	huma.Register(api, huma.Operation{
		OperationID: "admin-end-session", Method: http.MethodDelete, Path: sessionsPath + "/{id}",
		Summary: "End a session on air", Tags: []string{"Admin"},
		Description:   "Its publisher is told, and may come back with a new session as long as the stream key is good.",
		DefaultStatus: http.StatusNoContent, Errors: with(writeErrors, http.StatusNotFound),
	}, h.endSession)
	huma.Register(api, huma.Operation{
		OperationID: "get-channel-session", Method: http.MethodGet, Path: "/api/v1/channels/{slug}/session",
		Summary: "Get how the channel's publisher is doing", Tags: []string{"On air"},
		Description: "Where the publisher is and which stream key it has is for the owner, broadcasters and staff alone.",
		Errors:      with(staffErrors, http.StatusNotFound),
	}, h.getChannelSession)
	huma.Register(api, huma.Operation{
		OperationID: "end-channel-session", Method: http.MethodDelete, Path: "/api/v1/channels/{slug}/session",
		Summary: "Take the channel off air", Tags: []string{"On air"},
		Description:   "Its publisher is told, and may come back with a new session as long as the stream key is good.",
		DefaultStatus: http.StatusNoContent, Errors: with(writeErrors, http.StatusNotFound),
	}, h.endChannelSession)
}

// SessionView is a session on air.
type SessionView struct {
	ID        string          `json:"id" format:"uuid"`
	ChannelID string          `json:"channel_id" format:"uuid"`
	Channel   string          `json:"channel" doc:"Address of the channel." example:"demo"`
	Owner     string          `json:"owner,omitempty" doc:"Username of the channel's owner."`
	Node      string          `json:"node,omitempty" doc:"Ingest node; absent for the server itself."`
	Protocol  string          `json:"protocol" example:"rtmp"`
	Remote    string          `json:"remote_address,omitempty" doc:"Where the publisher is." example:"192.0.2.7"`
	StreamKey *SessionKeyView `json:"stream_key,omitempty" doc:"The key that opened it."`
	StartedAt time.Time       `json:"started_at"`
	Waiting   bool            `json:"waiting" doc:"Whether the publisher is gone and may return to the session."`
	Viewers   int             `json:"viewers"`
	Source    SourceView      `json:"source"`
}

// SessionKeyView is what tells a stream key from others.
type SessionKeyView struct {
	ID    string `json:"id" format:"uuid"`
	Label string `json:"label"`
	Hint  string `json:"hint" doc:"Last characters of the secret."`
}

// SourceView is what a publisher sends, measured over about a second.
type SourceView struct {
	Width            int     `json:"width,omitempty" doc:"Pixels; absent without a picture."`
	Height           int     `json:"height,omitempty"`
	Codecs           string  `json:"codecs,omitempty" doc:"RFC 6381 codecs." example:"avc1.640028,mp4a.40.2"`
	Bitrate          int     `json:"bitrate_bps"`
	FrameRate        float64 `json:"frame_rate"`
	KeyframeInterval int64   `json:"keyframe_interval_ms" doc:"Between the last two keyframes."`
	Silent           int64   `json:"silent_ms" doc:"Since anything came."`
	Bytes            uint64  `json:"bytes" doc:"So far."`
	VideoFrames      uint64  `json:"video_frames" doc:"So far."`
	Lost             uint64  `json:"lost_packets" doc:"So far, because the server could not keep up."`
	ClockJumps       int     `json:"clock_jumps" doc:"Of the publisher's clock, so far."`
	Reconnects       int     `json:"reconnects" doc:"So far."`
}

func viewOfSession(f SessionFacts) SessionView {
	v := SessionView{
		ID: f.ID, ChannelID: f.ChannelID, Channel: f.Channel, Owner: f.Owner, Node: f.Node,
		Protocol: f.Protocol, Remote: f.Remote, StartedAt: f.StartedAt.UTC(), Waiting: f.Waiting, Viewers: f.Viewers,
		Source: SourceView{
			Width: f.Width, Height: f.Height, Codecs: f.Codecs, Bitrate: f.BitrateBPS, FrameRate: f.FrameRate,
			KeyframeInterval: f.KeyframeInterval.Milliseconds(), Silent: f.Silent.Milliseconds(),
			Bytes: f.Bytes, VideoFrames: f.VideoFrames, Lost: f.Lost, ClockJumps: f.ClockJumps, Reconnects: f.Reconnects,
		},
	}
	if f.KeyID != "" {
		v.StreamKey = &SessionKeyView{ID: f.KeyID, Label: f.KeyLabel, Hint: f.KeyHint}
	}
	return v
}

type listSessionsOnAirInput struct{ rest.PageQuery }

// listSessions handles GET /api/v1/admin/sessions.
func (h *handler) listSessions(ctx context.Context, in *listSessionsOnAirInput) (*rest.PageOutput[SessionView], error) {
	page, err := h.instance.OnAir(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, viewOfSession), sessionsPath, nil, in.Limit), nil
}

type endSessionInput struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the session."`
}

// endSession handles DELETE /api/v1/admin/sessions/{id}.
func (h *handler) endSession(ctx context.Context, in *endSessionInput) (*struct{}, error) {
	return nil, h.instance.EndSession(ctx, in.ID)
}

type channelSessionInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel."`
}

type channelSessionOutput struct{ Body SessionView }

// getChannelSession handles GET /api/v1/channels/{slug}/session.
func (h *handler) getChannelSession(ctx context.Context, _ *channelSessionInput) (*channelSessionOutput, error) {
	access := auth.AccessOf(ctx)
	f, err := h.instance.OnAirAt(ctx, access.ChannelID)
	if err != nil {
		return nil, err
	}
	v := viewOfSession(f)
	if access.Role&(auth.Owner|auth.Broadcaster) == 0 && !auth.User(ctx).IsStaff() {
		v.Remote, v.StreamKey = "", nil
	}
	return &channelSessionOutput{v}, nil
}

// endChannelSession handles DELETE /api/v1/channels/{slug}/session.
func (h *handler) endChannelSession(ctx context.Context, _ *channelSessionInput) (*struct{}, error) {
	return nil, h.instance.EndChannel(ctx, auth.AccessOf(ctx).ChannelID)
}
