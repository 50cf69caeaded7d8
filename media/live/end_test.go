package live

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
)

func TestEndedSessionTellsItsPublisher(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	reg := start(t, r, nil)
	p, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	p.SetFormat(stream.Format{Video: video})
	require.NoError(t, p.Write(frame(0, true)))
	require.Equal(t, home, p.Session().Source())

	require.False(t, reg.End("another"))
	require.NoError(t, p.Err())
	require.True(t, reg.End(p.Session().ID))
	<-p.Done()
	require.ErrorIs(t, p.Err(), ErrEnded)
	require.ErrorIs(t, p.Write(frame(33*ms, false)), ErrEnded)
	<-p.Session().Done()
	require.False(t, reg.End(p.Session().ID))

	again, err := reg.Open(t.Context(), demo, Source{Protocol: "rtmps", Remote: "192.0.2.2"})
	require.NoError(t, err)
	require.NotEqual(t, p.Session().ID, again.Session().ID)
	require.Equal(t, "rtmps", again.Session().Source().Protocol)
}

func TestWaitingSessionCanBeEnded(t *testing.T) {
	t.Parallel()
	reg := start(t, &recorder{}, func(c *Config) { c.Grace = time.Hour })
	p, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	p.Close()
	require.True(t, reg.End(p.Session().ID))
	<-p.Session().Done()
	_, ok := reg.Session("demo")
	require.False(t, ok)
}
