package main

import (
	"testing"

	"bandstand/api/apitest"
	"bandstand/storage/db/dbtest"
)

func TestTheWholeAPIIsDescribed(t *testing.T) {
	t.Parallel()
	apitest.New(t, dbtest.SQLite(t), (&apiSide{}).features()).CheckDocument()
}
