package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/hls/conform"
	"bandstand/media/ingest/rtmp/rtmptest"
)

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bandstand test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(certFile, certPEM, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return certFile, keyFile
}

// trusting returns the configuration of a client that trusts nothing but certFile.
func trusting(t *testing.T, certFile string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(certFile)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

// speaking returns a client of exactly one protocol. trust may be nil without TLS.
func speaking(t *testing.T, trust *tls.Config, choose func(p *http.Protocols)) *http.Client {
	t.Helper()
	var p http.Protocols
	choose(&p)
	if trust != nil {
		trust = trust.Clone()
	}
	transport := &http.Transport{TLSClientConfig: trust, Protocols: &p}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// protocol returns which HTTP version a client gets url by.
func protocol(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := c.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode)
	return res.Proto
}

// TestEverythingGoesThroughTLS publishes over RTMPS and watches over HTTPS, with the
// API beside it.
func TestEverythingGoesThroughTLS(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	trust := trusting(t, cert)
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false",
		"BANDSTAND_RTMP_LISTEN=", "BANDSTAND_RTMPS_LISTEN=127.0.0.1:0", // RTMPS alone
		"BANDSTAND_HTTP_TLS_CERT="+cert, "BANDSTAND_HTTP_TLS_KEY="+key)
	h2 := s.client
	h1 := speaking(t, trust, func(p *http.Protocols) { p.SetHTTP1(true) })
	clip := sized(t, "320x180", "30")
	target := "rtmps://" + s.address("rtmps") + "/live/" + s.channel("demo")
	_, err := rtmptest.Publish(target, rtmptest.Options{Timeout: 3 * time.Second})
	require.Error(t, err, "without TLS there is no way in")
	send(t, target, rtmptest.Options{TLS: trust}, clip, nil)

	report, err := conform.Watch(t.Context(), conform.Config{
		URL: s.HLSURL("demo"), Client: h2, Duration: 10 * time.Second, StartWithin: 20 * time.Second, FetchMedia: true,
	})
	require.NoError(t, err)
	clean(t, report)
	require.True(t, report.LowLatency)
	require.Equal(t, "HTTP/2.0", protocol(t, h2, s.HLSURL("demo")))
	require.Equal(t, "HTTP/1.1", protocol(t, h1, s.HLSURL("demo")))
	require.Equal(t, "HTTP/2.0", protocol(t, h2, s.URL("/api/v1/channels/demo")))
}

// TestFFmpegPublishesOverRTMPS shows that a common encoder agrees with the server
// about TLS, and that the certificate may be RTMPS' own.
func TestFFmpegPublishesOverRTMPS(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_HTTP_H2C=true",
		"BANDSTAND_RTMPS_LISTEN=127.0.0.1:0", "BANDSTAND_RTMPS_TLS_CERT="+cert, "BANDSTAND_RTMPS_TLS_KEY="+key)
	streamKey := s.channel("demo")
	camera(t, "rtmps://"+s.address("rtmps")+"/live/"+streamKey)
	s.plays(t, "demo", "codec_name=h264", "codec_name=aac")

	h2c := speaking(t, nil, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
	require.Equal(t, "HTTP/2.0", protocol(t, h2c, s.HLSURL("demo")))
	require.Equal(t, "HTTP/1.1", protocol(t, http.DefaultClient, s.HLSURL("demo")))
	report, err := conform.Watch(t.Context(), conform.Config{
		URL: s.HLSURL("demo"), Client: h2c, Duration: 6 * time.Second, FetchMedia: true,
	})
	require.NoError(t, err)
	clean(t, report)
}
