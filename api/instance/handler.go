package instance

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

type handler struct{ instance *Service }

// Failures that operations document beside those that every operation may have.
var (
	staffErrors = []int{http.StatusUnauthorized, http.StatusForbidden}
	writeErrors = append([]int{http.StatusTooManyRequests}, staffErrors...)
)

// Register adds the operations of the instance to api.
func Register(api huma.API, s *Service) {
	h := &handler{s}
	h.registerInstance(api)
	h.registerSettings(api)
	h.registerSessions(api)
	h.registerBans(api)
	h.registerAudit(api)
}

func with(errs []int, more ...int) []int { return append(append([]int{}, more...), errs...) }
