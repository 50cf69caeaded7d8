package instance

// Overrides is what an admin has set; a field that is nil is as the configuration
// says. It is the document in the database.
type Overrides struct {
	Name                  *string `json:"name,omitempty"`
	Description           *string `json:"description,omitempty"`
	Signup                *string `json:"signup,omitempty"`
	DefaultVisibility     *string `json:"default_channel_visibility,omitempty"`
	MaxChannels           *int    `json:"max_channels,omitempty"`
	RequireConfirmedEmail *bool   `json:"require_confirmed_email,omitempty"`
	ContactEmail          *string `json:"contact_email,omitempty"`
	TermsURL              *string `json:"terms_url,omitempty"`
}

// over returns s with what o sets.
func (o Overrides) over(s Settings) Settings {
	override(&s.Name, o.Name)
	override(&s.Description, o.Description)
	override(&s.Signup, o.Signup)
	override(&s.DefaultVisibility, o.DefaultVisibility)
	override(&s.MaxChannels, o.MaxChannels)
	override(&s.RequireConfirmedEmail, o.RequireConfirmedEmail)
	override(&s.ContactEmail, o.ContactEmail)
	override(&s.TermsURL, o.TermsURL)
	return s
}

// names returns which settings o has, as clients name them.
func (o Overrides) names() []string {
	names := []string{}
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"name", o.Name != nil},
		{"description", o.Description != nil},
		{"signup", o.Signup != nil},
		{"default_channel_visibility", o.DefaultVisibility != nil},
		{"max_channels", o.MaxChannels != nil},
		{"require_confirmed_email", o.RequireConfirmedEmail != nil},
		{"contact_email", o.ContactEmail != nil},
		{"terms_url", o.TermsURL != nil},
	} {
		if field.set {
			names = append(names, field.name)
		}
	}
	return names
}

func override[T any](value *T, by *T) {
	if by != nil {
		*value = *by
	}
}

// cleaned returns o with the texts of s, which were cleaned.
func (o Overrides) cleaned(s Settings) Overrides {
	for _, text := range []struct {
		set   **string
		clean string
	}{{&o.Name, s.Name}, {&o.Description, s.Description}, {&o.TermsURL, s.TermsURL}} {
		if *text.set != nil {
			*text.set = &text.clean
		}
	}
	return o
}

// Change is what UpdateSettings sets. A value that is nil goes back to that of the
// configuration.
type Change struct {
	Name                  Setting[string]
	Description           Setting[string]
	Signup                Setting[string]
	DefaultVisibility     Setting[string]
	MaxChannels           Setting[int]
	RequireConfirmedEmail Setting[bool]
	ContactEmail          Setting[string]
	TermsURL              Setting[string]
}

// apply changes o, and returns what the audit log is told of that.
func (c Change) apply(o *Overrides) map[string]any {
	detail := map[string]any{}
	set(detail, "name", &o.Name, c.Name)
	set(detail, "description", &o.Description, c.Description)
	set(detail, "signup", &o.Signup, c.Signup)
	set(detail, "default_channel_visibility", &o.DefaultVisibility, c.DefaultVisibility)
	set(detail, "max_channels", &o.MaxChannels, c.MaxChannels)
	set(detail, "require_confirmed_email", &o.RequireConfirmedEmail, c.RequireConfirmedEmail)
	set(detail, "contact_email", &o.ContactEmail, c.ContactEmail)
	set(detail, "terms_url", &o.TermsURL, c.TermsURL)
	return detail
}

func set[T any](detail map[string]any, name string, field **T, to Setting[T]) {
	if to.Given {
		*field = to.Value
		detail[name] = to.Value
	}
}
