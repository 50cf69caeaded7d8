package transcode

// Encoder is the name that ffmpeg has for an H.264 encoder.
type Encoder string

// The encoders whose options are known here. Only LibX264 has been run; the options
// of the others follow ffmpeg's documentation and want a try on the hardware, which
// Probe makes.
const (
	LibX264 Encoder = "libx264"
	NVENC   Encoder = "h264_nvenc"
	VAAPI   Encoder = "h264_vaapi"
	QSV     Encoder = "h264_qsv"
)

// Encoders returns every known encoder.
func Encoders() []Encoder { return []Encoder{LibX264, NVENC, VAAPI, QSV} }

// profile is what an encoder needs in order to give every frame at once, in the
// order and at the time it came, and an IDR frame when one is asked for.
type profile struct {
	preset string   // -preset, if the encoder has it
	input  []string // before the input
	filter string   // after scaling
	output []string // options of the encoder
	rate   string   // option that tells it the frame rate, if there is one
}

func (e Encoder) profile() profile {
	switch e {
	case NVENC:
		return profile{
			preset: "p4",
			filter: "format=yuv420p",
			output: []string{
				"-tune", "ll", "-rc", "cbr", "-zerolatency", "1", "-delay", "0",
				"-no-scenecut", "1", "-forced-idr", "1", "-profile:v", "main",
			},
		}
	case VAAPI:
		return profile{
			input:  []string{"-vaapi_device", "/dev/dri/renderD128"},
			filter: "format=nv12,hwupload",
			output: []string{"-rc_mode", "CBR", "-async_depth", "1", "-idr_interval", "0", "-profile:v", "main"},
		}
	case QSV:
		return profile{
			preset: "veryfast",
			filter: "format=nv12",
			output: []string{"-async_depth", "1", "-look_ahead", "0", "-forced_idr", "1", "-profile:v", "main"},
		}
	default:
		return profile{
			preset: "veryfast",
			filter: "format=yuv420p",
			// Without lookahead x264 counts frames and does not see their times: it misses
			// the bitrate by as much as the frame rate is misjudged. (force-cfr=0 makes it
			// look, at the price of holding back a frame.)
			rate: "-x264-params",
			output: []string{
				"-tune", "zerolatency", "-sc_threshold", "0",
				"-forced-idr", "1", "-profile:v", "main",
			},
		}
	}
}
