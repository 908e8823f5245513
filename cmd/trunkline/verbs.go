package main

import "github.com/spf13/cobra"

// verbs lists everything that trunkline can be told to do.
func verbs(c *cli) []*cobra.Command {
	return append([]*cobra.Command{
		newDemoCommand(c),
		newEmulateCommand(c),
		newServeCommand(c),
		newSendCommand(c),
		newMessageCommand(c),
		newInboxCommand(c),
		newModemCommand(c),
		newCallCommand(c),
		newCDRCommand(c),
		newPDUCommand(c),
		newPlanCommand(c),
		newRouteCommand(c),
		withFactor(c, newContactCommand(c), "contacts"),
		newGroupCommand(c),
		withFactor(c, newAdminCommand(c), "administrators"),
		newProviderCommand(c),
		withTrials(c, newActionCommand(c)),
		newPersonCommand(c),
		newCalendarCommand(c),
		newSubscriberCommand(c),
		newConfigCommand(c),
		newWebhookCommand(c),
		newDBCommand(c),
		newDoctorCommand(c, thisHost()),
		newVersionCommand(c),
		newCompletionCommand(),
	}, packagingVerbs()...)
}
