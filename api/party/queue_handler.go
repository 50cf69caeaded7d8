package party

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

func (h *handler) registerQueue(api huma.API, tags []string) {
	queuePath := onePath + "/queue"
	huma.Register(api, huma.Operation{
		OperationID: "list-party-queue", Method: http.MethodGet, Path: queuePath,
		Summary: "List what comes next in a watch party", Tags: tags, Errors: readErrors,
	}, h.queue)
	huma.Register(api, huma.Operation{
		OperationID: "add-party-item", Method: http.MethodPost, Path: queuePath,
		Summary: "Add something to the end of the queue of a watch party", Tags: tags,
		Errors: with(writeErrors, http.StatusConflict), DefaultStatus: http.StatusCreated,
	}, h.add)
	huma.Register(api, huma.Operation{
		OperationID: "move-party-item", Method: http.MethodPut, Path: queuePath + "/{entry}/place",
		Summary: "Move something within the queue of a watch party", Tags: tags, Errors: writeErrors,
	}, h.move)
	huma.Register(api, huma.Operation{
		OperationID: "remove-party-item", Method: http.MethodDelete, Path: queuePath + "/{entry}",
		Summary: "Take something out of the queue of a watch party", Tags: tags, Errors: writeErrors, DefaultStatus: http.StatusNoContent,
	}, h.drop)
}

type partyQueueInput struct{ PartyPath }

// queue handles GET /api/v1/parties/{party}/queue.
func (h *handler) queue(ctx context.Context, in *partyQueueInput) (*rest.PageOutput[EntryView], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return h.showQueue(ctx, id)
}

func (h *handler) showQueue(ctx context.Context, id uuid.UUID) (*rest.PageOutput[EntryView], error) {
	entries, err := h.parties.Queue(ctx, auth.User(ctx), id)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.Page[EntryView]{Items: entries}, "", nil, 0), nil
}

type addPartyItemInput struct {
	PartyPath

	Body ItemInput
}

type partyEntryOutput struct {
	Location string `header:"Location" doc:"Address of the entry in this API."`
	Body     EntryIDView
}

// EntryIDView names something in the queue.
type EntryIDView struct {
	ID string `json:"id"`
}

// add handles POST /api/v1/parties/{party}/queue.
func (h *handler) add(ctx context.Context, in *addPartyItemInput) (*partyEntryOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	entry, err := h.parties.Add(ctx, auth.User(ctx), id, in.Body)
	if err != nil {
		return nil, err
	}
	return &partyEntryOutput{
		Location: partiesPath + "/" + id.String() + "/queue/" + entry.String(), Body: EntryIDView{entry.String()},
	}, nil
}

type movePartyItemInput struct {
	PartyPath

	Entry string `path:"entry" maxLength:"36" doc:"Id of the entry."`
	Body  struct {
		Place int `json:"place" minimum:"0" maximum:"100" doc:"Where it goes, counted from 0." example:"0"`
	}
}

// move handles PUT /api/v1/parties/{party}/queue/{entry}/place.
func (h *handler) move(ctx context.Context, in *movePartyItemInput) (*rest.PageOutput[EntryView], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	entry, ok := parseID(in.Entry)
	if !ok {
		return nil, ErrEntryNotFound
	}
	if err := h.parties.Move(ctx, auth.User(ctx), id, entry, in.Body.Place); err != nil {
		return nil, err
	}
	return h.showQueue(ctx, id)
}

type removePartyItemInput struct {
	PartyPath

	Entry string `path:"entry" maxLength:"36" doc:"Id of the entry."`
}

// drop handles DELETE /api/v1/parties/{party}/queue/{entry}.
func (h *handler) drop(ctx context.Context, in *removePartyItemInput) (*struct{}, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	entry, ok := parseID(in.Entry)
	if !ok {
		return nil, ErrEntryNotFound
	}
	return nil, h.parties.Drop(ctx, auth.User(ctx), id, entry)
}
