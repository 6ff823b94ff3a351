package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"netlmm/cmd/internal/api"
)

const revokeHelp = `Ends bindings now and tells the gateways where they are with a Binding Revocation Indication (RFC 5846): those of one mobile
node, or all of one gateway. A gateway takes its mobile nodes' addresses back; one that is still attached is not registered
again before it attaches anew.

The bindings carry nothing any more, whatever the gateways say; the table shows what they said, or timeout. One that does not know
revocation is refused the next extension of what it has.`

func revoke(o *options) *cobra.Command {
	var mobileNode, gateway string
	wait := true
	cmd := &cobra.Command{
		Use: "revoke (--mobile-node ID | --gateway ADDRESS-OR-NAME)", Short: "End bindings and tell their gateways (lmad)", Long: revokeHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := api.NewClient(o.socketPath()).Revoke(cmd.Context(), mobileNode, gateway, wait)
			if err != nil {
				return err
			}
			if o.json {
				encoder := json.NewEncoder(o.out)
				encoder.SetIndent("", "  ")
				return encoder.Encode(r)
			}
			printRevocation(o.out, r)
			return nil
		},
	}
	cmd.Flags().StringVar(&mobileNode, "mobile-node", "", "the mobile node whose bindings end, as netlmmctl bindings has it")
	cmd.Flags().StringVar(&gateway, "gateway", "", "the gateway whose bindings end, all of them: its Proxy-CoA, or its name in lmad.yaml")
	cmd.Flags().BoolVar(&wait, "wait", wait, "wait for the gateways' answers")
	cmd.MarkFlagsOneRequired("mobile-node", "gateway")
	cmd.MarkFlagsMutuallyExclusive("mobile-node", "gateway")
	return cmd
}

func printRevocation(w io.Writer, r api.Revocation) {
	fmt.Fprintf(w, "%d binding(s) revoked\n", r.Bindings)
	if len(r.Outcomes) > 0 {
		table(w, "GATEWAY\tMOBILE NODE\tBINDINGS\tSTATUS", func(row func(string, ...any)) {
			for _, o := range r.Outcomes {
				who := "all"
				if !o.MobileNodeID.IsZero() {
					who = o.MobileNodeID.String()
				}
				row("%v\t%s\t%d\t%s", o.Gateway, who, o.Bindings, o.Status)
			}
		})
	}
	if !r.Complete {
		fmt.Fprintln(w, "gateways have yet to answer: see lmad's log and netlmmctl handovers")
	}
}
