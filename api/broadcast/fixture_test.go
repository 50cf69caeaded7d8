package broadcast_test

import (
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// scheduledOf asks for the scheduled broadcasts of a channel, the earliest first.
func scheduledOf(channel uuid.UUID) store.BroadcastsOfInAfterParams {
	return store.BroadcastsOfInAfterParams{
		ChannelID: channel, State: "scheduled", Hidden: 1,
		Now: column.Maybe(noon), At: column.Maybe(time.Unix(0, 0)), Most: 1000,
	}
}
