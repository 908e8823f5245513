package main

import (
	"github.com/spf13/cobra"

	"trunkline/api"
)

func newSubscriberCommand(c *cli) *cobra.Command {
	v := recordVerbs[api.SubscriberFields, api.Subscriber]{noun: "subscriber", collection: (*api.Client).Subscribers, columns: []string{"provider", "name", "display_name", "numbers"}}
	return group("subscriber", "Keep the subscribers of service providers and their numbers", v.commands(c)...)
}

func newCalendarCommand(c *cli) *cobra.Command {
	v := recordVerbs[api.CalendarFields, api.Calendar]{noun: "calendar", collection: (*api.Client).Calendars, columns: []string{"provider", "name", "notes", "updated_at"}}
	return group("calendar", "Keep the days that call plans know by a name, such as holidays", v.commands(c)...)
}
