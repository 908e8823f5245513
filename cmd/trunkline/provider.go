package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/config"
)

// newProviderRename is a verb of its own, since a new name is more than an edit: others refer to it.
func newProviderRename(c *cli) *cobra.Command {
	return &cobra.Command{Use: "rename OLD NEW", Short: "Give a service provider another name",
		Long: "Give a service provider another name. All that it has stays its own and is found under the new name at once; nobody is logged out, and calls and messages are decided\n" +
			"as before. Where the configuration names it, the old name means it as long as it stands there; rename tells where, so that it can be changed at leisure.",
		Annotations: printsJSON("provider"), Args: cobra.ExactArgs(2), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, "rename provider", func(ctx context.Context, client *api.Client) (api.Provider, error) {
				return client.Providers().Change(ctx, args[0], map[string]any{"name": args[1]})
			}, func(cmd *cobra.Command, p api.Provider) error {
				if len(p.Outdated) > 0 {
					fmt.Fprintf(cmd.ErrOrStderr(), "the configuration still says (%s): that goes on meaning %s; write the new name there\n", oneLine(strings.Join(p.Outdated, ", ")), oneLine(p.Name))
				}
				return showRecord(cmd.OutOrStdout(), p)
			})
		}}
}

// providersNamed returns the keys of a configuration that name a service provider, by its name.
func providersNamed(c *config.Config) map[string][]string {
	named := map[string][]string{}
	add := func(name, key string) {
		if name != "" {
			named[name] = append(named[name], key)
		}
	}
	for _, trunk := range slices.Sorted(maps.Keys(c.Router.Trunk)) {
		add(c.Router.Trunk[trunk].Provider, "router.trunk."+trunk+".provider")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Switch)) {
		s := c.Switch[name]
		add(s.Provider, "switch."+name+".provider")
		for key, pairs := range map[string][]string{"hosts": s.Hosts, "trunk_groups": s.TrunkGroups} {
			for _, p := range pairs {
				_, provider, _ := strings.Cut(p, "=")
				add(strings.TrimSpace(provider), "switch."+name+"."+key)
			}
		}
	}
	return named
}

// namedProviders takes note where a configuration names service providers, and warns of names that are given up.
func (g *gateway) namedProviders(c *config.Config) {
	named := providersNamed(c)
	g.named.Store(&named)
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if now := g.store.ProviderName(g.store.ProviderMeant(name)); now != name {
			g.log.Warn("the configuration names a service provider as it was called before; write its name", "provider", now, "written", name, "keys", strings.Join(named[name], ", "))
		}
	}
}

// wherever returns the keys of the configuration that name a service provider so.
func (g *gateway) wherever(name string) []string { return (*g.named.Load())[name] }
