package cache

// Doubt does what happens when notices may have been missed.
func Doubt[K comparable, V any](c *Cache[K, V]) { c.doubtAll() }
