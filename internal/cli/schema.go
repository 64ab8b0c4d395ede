package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/wholefile"
	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/openapi"
)

// schemaOptions are the flags and arguments of runhooks schema.
type schemaOptions struct {
	names []string
	list  bool
	out   string
	force bool
}

func newSchema(s streams) *cobra.Command {
	o := &schemaOptions{}
	cmd := &cobra.Command{
		Use:   "schema [flags] [NAME…]",
		Short: "Print or export the contract that is built in",
		Long: `Schema prints a document of the contract, or writes documents to a directory.

  v1/                            the documented contract, in JSON Schema 2020-12
  observed/                      what real servers send, in JSON Schema 2020-12
  canonical/                     the one form that runhooks normalize makes of both, in
                                 JSON Schema 2020-12
  openapi/webhooks               OpenAPI 3.1, one webhook for each event
  openapi/receiver               OpenAPI 3.1, one path for both events: for tools that
                                 don't support webhooks
  openapi/receiver-3.0           the same in OpenAPI 3.0.3, for tools without 3.1
  openapi/json-schema-2020-12/   JSON Schemas, each complete in one file
  openapi/json-schema-draft-07/  the same for tools that don't support 2020-12

A team that has no package of runhooks for its language needs two of these files:

  openapi/webhooks.yaml          to generate types from (receiver.yaml or
                                 receiver-3.0.yaml if the generator can't read it)
  openapi/json-schema-2020-12/observed-run-event.json
                                 to validate what it receives

The schemas in v1/ and observed/ refer to one another. Each document in openapi/
exists as YAML and as JSON; openapi/README.md says which is for whom.`,
		Example: `  runhooks schema --list
  runhooks schema v1/run-completed
  runhooks schema openapi/receiver-3.0.yaml > openapi.yaml
  runhooks schema --out contract/`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			documents, _ := contractDocuments()
			for _, d := range documents {
				names = append(names, d.name+"\t"+d.about)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			o.names = args
			return o.run(s)
		},
	}
	cmd.Flags().BoolVarP(&o.list, "list", "l", false, "list the documents")
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "write the documents (all, or those that are named) to `DIR`")
	cmd.Flags().BoolVar(&o.force, "force", false, "with --out, replace files that differ")
	cmd.MarkFlagsMutuallyExclusive("list", "out")
	return cmd
}

func (o *schemaOptions) run(s streams) error {
	documents, err := contractDocuments()
	if err != nil {
		return err
	}
	if len(o.names) > 0 {
		if documents, err = named(documents, o.names); err != nil {
			return err
		}
	}
	switch {
	case o.out != "":
		return o.export(documents, s)
	case o.list:
		width := 0
		for _, d := range documents {
			width = max(width, len(d.name))
		}
		for _, d := range documents {
			fmt.Fprintf(s.out, "%-*s  %s\n", width, d.name, d.about)
		}
		return nil
	case len(o.names) == 0:
		return errors.New("which document? --list lists them, and --out DIR writes them all")
	case len(documents) > 1:
		return errors.New("one document at a time goes to standard output: --out DIR writes several")
	}
	_, err = s.out.Write(documents[0].text)
	return err
}

// A document is one file of the contract.
type document struct {
	name  string // its path below --out
	about string // one line on it
	text  []byte
}

// contractDocuments gives all documents: the schemas, then what is made of them
// for other languages' tools.
func contractDocuments() ([]document, error) {
	var all []document
	for _, source := range []struct {
		files fs.FS
		root  string
		below string
	}{
		{jsonschema.FS, "v1", "v1"},
		{jsonschema.FS, "observed", "observed"},
		{jsonschema.FS, "canonical", "canonical"},
		{openapi.Dist, "dist", "openapi"},
	} {
		err := fs.WalkDir(source.files, source.root, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := fs.ReadFile(source.files, file)
			if err != nil {
				return err
			}
			name := path.Join(source.below, strings.TrimPrefix(file, source.root))
			all = append(all, document{name, about(source.files, file), text})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// about says in one line what a file is: the first sentence of a schema's
// description, or what kind of OpenAPI document it is. Of a YAML file it asks
// the JSON beside it, which says the same.
func about(files fs.FS, file string) string {
	if path.Ext(file) == ".md" {
		return "Which file is for whom"
	}
	text, err := fs.ReadFile(files, strings.TrimSuffix(file, path.Ext(file))+".json")
	if err != nil {
		return ""
	}
	var doc struct {
		Description string
		OpenAPI     string
		Paths       map[string]any
		Webhooks    map[string]any
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return ""
	}
	switch {
	case len(doc.Paths) > 0 && doc.Webhooks != nil:
		return "OpenAPI " + doc.OpenAPI + ": the API of the delivery service"
	case doc.Webhooks != nil:
		return "OpenAPI " + doc.OpenAPI + ": both events as webhooks"
	case doc.OpenAPI != "":
		return "OpenAPI " + doc.OpenAPI + ": one path that takes both events"
	}
	sentence, _, _ := strings.Cut(doc.Description, ". ")
	return strings.TrimSuffix(sentence, ".")
}

// named picks documents by name, with or without extension.
func named(documents []document, names []string) ([]document, error) {
	var picked []document
	for _, name := range names {
		found := false
		for _, d := range documents {
			if d.name == name || strings.TrimSuffix(d.name, path.Ext(d.name)) == name {
				picked = append(picked, d)
				found = true
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no document %q: runhooks schema --list lists them", name)
		}
	}
	return picked, nil
}

// export writes documents below o.out. A file that is there and differs is left
// alone, unless forced; then nothing is written at all.
func (o *schemaOptions) export(documents []document, s streams) error {
	var differing []document
	for _, d := range documents {
		target := o.target(d)
		info, err := os.Stat(target)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return &exitError{exitUsage, err.Error()}
		case !info.Mode().IsRegular():
			return &exitError{exitUsage, fmt.Sprintf("%s is there and is not a regular file: remove it, or choose another --out", target)}
		default:
			old, err := os.ReadFile(target)
			if err != nil {
				return &exitError{exitUsage, err.Error()}
			}
			if bytes.Equal(old, d.text) {
				continue
			}
			if !o.force {
				return &exitError{exitUsage, fmt.Sprintf("%s is there and differs: give --force to replace it", target)}
			}
		}
		differing = append(differing, d)
	}
	for _, d := range differing {
		target := o.target(d)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return &exitError{exitUsage, err.Error()}
		}
		if err := wholefile.Write(target, d.text, 0o644); err != nil {
			return &exitError{exitUsage, fmt.Sprintf("%s can't be written: %v", target, err)}
		}
	}
	for _, d := range documents {
		fmt.Fprintln(s.out, filepath.Join(redact.Text(o.out), filepath.FromSlash(d.name)))
	}
	if len(o.names) == 0 {
		in := func(name string) string {
			return filepath.Join(redact.Text(o.out), "openapi", filepath.FromSlash(name))
		}
		fmt.Fprintf(s.err, "most teams need two of these files:\n  %s  to generate types from\n  %s  to validate what they receive\n%s says which is for whom\n",
			in("webhooks.yaml"), in("json-schema-2020-12/observed-run-event.json"), in("README.md"))
	}
	return nil
}

// target is where a document is to be written.
func (o *schemaOptions) target(d document) string {
	return filepath.Join(o.out, filepath.FromSlash(d.name))
}
