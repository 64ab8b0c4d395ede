package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settings makes flags of a command settings, which may also come from the
// environment: --max-body is RUNHOOKS_MAX_BODY, or stands in the file that
// RUNHOOKS_MAX_BODY_FILE names. A flag comes first, then the variable, then the
// file. Without names, all flags that the command has by now are settings.
func settings(cmd *cobra.Command, names ...string) {
	if len(names) == 0 {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	}
	for _, name := range names {
		cmd.Flags().Lookup(name).Usage += " [" + variable(name) + "]"
	}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		for _, name := range names {
			if cmd.Flags().Changed(name) {
				continue
			}
			value, from, err := environment(name)
			if err != nil {
				return err
			}
			if value == "" {
				continue
			}
			if err := cmd.Flags().Set(name, value); err != nil {
				if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
					err = invalid.Unwrap()
				}
				return fmt.Errorf("%s is %q: %w", from, value, err)
			}
		}
		return nil
	}
}

// variable returns the name of the environment variable of a setting.
func variable(setting string) string {
	return "RUNHOOKS_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// environment returns the value of a setting in the environment, and the variable
// that has it or names the file that does. The value is empty if there is none.
func environment(setting string) (value, from string, err error) {
	from = variable(setting)
	if value = os.Getenv(from); value != "" {
		return value, from, nil
	}
	from += "_FILE"
	file := os.Getenv(from)
	if file == "" {
		return "", "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", from, fmt.Errorf("%s: %w", from, err)
	}
	return strings.TrimSpace(string(text)), from, nil
}
