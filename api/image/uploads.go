package image

import (
	"sync"

	"github.com/google/uuid"

	"bandstand/api/rest"
)

// uploads counts what is being received.
type uploads struct {
	most, mostEach int

	mu  sync.Mutex
	all int               // guarded by mu
	of  map[uuid.UUID]int // guarded by mu; of each person
}

func newUploads(most, mostEach int) *uploads {
	return &uploads{most: most, mostEach: mostEach, of: map[uuid.UUID]int{}}
}

// begin counts an upload of a person's. The outcomes are ErrTooMany and ErrBusy.
func (u *uploads) begin(person uuid.UUID) *rest.Outcome {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.of[person] >= u.mostEach:
		return ErrTooMany
	case u.all >= u.most:
		return ErrBusy
	}
	u.all++
	u.of[person]++
	return nil
}

// end takes back what begin has counted.
func (u *uploads) end(person uuid.UUID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all--
	u.of[person]--
	if u.of[person] == 0 {
		delete(u.of, person)
	}
}
