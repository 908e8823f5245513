package api

import "time"

// ProviderFields are the fields of a service provider that can be written.
type ProviderFields struct {
	Name             string `json:"name" doc:"unique; owners of the platform may change it" maxLength:"64" example:"acme"`
	DisplayName      string `json:"display_name,omitempty" maxLength:"250"`
	FirstName        string `json:"first_name,omitempty" doc:"of who is to be spoken to" maxLength:"250"`
	LastName         string `json:"last_name,omitempty" maxLength:"250"`
	Email            string `json:"email,omitempty" doc:"notifications and resets of passwords go there" maxLength:"250"`
	Address          string `json:"address,omitempty" maxLength:"250"`
	Phone            string `json:"phone,omitempty" maxLength:"250"`
	Notes            string `json:"notes,omitempty" maxLength:"2048"`
	Timezone         string `json:"timezone,omitempty" doc:"for plans that name none; UTC when absent" example:"Europe/Berlin"`
	Locale           string `json:"locale,omitempty" doc:"of what is said to its people; English when absent" example:"de"`
	DefaultTreatment string `json:"default_treatment,omitempty" doc:"of its call plans"`
	DefaultTrunk     string `json:"default_trunk,omitempty" doc:"by which its messages go when nothing else is said"`
	DefaultPhoneCode string `json:"default_phone_code,omitempty" doc:"country code of its national numbers" example:"49"`
}

// Provider is a service provider: a tenant. One named default always exists.
type Provider struct {
	Record
	ProviderFields
	FormerNames []FormerName `json:"former_names,omitempty" doc:"what it was called before, the oldest first"`
	Outdated    []string     `json:"outdated,omitempty" doc:"where the configuration still names it as it was called before, as \"key: name\"; that means it as long as nobody else has the name"`
}

// FormerName is what a service provider was called.
type FormerName struct {
	Name  string    `json:"name"`
	Until time.Time `json:"until"`
}
