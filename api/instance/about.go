package instance

// About is what the program can do, for clients. It does not change while it runs.
type About struct {
	Version  string       // of the program; "dev" if empty
	URL      string       // how people reach the server; empty if not known
	Ingest   []IngestView // where publishers go
	Features FeaturesView
	Limits   LimitsView
	Ladder   []RungView // renditions below a source, where the channel has no ladder of its own
}

// IngestView is a way in for publishers.
type IngestView struct {
	Protocol string `json:"protocol" enum:"rtmp,rtmps" example:"rtmp"`
	Port     int    `json:"port" example:"1935"`
	URL      string `json:"url,omitempty" doc:"Address for encoders, without the stream key; absent if the server does not know its name: then it is that of this API." example:"rtmp://live.example.org/live"`
}

// FeaturesView is what the server has that others may not have.
type FeaturesView struct {
	LowLatency bool `json:"low_latency" doc:"Low-Latency HLS."`
	Transcode  bool `json:"transcode" doc:"Lower renditions beside the source."`
	Mail       bool `json:"mail" doc:"Confirmation, recovery and reminders by mail."`
	Webhooks   bool `json:"webhooks"`
	Images     bool `json:"images" doc:"Avatars, banners and thumbnails can be uploaded."`
	Recording  bool `json:"recording"`
	Chat       bool `json:"chat"`
	Torrents   bool `json:"torrents"`
}

// LimitsView is what requests are held to, for clients to check beforehand. What is
// not known is left out.
type LimitsView struct {
	PageItems          int   `json:"page_items,omitempty" doc:"Most items on a page of a list." example:"100"`
	TitleLength        int   `json:"title_length,omitempty" doc:"Characters of a title." example:"100"`
	DescriptionLength  int   `json:"description_length,omitempty" doc:"Characters of a description."`
	Tags               int   `json:"tags,omitempty" doc:"Of one thing." example:"10"`
	TagLength          int   `json:"tag_length,omitempty" example:"30"`
	Links              int   `json:"links,omitempty" doc:"Of one thing." example:"10"`
	ImageBytes         int64 `json:"image_bytes,omitempty" doc:"Largest upload of a picture."`
	ImagePixels        int64 `json:"image_pixels,omitempty" doc:"Most pixels of a picture, width times height."`
	WebhooksPerChannel int   `json:"webhooks_per_channel,omitempty" example:"10"`
	StreamKeys         int   `json:"stream_keys,omitempty" doc:"Of one channel." example:"50"`
	MaxBitrate         int   `json:"max_bitrate_bps,omitempty" doc:"Bits per second of a publisher." example:"60000000"`
}

// RungView is one rendition of the server's ladder.
type RungView struct {
	Name    string `json:"name" example:"720p"`
	Height  int    `json:"height" doc:"Pixels."`
	Bitrate int    `json:"bitrate_bps" doc:"Video bits per second." example:"2800000"`
	MaxFPS  int    `json:"max_frame_rate,omitempty" doc:"Frames per second at most; absent for as many as the source." example:"30"`
}
