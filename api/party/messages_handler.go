package party

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

func (h *handler) registerMessages(api huma.API, tags []string) {
	chatPath := onePath + "/messages"
	huma.Register(api, huma.Operation{
		OperationID: "list-party-messages", Method: http.MethodGet, Path: chatPath,
		Summary: "List the chat of a watch party, newest first", Tags: tags, Errors: with(readErrors, http.StatusBadRequest),
	}, h.messages)
	huma.Register(api, huma.Operation{
		OperationID: "send-party-message", Method: http.MethodPost, Path: chatPath,
		Summary: "Write in the chat of a watch party", Tags: tags,
		Errors: with(writeErrors, http.StatusConflict), DefaultStatus: http.StatusCreated,
	}, h.send)
	huma.Register(api, huma.Operation{
		OperationID: "delete-party-message", Method: http.MethodDelete, Path: chatPath + "/{message}",
		Summary: "Delete a message of your own, or as the host, from the chat of a watch party", Tags: tags,
		Errors: writeErrors, DefaultStatus: http.StatusNoContent,
	}, h.delete)
}

type listPartyMessagesInput struct {
	PartyPath
	rest.PageQuery
}

// messages handles GET /api/v1/parties/{party}/messages.
func (h *handler) messages(ctx context.Context, in *listPartyMessagesInput) (*rest.PageOutput[PartyMessageView], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	page, err := h.parties.Messages(ctx, auth.User(ctx), id, in.PageQuery)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, viewOfMessage), partiesPath+"/"+id.String()+"/messages", nil, in.Limit), nil
}

type sendPartyMessageInput struct {
	PartyPath

	Body struct {
		Text    string `json:"text" minLength:"1" maxLength:"8000" doc:"1 to 500 characters." example:"Hello!"`
		SendKey string `json:"send_key,omitempty" maxLength:"64" doc:"Of your choice: a message that is sent again with it is the same." example:"d7f1"`
	}
}

type partyMessageOutput struct {
	Location string `header:"Location" doc:"Where it can be deleted."`
	Body     PartyMessageView
}

// send handles POST /api/v1/parties/{party}/messages.
func (h *handler) send(ctx context.Context, in *sendPartyMessageInput) (*partyMessageOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	m, err := h.parties.Send(ctx, auth.User(ctx), id, in.Body.Text, in.Body.SendKey)
	if err != nil {
		return nil, err
	}
	return &partyMessageOutput{
		Location: partiesPath + "/" + id.String() + "/messages/" + m.ID.String(), Body: viewOfMessage(m),
	}, nil
}

type deletePartyMessageInput struct {
	PartyPath

	Message string `path:"message" maxLength:"36" doc:"Id of the message."`
}

// delete handles DELETE /api/v1/parties/{party}/messages/{message}.
func (h *handler) delete(ctx context.Context, in *deletePartyMessageInput) (*struct{}, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	message, ok := parseID(in.Message)
	if !ok {
		return nil, ErrMessageNotFound
	}
	return nil, h.parties.Delete(ctx, auth.User(ctx), id, message)
}
