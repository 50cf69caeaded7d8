package social_test

import (
	"testing"

	"go.uber.org/goleak"

	"bandstand/api/realtime/realtimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, realtimetest.Endless()...) }
