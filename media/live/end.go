package live

import "errors"

// ErrEnded is what the publisher of a session is told that somebody ended.
var ErrEnded = errors.New("the session was ended by those who run the channel or the server")

// End takes the session with this id off air and tells its publisher so, who may come
// back with a new session. It reports whether there was one.
func (r *Registry) End(id string) bool {
	for _, s := range r.Sessions() {
		if s.ID == id {
			s.end(ErrEnded)
			return true
		}
	}
	return false
}

// Source returns where the latest publisher comes from.
func (s *Session) Source() Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source
}
