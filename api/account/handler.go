package account

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

type handler struct{ accounts *Service }

// Register adds the operations of accounts to api.
func Register(api huma.API, accounts *Service) {
	h := &handler{accounts}
	h.registerEntry(api)
	h.registerMe(api)
	h.registerStaff(api)
	h.registerInvites(api)
}

var entryTags = []string{"Accounts"}

// registerEntry adds what people do who are not signed in.
func (h *handler) registerEntry(api huma.API) {
	asked := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[SignupView](), true, "")
	huma.Register(api, huma.Operation{
		OperationID: "signup", Method: http.MethodPost, Path: "/api/v1/auth/signup",
		Summary: "Make an account", Tags: entryTags,
		Description: "Where mail is sent, the answer is 202 and a mail asks to confirm the address; logging in may need that first. " +
			"The answer is the same for an address that has an account already: its owner gets a mail about it, and the new " +
			"account can never confirm it. Where no mail is sent, the answer is 201 and the account can be used at once; " +
			"an address that is taken is 409 there.",
		DefaultStatus: http.StatusCreated,
		Responses: map[string]*huma.Response{"202": {
			Description: "Accepted: a mail says how to go on",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: asked}},
		}},
		Errors: []int{http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests},
	}, h.signup)
	huma.Register(api, huma.Operation{
		OperationID: "confirm-email", Method: http.MethodPost, Path: "/api/v1/auth/confirm-email",
		Summary: "Confirm an address with the token of a mail", Tags: entryTags,
		Description:   "For the address of a new account, and for a new address of an old one.",
		DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusTooManyRequests},
	}, h.confirmEmail)
	huma.Register(api, huma.Operation{
		OperationID: "resend-confirmation", Method: http.MethodPost, Path: "/api/v1/auth/resend-confirmation",
		Summary: "Ask for the mail that confirms an address again", Tags: entryTags, Description: askedDoc,
		DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusConflict, http.StatusTooManyRequests},
	}, h.resend)
	huma.Register(api, huma.Operation{
		OperationID: "forgot-password", Method: http.MethodPost, Path: "/api/v1/auth/forgot-password",
		Summary: "Ask for a mail to choose a new password", Tags: entryTags, Description: askedDoc,
		DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusConflict, http.StatusTooManyRequests},
	}, h.forgot)
	huma.Register(api, huma.Operation{
		OperationID: "reset-password", Method: http.MethodPost, Path: "/api/v1/auth/reset-password",
		Summary: "Choose a new password with the token of a mail", Tags: entryTags,
		Description:   "Signs the account out everywhere.",
		DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusTooManyRequests},
	}, h.reset)
	huma.Register(api, huma.Operation{
		OperationID: "restore-account", Method: http.MethodPost, Path: "/api/v1/auth/restore",
		Summary: "Bring a deleted account back", Tags: entryTags,
		Description:   "Within 30 days, with its password. For an account that is not deleted the answer is that to a wrong password.",
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests},
	}, h.restore)
}

const askedDoc = "The answer is the same, and takes as long, whether there is such an account or not. " +
	"An account gets such a mail once a minute, an address five an hour. 409 where no mail is sent."

type signupInput struct {
	Body struct {
		Username    string `json:"username" minLength:"2" maxLength:"32" pattern:"^[A-Za-z0-9]([_-]?[A-Za-z0-9])+$" doc:"Name of the account, unique whatever the case of its letters; names that look alike are refused." example:"ada"`
		Email       string `json:"email" format:"email" maxLength:"254" doc:"Address of the person." example:"ada@example.org"`
		Password    string `json:"password" minLength:"8" maxLength:"256" format:"password" doc:"Secret of the account." example:"a horse that reads"`
		DisplayName string `json:"display_name,omitempty" maxLength:"50" doc:"Shown in place of the username." example:"Ada Lovelace"`
		Invite      string `json:"invite,omitempty" maxLength:"64" doc:"Invite code, where signing up needs one."`
	}
}

// SignupView says how to go on after signing up.
type SignupView struct {
	Username     string  `json:"username" example:"ada"`
	Confirmation string  `json:"confirmation" enum:"mail,none" doc:"\"mail\": a mail asks to confirm the address; logging in may need that first. \"none\": the account can be used."`
	Account      *MeView `json:"account,omitempty" doc:"Only if the account can be used at once."`
}

type signupOutput struct {
	Status   int
	Location string `header:"Location" doc:"Address of the new profile in this API; with 201 only."`
	Body     SignupView
}

// signup handles POST /api/v1/auth/signup.
func (h *handler) signup(ctx context.Context, in *signupInput) (*signupOutput, error) {
	user, confirm, err := h.accounts.Signup(ctx, NewUser{
		Username: in.Body.Username, DisplayName: in.Body.DisplayName, Email: in.Body.Email, Password: in.Body.Password,
	}, in.Body.Invite)
	if err != nil {
		return nil, err
	}
	if confirm {
		return &signupOutput{
			Status: http.StatusAccepted, Body: SignupView{Username: user.Username, Confirmation: "mail"},
		}, nil
	}
	me := viewOfMe(user)
	return &signupOutput{
		Status: http.StatusCreated, Location: "/api/v1/users/" + user.Username,
		Body: SignupView{Username: user.Username, Confirmation: "none", Account: &me},
	}, nil
}

type mailTokenInput struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"64" doc:"What stands behind #token= in the link of the mail."`
	}
}

// confirmEmail handles POST /api/v1/auth/confirm-email.
func (h *handler) confirmEmail(ctx context.Context, in *mailTokenInput) (*struct{}, error) {
	return nil, h.accounts.ConfirmEmail(ctx, in.Body.Token)
}

type askMailInput struct {
	Body struct {
		Login string `json:"login" minLength:"1" maxLength:"254" doc:"Username or e-mail address." example:"ada"`
	}
}

// resend handles POST /api/v1/auth/resend-confirmation.
func (h *handler) resend(ctx context.Context, in *askMailInput) (*struct{}, error) {
	return nil, h.accounts.ResendConfirmation(ctx, in.Body.Login)
}

// forgot handles POST /api/v1/auth/forgot-password.
func (h *handler) forgot(ctx context.Context, in *askMailInput) (*struct{}, error) {
	return nil, h.accounts.Forgot(ctx, in.Body.Login)
}

type resetPasswordInput struct {
	Body struct {
		Token    string `json:"token" minLength:"1" maxLength:"64" doc:"What stands behind #token= in the link of the mail."`
		Password string `json:"password" minLength:"8" maxLength:"256" format:"password" doc:"The new password." example:"a horse that reads"`
	}
}

// reset handles POST /api/v1/auth/reset-password.
func (h *handler) reset(ctx context.Context, in *resetPasswordInput) (*struct{}, error) {
	return nil, h.accounts.ResetPassword(ctx, in.Body.Token, in.Body.Password)
}

type restoreAccountInput struct {
	Body struct {
		Login    string `json:"login" minLength:"1" maxLength:"254" doc:"Username or e-mail address." example:"ada"`
		Password string `json:"password" minLength:"1" maxLength:"256" format:"password" example:"a horse that reads"`
	}
}

// restore handles POST /api/v1/auth/restore.
func (h *handler) restore(ctx context.Context, in *restoreAccountInput) (*struct{}, error) {
	return nil, h.accounts.Restore(ctx, in.Body.Login, in.Body.Password)
}
