package rtmp_test

import (
	"io"
	"net"
	"sync/atomic"
	"testing"

	"bandstand/media/ingest/rtmp"
	"bandstand/media/ingest/rtmp/rtmptest"
	"bandstand/media/stream/flv"
	"bandstand/media/stream/flv/flvtest"

	"github.com/stretchr/testify/require"
	gortmp "github.com/yutopp/go-rtmp"
)

// BenchmarkPublish sends a second of 720p at 2.5 Mbit/s per operation to: this
// server, with the payload parsed and put on air; go-rtmp alone, which hands over
// the bytes; and a loop of bare reads.
func BenchmarkPublish(b *testing.B) {
	b.Run("server", func(b *testing.B) {
		s := &station{done: make(chan struct{}), forget: true}
		startStation(b, s, func(c *rtmp.Config) { c.MaxBitrateBPS = 1 << 40 })
		benchmark(b, s.Addr)
	})
	b.Run("library", func(b *testing.B) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		srv := gortmp.NewServer(&gortmp.ServerConfig{
			OnConnect: func(nc net.Conn) (io.ReadWriteCloser, *gortmp.ConnConfig) {
				return nc, &gortmp.ConnConfig{Handler: &drain{}, SkipHandshakeVerification: true, ControlState: gortmp.StreamControlStateConfig{DefaultAckWindowSize: 2_500_000}}
			},
		})
		go srv.Serve(ln)
		defer srv.Close()
		benchmark(b, ln.Addr().String())
	})
	b.Run("bare", func(b *testing.B) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		defer ln.Close()
		go func() {
			for {
				nc, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					buf := make([]byte, 64<<10)
					for {
						if _, err := nc.Read(buf); err != nil {
							nc.Close()
							return
						}
					}
				}()
			}
		}()
		benchmark(b, ln.Addr().String())
	})
}

// drain is go-rtmp's way to take media.
type drain struct {
	gortmp.DefaultHandler
	n atomic.Int64
}

func (d *drain) OnAudio(_ uint32, r io.Reader) error { return d.take(r) }
func (d *drain) OnVideo(_ uint32, r io.Reader) error { return d.take(r) }

func (d *drain) take(r io.Reader) error {
	body, err := io.ReadAll(r)
	d.n.Add(int64(len(body)))
	return err
}

func benchmark(b *testing.B, addr string) {
	clip := flvtest.Clip(b, flvtest.PictureAndTone("1", "-s", "1280x720", "-b:v", "2400k", "-minrate", "2400k", "-maxrate", "2400k", "-bufsize", "600k", "-x264-params", "nal-hrd=cbr", "-b:a", "128k")...)
	nc, err := net.Dial("tcp", addr)
	require.NoError(b, err)
	defer nc.Close()
	var media []flv.Tag
	size := 0
	for _, tag := range clip {
		if tag.Type != flv.TypeScript {
			media = append(media, tag)
			size += len(tag.Body)
		}
	}
	_, err = nc.Write(rtmptest.Script(rtmptest.Options{}, "live", key, nil))
	require.NoError(b, err)
	go io.Copy(io.Discard, nc)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		for _, tag := range media {
			tag.Time += uint32(i) * 1000
			_, err := nc.Write(rtmptest.AppendTag(nil, rtmptest.Options{}, tag))
			require.NoError(b, err)
		}
	}
	b.ReportMetric(float64(len(media)), "messages/op")
}
