package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/pkg/event"
)

// localTimes are flags that say how a server writes run times.
type localTimes struct {
	zone    string
	locale  string
	layouts []string
}

func (l *localTimes) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&l.zone, "zone", "", "read run times without a zone as those of `ZONE`, such as Europe/Berlin; needs --locale or --layout")
	flags.StringVar(&l.locale, "locale", "", "read run times as a server of `LOCALE` writes them, such as de-DE")
	flags.StringArrayVar(&l.layouts, "layout", nil, "read run times also in `LAYOUT`: how the server writes 2 January 2006, 15:04:05 (repeatable)")
	// The errors are that there are no such flags.
	_ = cmd.RegisterFlagCompletionFunc("locale", completeLocale)
	_ = cmd.RegisterFlagCompletionFunc("zone", cobra.NoFileCompletions)
}

func completeLocale(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return event.Locales(), cobra.ShellCompDirectiveNoFileComp
}

// given reports whether any of the flags is.
func (l *localTimes) given() bool { return l.zone+l.locale != "" || len(l.layouts) > 0 }

// parser returns the parser for such times.
func (l *localTimes) parser() (event.Parser, error) {
	p, err := form.NewParser(l.zone, l.locale, l.layouts)
	if err != nil {
		return p, fmt.Errorf("--zone, --locale, --layout: %w", err)
	}
	return p, nil
}
