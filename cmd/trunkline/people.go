package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newContactCommand(c *cli) *cobra.Command {
	v := &recordVerbs[api.ContactFields, api.Contact]{noun: "contact", collection: (*api.Client).Contacts,
		columns: []string{"last_name", "first_name", "phone_number", "email", "company", "groups", "archived_at"},
		filters: []string{"admin id of the administrator that owns them, me, or 0 for nobody in particular", "group id of a group that they are in", "number one of their numbers",
			"restricted true: those to which nothing is sent", "customer_type customer, contact, company or public"}}
	return group("contact", "Keep the address book", v.commands(c)...)
}

func newProviderCommand(c *cli) *cobra.Command {
	v := &recordVerbs[api.ProviderFields, api.Provider]{noun: "provider", collection: (*api.Client).Providers,
		columns: []string{"name", "display_name", "timezone", "email", "archived_at"}}
	return group("provider", "Keep service providers: tenants, each with its own people, actions and call plans", append(v.commands(c), newProviderRename(c))...)
}

func newAdminCommand(c *cli) *cobra.Command {
	v := &recordVerbs[api.AdministratorFields, api.Administrator]{noun: "administrator", verb: "admin", collection: (*api.Client).Administrators,
		columns: []string{"username", "full_name", "role_id", "level", "phone_number", "email", "sms_quota", "archived_at"}}
	return group("admin", "Keep administrators: those who may log in and own contacts, groups and messages", append(v.commands(c), loginVerbs(c)...)...)
}

func newGroupCommand(c *cli) *cobra.Command {
	v := &recordVerbs[api.GroupFields, api.Group]{noun: "group", collection: (*api.Client).Groups,
		columns: []string{"name", "description", "members", "archived_at"}, filters: []string{"admin id of the administrator that owns them, me, or 0 for nobody in particular"}}
	members := func(verb, short string, request func([]uint64) api.MembersRequest) *cobra.Command {
		return &cobra.Command{Use: verb + " GROUP CONTACT...", Short: short, Long: short + ". GROUP is its id or name, each CONTACT an id.", Args: cobra.MinimumNArgs(2), Annotations: printsJSON("the group"),
			ValidArgsFunction: cobra.NoFileCompletions,
			RunE: func(cmd *cobra.Command, args []string) error {
				ids, err := readIDs(args[1:])
				if err != nil {
					return err
				}
				return show(c, cmd, verb+" contacts", func(ctx context.Context, client *api.Client) (api.Group, error) {
					return client.ChangeMembers(ctx, args[0], request(ids))
				},
					func(cmd *cobra.Command, g api.Group) error { return showRecord(cmd.OutOrStdout(), g) })
			}}
	}
	return group("group", "Keep groups of contacts", append(v.commands(c),
		members("join", "Put contacts into a group", func(ids []uint64) api.MembersRequest { return api.MembersRequest{Add: ids} }),
		members("leave", "Take contacts out of a group", func(ids []uint64) api.MembersRequest { return api.MembersRequest{Remove: ids} }),
		members("rejoin", "Put contacts back into a group that were taken out of it, with the notices that ended then", func(ids []uint64) api.MembersRequest { return api.MembersRequest{Restore: ids} }),
		members("forget", "Forget for good that contacts were in a group", func(ids []uint64) api.MembersRequest { return api.MembersRequest{Purge: ids} }))...)
}

func newActionCommand(c *cli) *cobra.Command {
	v := &recordVerbs[api.ActionFields, api.Action]{noun: "action", collection: (*api.Client).Actions,
		columns: []string{"name", "keyword", "kind", "target", "level", "enabled", "admin_id", "archived_at"}, filters: []string{"admin id of their manager, me, or 0 for nobody"}}
	grant := func(verb, short string, request func(api.Grants) api.GrantsRequest) *cobra.Command {
		var groups, admins, notify []string
		cmd := &cobra.Command{Use: verb + " ACTION", Short: short, Args: cobra.ExactArgs(1), Annotations: printsJSON("the action"), ValidArgsFunction: cobra.NoFileCompletions,
			RunE: func(cmd *cobra.Command, args []string) error {
				g, err := readGrants(groups, admins, notify)
				if err != nil {
					return err
				}
				return show(c, cmd, verb+" action", func(ctx context.Context, client *api.Client) (api.Action, error) {
					return client.ChangeGrants(ctx, args[0], request(g))
				},
					func(cmd *cobra.Command, a api.Action) error { return showRecord(cmd.OutOrStdout(), a) })
			}}
		cmd.Flags().StringSliceVar(&groups, "group", nil, "ids of groups whose contacts may trigger it")
		cmd.Flags().StringSliceVar(&admins, "admin", nil, "ids of administrators that may trigger it")
		cmd.Flags().StringSliceVar(&notify, "notify", nil, "contacts that are told of it, for being in a group that may trigger it: CONTACT:GROUP, both ids")
		return cmd
	}
	return group("action", "Keep actions: what texts trigger", append(v.commands(c),
		grant("allow", "Let groups and administrators trigger an action, and contacts be told of it", func(g api.Grants) api.GrantsRequest { return api.GrantsRequest{Add: g} }),
		grant("disallow", "Take back who may trigger an action and who is told of it", func(g api.Grants) api.GrantsRequest { return api.GrantsRequest{Remove: g} }),
		grant("reallow", "Restore what was taken back by disallow", func(g api.Grants) api.GrantsRequest { return api.GrantsRequest{Restore: g} }),
		grant("forget", "Forget for good what was taken back by disallow", func(g api.Grants) api.GrantsRequest { return api.GrantsRequest{Purge: g} }))...)
}

func readGrants(groups, admins, notify []string) (g api.Grants, err error) {
	if g.Groups, err = readIDs(groups); err != nil {
		return g, err
	}
	if g.Administrators, err = readIDs(admins); err != nil {
		return g, err
	}
	for _, one := range notify {
		contact, group, _ := strings.Cut(one, ":")
		n := api.ActionNotice{}
		var err1, err2 error
		n.Contact, err1 = strconv.ParseUint(contact, 10, 64)
		if n.Group, err2 = strconv.ParseUint(group, 10, 64); err1 != nil || err2 != nil {
			return g, usagef("for example --notify 7:2", "%q is not CONTACT:GROUP", one)
		}
		g.ContactNotify = append(g.ContactNotify, n)
	}
	return g, nil
}
