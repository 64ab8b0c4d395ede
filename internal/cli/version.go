package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func newVersion(s streams) *cobra.Command {
	format := ""
	cmd := &cobra.Command{
		Use:   "version [flags]",
		Short: "Print the version of runhooks, and what it was built from",
		Long: `Version prints the version of runhooks, the commit that it was built from and
the commit's date, the version of Go, and the platform. It says "modified" where
files had changed since that commit. A part that the build didn't record is left
out.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			b := buildOf(info)
			if format == "json" {
				return writeLine(s.out, b)
			}
			_, err := fmt.Fprintf(s.out, "runhooks %s\n", b)
			return err
		},
	}
	choiceVar(cmd, &format, "format", "form of the output: text or json", "text", "json")
	return cmd
}

// A build is what a program was built from, in the shape of --format json.
type build struct {
	Version string `json:"version"`
	// Commit, the time of that commit (RFC 3339), and whether files had changed
	// since: known where the build was of a git checkout.
	Commit     string `json:"commit,omitempty"`
	CommitTime string `json:"commit_time,omitempty"`
	Modified   bool   `json:"modified,omitempty"`
	Go         string `json:"go"`
	Platform   string `json:"platform"`
}

// buildOf returns what the build recorded, which may be nothing (nil). Nothing of
// it depends on when or where the build was.
func buildOf(info *debug.BuildInfo) build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.time":
			b.CommitTime = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

// String is one line, without a line end: v0.1.0 (commit 1234567, 2026-01-02T15:04:05Z) go1.26.0 linux/amd64.
func (b build) String() string {
	var of []string
	if b.Commit != "" {
		of = append(of, "commit "+b.Commit)
	}
	if b.CommitTime != "" {
		of = append(of, b.CommitTime)
	}
	if b.Modified {
		of = append(of, "modified")
	}
	text := b.Version
	if len(of) > 0 {
		text += " (" + strings.Join(of, ", ") + ")"
	}
	return text + " " + b.Go + " " + b.Platform
}

// version is the module's version as the build recorded it: the tag where it was
// built of one, or what go install was told.
func version() string {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info).Version
}
