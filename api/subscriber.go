package api

// SubscriberFields are the fields of a subscriber that can be written.
type SubscriberFields struct {
	Provider    string   `json:"provider,omitempty" doc:"service provider; cannot be changed"`
	Name        string   `json:"name" doc:"unique for the service provider in any case" maxLength:"64" example:"smith"`
	DisplayName string   `json:"display_name,omitempty" maxLength:"250"`
	FirstName   string   `json:"first_name,omitempty" maxLength:"250"`
	LastName    string   `json:"last_name,omitempty" maxLength:"250"`
	Email       string   `json:"email,omitempty" maxLength:"250"`
	Address     string   `json:"address,omitempty" maxLength:"250"`
	Phone       string   `json:"phone,omitempty" doc:"to reach him; need not be one of his numbers" maxLength:"250"`
	Notes       string   `json:"notes,omitempty" maxLength:"2048"`
	Numbers     []string `json:"numbers,omitempty" doc:"his telephone numbers: each belongs to one subscriber of all service providers" maxItems:"1000"`
	ContactID   uint64   `json:"contact_id,omitempty" doc:"his entry in the address book"`
}

// Subscriber is a customer of a service provider, who has numbers. What comes in for one of them is decided by his service provider's call plans.
type Subscriber struct {
	Record
	SubscriberFields
}

// CalendarFields are the fields of a calendar that can be written.
type CalendarFields struct {
	Provider string   `json:"provider,omitempty" doc:"service provider; cannot be changed"`
	Name     string   `json:"name" doc:"by which call plans know it; unique for the service provider" maxLength:"64" example:"us"`
	Days     []string `json:"days,omitempty" doc:"local dates" maxItems:"10000" example:"[\"2026/12/25\"]"`
	Notes    string   `json:"notes,omitempty" maxLength:"2048"`
}

// Calendar is a list of days that call plans know by its name (criterion holiday).
type Calendar struct {
	Record
	CalendarFields
}

// Subscribers are the customers of service providers.
func (c *Client) Subscribers() Collection[SubscriberFields, Subscriber] {
	return Collection[SubscriberFields, Subscriber]{c, "/v1/subscribers"}
}

// Calendars are the days that call plans know by a name.
func (c *Client) Calendars() Collection[CalendarFields, Calendar] {
	return Collection[CalendarFields, Calendar]{c, "/v1/calendars"}
}
