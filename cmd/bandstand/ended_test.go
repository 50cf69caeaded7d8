package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/ingest/rtmp/rtmptest"
)

// endsTheSession takes the only session on air off it, and waits until its publisher
// is gone.
func (s *server) endsTheSession(t *testing.T, admin string, publisher *publisher) {
	t.Helper()
	var list struct {
		Items []struct{ ID, Channel, Protocol string }
	}
	s.does(t, admin, "GET", "/api/v1/admin/sessions", nil, &list)
	require.Len(t, list.Items, 1)
	require.Equal(t, "demo", list.Items[0].Channel)
	require.Equal(t, "rtmp", list.Items[0].Protocol)
	path := "/api/v1/admin/sessions/" + list.Items[0].ID
	require.Equal(t, http.StatusForbidden, s.as(t, s.token, "DELETE", path, nil, nil).code)
	began := time.Now()
	s.does(t, admin, "DELETE", path, nil, nil)
	publisher.wait(20 * time.Second)
	t.Logf("the publisher is gone after %v", time.Since(began))
	eventually(t, 10*time.Second, func() error {
		if s.as(t, admin, "DELETE", path, nil, nil).code != http.StatusNotFound {
			return errors.New("the session is still on air")
		}
		return nil
	})
	var log struct {
		Items []struct{ Action, Actor string }
	}
	s.does(t, admin, "GET", "/api/v1/admin/audit", nil, &log)
	require.NotEmpty(t, log.Items)
	require.Contains(t, fmt.Sprint(log.Items), "session")
}

// TestStaffTakesPublishersOffAir ends sessions, and shuts an address out.
func TestStaffTakesPublishersOffAir(t *testing.T) {
	t.Parallel()
	own := ownAddress(t)
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_RTMP_LISTEN="+own+":0",
		`BANDSTAND_HTTP_TRUSTED_PROXIES=["127.0.0.0/8"]`)
	admin := s.staff(t, "boss", "admin")
	key := s.channel("demo")
	publisher := camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")
	s.endsTheSession(t, admin, publisher)

	// The owner too, and the publisher is told why.
	c, err := rtmptest.Publish(s.RTMPURL(key), rtmptest.Options{})
	require.NoError(t, err)
	defer c.Close()
	for _, tag := range sized(t, "320x180", "2") {
		require.NoError(t, c.SendTag(tag))
	}
	eventually(t, 10*time.Second, func() error { return s.liveIs("demo", true) })
	s.does(t, s.token, "DELETE", "/api/v1/channels/demo/session", nil, nil)
	var told *rtmptest.StatusError
	require.ErrorAs(t, c.Wait(), &told)
	require.Contains(t, told.Text, "ended by those who run the channel")

	if own == "127.0.0.1" {
		t.Log("this machine has no other address than loopback, which is never banned: the rest is left out")
		return
	}
	from := []string{"X-Forwarded-For", own}
	require.Equal(t, http.StatusOK, s.as(t, "", "GET", "/api/v1/instance", nil, nil, from...).code)
	var ban struct{ ID string }
	s.does(t, admin, "POST", "/api/v1/admin/bans", map[string]string{"network": own, "reason": "spam"}, &ban)
	for _, path := range []string{"/api/v1/instance", "/live/demo/index.m3u8"} {
		got := s.as(t, "", "GET", path, nil, nil, from...)
		require.Equal(t, http.StatusForbidden, got.code, path)
		require.Contains(t, got.body, `"banned"`, path)
	}
	_, err = rtmptest.Publish(s.RTMPURL(key), rtmptest.Options{})
	require.Error(t, err)
	refused := camera(t, s.RTMPURL(key))
	refused.wait(20 * time.Second)

	s.does(t, admin, "DELETE", "/api/v1/admin/bans/"+ban.ID, nil, nil)
	require.Equal(t, http.StatusOK, s.as(t, "", "GET", "/api/v1/instance", nil, nil, from...).code)
	camera(t, s.RTMPURL(key))
	eventually(t, 20*time.Second, func() error { return s.liveIs("demo", true) })
}

// ownAddress returns an address of this machine that other machines could have,
// 127.0.0.1 if there is none.
func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}
