package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/redact"
)

func newHealth(s streams) *cobra.Command {
	const limit = 10 * time.Second
	server := ""
	cmd := &cobra.Command{
		Use:   "health [flags]",
		Short: "Ask whether the service is ready",
		Long: `Health asks /readyz of the service. It needs no token, and suits the health check of a
container.

Exit codes: 0 it is ready; 1 it is not, or can't be reached within 10 seconds;
2 the command line is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := url.Parse(server)
			if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
				return fmt.Errorf("--server %s is not the URL of a service, such as %s", redact.URL(server), defaultServer)
			}
			c, err := service.NewClient(server, service.WithHTTPClient(&http.Client{
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			}))
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), limit)
			defer cancel()
			_, _, err = ask[service.Health](c.GetReadiness(ctx))
			if refused, ok := errors.AsType[*refusal](err); ok {
				return &exitError{exitFail, "not ready: " + refused.Error()}
			}
			if err != nil {
				return &exitError{exitFail, err.Error()}
			}
			_, err = fmt.Fprintln(s.out, "ready")
			return err
		},
	}
	cmd.Flags().StringVar(&server, "server", defaultServer, "`URL` of the service")
	settings(cmd)
	return cmd
}
