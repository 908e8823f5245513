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
		newContactCommand(c),
		newGroupCommand(c),
		newAdminCommand(c),
		newProviderCommand(c),
		newActionCommand(c),
		newConfigCommand(c),
		newWebhookCommand(c),
		newDBCommand(c),
		newDoctorCommand(c, thisHost()),
		newVersionCommand(c),
		newCompletionCommand(),
	}, packagingVerbs()...)
}
