package chat

import "time"

// topicKind is the kind of topic on which chats are told of; a slug follows.
const topicKind = "chat:"

// Events on that topic. The data of chat.message and chat.edited is a MessageView.
const (
	eventState    = "chat.state"
	eventMessage  = "chat.message"
	eventEdited   = "chat.edited"
	eventDeleted  = "chat.deleted"
	eventLiked    = "chat.liked"
	eventPinned   = "chat.pinned"
	eventUnpinned = "chat.unpinned"
	eventCleared  = "chat.cleared"
)

// State is how a chat is when somebody opens it: the data of chat.state.
type State struct {
	Pinned   *MessageView `json:"pinned"`             // null for none
	Settings any          `json:"settings,omitempty"` // what the chat allows
}

// Deleted is the data of chat.deleted. Quotes of the message are not shown any more.
type Deleted struct {
	ID string `json:"id"`
	By string `json:"by"` // author or moderator
}

// Liked is the data of chat.liked: how many like a message now.
type Liked struct {
	ID    string `json:"id"`
	Likes int64  `json:"likes"`
}

// Pinned is the data of chat.pinned.
type Pinned struct {
	Message MessageView `json:"message"`
	By      string      `json:"by"` // username
}

// Unpinned is the data of chat.unpinned.
type Unpinned struct {
	ID string `json:"id"`
}

// Cleared is the data of chat.cleared: what has a lesser id is not shown any more.
type Cleared struct {
	Before string    `json:"before"`
	At     time.Time `json:"at"`
}
