package cli

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/redact"
)

// intakeOptions are the arguments and flags of a command that reads payloads.
type intakeOptions struct {
	paths    []string
	input    string
	unwrap   bool
	harURLs  []string
	jobs     int
	maxBytes byteSize

	noted bool // what was left out
}

// formFlags adds the flags that say how inputs hold payloads. The verb is what the
// command does with these.
func (o *intakeOptions) formFlags(cmd *cobra.Command, verb string) {
	choiceVar(cmd, &o.input, "input", "form of the input: auto, json, ndjson or har",
		string(intake.Auto), string(intake.JSON), string(intake.NDJSON), string(intake.HAR))
	flags := cmd.Flags()
	flags.BoolVar(&o.unwrap, "unwrap", false, verb+" the events inside payloads that are not events, such as requests as n8n shows them")
	flags.StringArrayVar(&o.harURLs, "har-url", nil, "of a HAR, take only requests to URLs like `GLOB`, in which * is any text; may be given several times")
}

// limitFlags adds the flags about how much is read at once; a payload that is too large
// has a consequence.
func (o *intakeOptions) limitFlags(cmd *cobra.Command, verb, consequence string) {
	o.maxBytes = intake.DefaultMaxBytes
	flags := cmd.Flags()
	flags.IntVarP(&o.jobs, "jobs", "j", runtime.GOMAXPROCS(0), verb+" `N` payloads at once, and no more than there are CPUs")
	flags.Var(&o.maxBytes, "max-bytes", "read payloads of at most `SIZE`; "+consequence)
}

// validate checks what no single flag can.
func (o *intakeOptions) validate(verb string) error {
	if len(o.paths) == 0 {
		return fmt.Errorf("nothing to %s: give files, directories or globs, or - for standard input", verb)
	}
	if o.jobs < 1 {
		return fmt.Errorf("--jobs is %d: it is 1 or more", o.jobs)
	}
	return nil
}

// reader returns the reader of the inputs.
func (o *intakeOptions) reader(stdin io.Reader, notes *notes, progress *progress) *intake.Reader {
	return &intake.Reader{
		Form:     intake.Form(o.input),
		MaxBytes: int64(o.maxBytes),
		Unwrap:   o.unwrap,
		URLs:     o.harURLs,
		Note:     notes.add,
		Stdin:    stdin,
		Progress: progress.read,
	}
}

// workers is how many payloads are taken at once. More than there are CPUs take memory
// only.
func (o *intakeOptions) workers() int { return min(o.jobs, runtime.GOMAXPROCS(0)) }

// inputs are what there is to read, and what is left out of it.
type inputs struct {
	sources []intake.Source
	skipped []intake.Skipped
	errs    []error
}

// inputs finds what there is to read. Files that often stand beside payloads are
// none: those named here, and those to which the command writes, as in
// "check --format json . > report.json".
func (o *intakeOptions) inputs(ctx context.Context, s streams, besides ...string) (in inputs) {
	in.sources, in.skipped, in.errs = intake.Expand(ctx, o.paths)
	if ctx.Err() != nil {
		return inputs{} // and the summary says so
	}
	var beside, written []fs.FileInfo
	for _, name := range besides {
		if info, err := os.Stat(name); err == nil {
			beside = append(beside, info)
		}
	}
	for _, w := range []io.Writer{s.out, s.err} {
		if info, ok := regularFile(w); ok {
			written = append(written, info)
		}
	}
	if len(beside)+len(written) == 0 {
		return in
	}
	in.sources = slices.DeleteFunc(in.sources, func(source intake.Source) bool {
		info, err := os.Stat(source.Path)
		if err != nil || source.Path == "-" { // which is not the name of a file
			return false
		}
		same := func(other fs.FileInfo) bool { return os.SameFile(info, other) }
		if slices.ContainsFunc(written, same) {
			in.skipped = append(in.skipped, intake.Skipped{Name: source.Name, Why: "is where the output goes"})
			return true
		}
		return slices.ContainsFunc(beside, same)
	})
	return in
}

// note says once what was left out: each file if the command is verbose, or the first
// for each reason.
func (o *intakeOptions) note(w io.Writer, skipped []intake.Skipped, verbose bool) {
	if o.noted {
		return
	}
	o.noted = len(skipped) > 0
	count := map[string]int{}
	for _, s := range skipped {
		count[s.Why]++
	}
	for _, s := range skipped {
		more := ""
		switch n := count[s.Why]; {
		case verbose || n == 1:
		case n == 0:
			continue
		default:
			more = fmt.Sprintf("; so are %d others (--verbose lists all)", n-1)
			if n == 2 {
				more = "; so is another (--verbose lists both)"
			}
			count[s.Why] = 0
		}
		fmt.Fprintf(w, "runhooks: %s is left out: it %s%s\n", redact.Text(s.Name), s.Why, more)
	}
}

// regularFile describes the regular file that stream is, if it is one.
func regularFile(stream any) (fs.FileInfo, bool) {
	if o, ok := stream.(*output); ok {
		stream = o.Writer
	}
	file, ok := stream.(*os.File)
	if !ok {
		return nil, false
	}
	info, err := file.Stat()
	return info, err == nil && info.Mode().IsRegular()
}

// isFile reports whether stream is that file, and a regular one.
func isFile(stream any, file fs.FileInfo) bool {
	info, ok := regularFile(stream)
	return ok && os.SameFile(info, file)
}

func totalSize(sources []intake.Source) int64 {
	var total int64
	for _, source := range sources {
		if source.Size < 0 {
			return 0
		}
		total += source.Size
	}
	return total
}
