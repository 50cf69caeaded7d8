package login

// Names returns how many names have failures.
func (a *MemoryAttempts) Names() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.names)
}

// DeviceName is deviceName.
func DeviceName(userAgent string) string { return deviceName(userAgent) }
