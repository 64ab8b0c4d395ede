// Package cli is the runhooks command line: one file a subcommand, each with
// its flags, which are parsed and checked before anything is done.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
)

// The exit codes, which scripts may rely on.
const (
	exitOK    = 0 // every payload passes
	exitFail  = 1 // at least one payload does not
	exitUsage = 2 // the command line is wrong, an input can't be read, or the output can't be written
)

// An exitError ends the command with an exit code other than that of a usage
// error. Its text is printed unless it is empty.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// Run runs the command line args (without the program's name) and returns its
// exit code: 0 where every payload passes, 1 where one does not, 2 where the
// command line is wrong, an input can't be read, or out can't be written. It
// stops early when ctx ends.
func Run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	written := &output{Writer: out, stop: stop}
	s := streams{in, written, errOut}
	root := newRoot(s)
	if len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd) {
		// To complete a command line, cobra writes what is wrong with it to the
		// process's own standard error.
		args = slices.Clone(args)
		for i, arg := range args {
			args[i] = redact.Text(arg)
		}
	}
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(written)
	root.SetErr(errOut)
	command, err := root.ExecuteContextC(ctx)
	var exit *exitError
	explained, lost := errors.As(err, &exit), written.lost()
	if explained && exit.text != "" && (lost == nil || !strings.Contains(exit.text, lost.Error())) {
		fmt.Fprintf(errOut, "runhooks: %s\n", redact.Text(exit.text))
	}
	switch {
	case lost != nil:
		fmt.Fprintf(errOut, "runhooks: the output can't be written: %v\n", lost)
		return exitUsage
	case err == nil:
		return exitOK
	case explained:
		return exit.code
	}
	fmt.Fprintf(errOut, "runhooks: %s\n", redact.Text(err.Error()))
	fmt.Fprintf(errOut, "%s --help says how it is used\n", command.CommandPath())
	return exitUsage
}

// An output is standard output. A command whose output is lost ends early, with a
// failure, whether or not it looks at the errors of each write.
type output struct {
	io.Writer
	stop func() // ends the command

	mu  sync.Mutex
	err error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.err = cmp.Or(o.err, err)
		o.stop()
	}
	return n, err
}

// lost returns why output was lost, if it was.
func (o *output) lost() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if path, ok := errors.AsType[*fs.PathError](o.err); ok { // whose path is of no interest
		return path.Err
	}
	return o.err
}

func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "runhooks",
		Short: "Check, send, receive and deliver robot-run webhooks",
		Long: `Runhooks holds the webhooks of robot runs to their contract. The events are
run_completed and run_failed.

Without a server, check judges payloads that you have, explain says what a
finding means, normalize writes events in one form, or their rows as CSV, and
schema prints the contract. To develop a receiver, send events to it with
trigger. To see what a sender sends, run listen.

A platform delivers events with serve, a service that has endpoints for each robot.
The commands robots, endpoints, inlets, events, deliveries, tokens, portal-link and
audit talk to it.

Exit codes: 0 every payload passes; 1 at least one does not; 2 the command
line is wrong, an input can't be read, or the output can't be written. The help
of a command says more.`,
		Example: `  runhooks check payload.json
  runhooks check --against observed recordings/
  runhooks listen --record events.ndjson
  runhooks trigger run_completed --to http://127.0.0.1:9000
  runhooks serve
  runhooks explain dialect.local-time
  runhooks schema v1/run-completed`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
		Args:          noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
		SuggestionsMinimumDistance: 2,
	}
	root.SetVersionTemplate("runhooks {{.Version}}\n")
	root.AddCommand(newCheck(s), newNormalize(s), newSchema(s), newExplain(s), newLint(s), newListen(s), newTrigger(s), newVerify(s), newSecret(s),
		newServe(s), newRobots(s), newEndpoints(s), newInlets(s), newEvents(s), newDeliveries(s), newErase(s), newTokens(s), newPortalLink(s), newAudit(s), newHealth(s), newBackup(s), newRestore(s), newKeys(s), newVersion(s))
	root.SetHelpCommand(newHelp(root))
	return root
}

// newHelp is what cobra's own would be, but that an unknown command is an error.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, cmd := range root.Commands() {
				names = append(names, cmd.Name()+"\t"+cmd.Short)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, left, err := root.Find(args)
			switch {
			case err != nil:
				return err
			case cmd == root && len(left) > 0:
				return noSuchCommand(root, left)
			case len(left) > 0:
				return fmt.Errorf("%s has no command %q", cmd.CommandPath(), left[0])
			}
			return cmd.Help()
		},
	}
}

// oneArg refuses more or fewer arguments than one, and shows which it is.
func oneArg(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("it takes one argument: %s", cmd.UseLine())
	}
	return nil
}

// noSuchCommand is the error of arguments that name no subcommand.
func noSuchCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("there is no command %q: did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return fmt.Errorf("there is no command %q", args[0])
}

// terminal gives the width in columns of the terminal that w is, and whether
// it is one.
func terminal(w io.Writer) (width int, ok bool) {
	if o, ok := w.(*output); ok {
		w = o.Writer
	}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	return width, err == nil
}

// colored reports whether text is to be coloured, on a terminal or not, by a flag
// that is auto, always or never. See https://no-color.org.
func colored(when string, tty bool) bool {
	if when != "auto" {
		return when == "always"
	}
	return tty && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// styled describes w as where people read, with colours by that flag.
func styled(w io.Writer, color string) report.Terminal {
	width, tty := terminal(w)
	if width <= 0 {
		width = 100
	}
	return report.Terminal{Color: colored(color, tty), Width: width}
}

// choice is a flag that takes one of a few words.
type choice struct {
	value   *string
	options []string
}

func (c choice) String() string { return *c.value }
func (c choice) Type() string   { return "WORD" }

func (c choice) Set(word string) error {
	for _, o := range c.options {
		if word == o {
			*c.value = word
			return nil
		}
	}
	return fmt.Errorf("it is one of %v", c.options)
}

// choiceVar adds a flag that takes one of options, the first of which is its
// default, with completion.
func choiceVar(cmd *cobra.Command, value *string, name, usage string, options ...string) {
	*value = options[0]
	cmd.Flags().Var(choice{value, options}, name, usage)
	// The error is that there is no such flag.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(options, cobra.ShellCompDirectiveNoFileComp))
}
