package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"netlmm/cmd/internal/api"
)

const registerAgainHelp = `An anchor that refuses a mobile node its service, IPv4 or IPv6 does so until an administrative action (RFC 5213 section
6.9.1.2, RFC 5844 section 3.2.3.2); a gateway does not ask again by itself, for a day. This command is that action: type it when
the anchor's policy has changed. Without --mobile-node it is for all, also for those who wait because the anchor found this
gateway's clock to be wrong.`

func registerAgain(o *options) *cobra.Command {
	var mobileNode string
	cmd := &cobra.Command{
		Use: "register-again", Short: "Ask anchors again for what they refused (magd)", Long: registerAgainHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := api.NewClient(o.socketPath()).RegisterAgain(cmd.Context(), mobileNode)
			switch {
			case err != nil:
				return err
			case o.json:
				return json.NewEncoder(o.out).Encode(r)
			case r.Sessions == 0:
				fmt.Fprintln(o.out, "nobody waits for it: no mobile node here was refused anything")
			default:
				fmt.Fprintf(o.out, "%d registration(s) begun, see netlmmctl bindings\n", r.Sessions)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&mobileNode, "mobile-node", "", "of this mobile node only")
	return cmd
}
