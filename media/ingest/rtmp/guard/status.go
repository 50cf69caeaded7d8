package guard

// Status is an onStatus message that ends a connection.
type Status struct {
	Code   string // "NetStream.Publish.BadName"
	Text   string // for whoever looks at the encoder
	Stream uint32 // message stream; zero means the first
}

// chunk returns s as a command message of level error. RTMP 7.2.2.
func (s Status) chunk() []byte {
	stream := max(s.Stream, 1)
	b := appendNumber(appendString(nil, "onStatus"), 0)
	b = append(b, amfNull, amfObject)
	b = appendString(appendKey(b, "level"), "error")
	b = appendString(appendKey(b, "code"), s.Code)
	b = appendString(appendKey(b, "description"), text(s.Text))
	b = append(b, 0, 0, amfObjectEnd)
	return appendChunk(nil, csidStatus, typeCommand, stream, b)
}
