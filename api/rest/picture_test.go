package rest_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"bandstand/api/rest"
)

func TestPicture(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70")

	v := rest.Picture(rest.Thumbnail, id)
	require.NotNil(t, v)
	assert.Equal(t, map[string]string{
		"320":  "/images/0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70/320.webp",
		"640":  "/images/0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70/640.webp",
		"1280": "/images/0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70/1280.webp",
	}, v.WebP)
	assert.Equal(t, "/images/0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70/320.jpg", v.JPEG["320"])
	assert.Len(t, rest.Picture(rest.Avatar, id).JPEG, 4)
	assert.Len(t, rest.Picture(rest.Banner, id).JPEG, 3)
	assert.Nil(t, rest.Picture(rest.Avatar, uuid.Nil), "no picture")
	assert.Empty(t, rest.Picture("other", id).WebP)
}
