package bundle

import (
	_ "embed"
	"io/fs"
	"path"

	"github.com/runhooks/runhooks/jsonschema"
)

// The sources of openapi/dist, below the root of the repository.
const (
	webhooks = "openapi/webhooks.yaml"
	service  = "openapi/service.yaml"
)

// schemas are the events, their unions and the canonical form, by the name that each
// gets in dist.
var schemas = []struct{ source, name string }{
	{"jsonschema/v1/run-event.json", "run-event"},
	{"jsonschema/v1/run-completed.json", "run-completed"},
	{"jsonschema/v1/run-failed.json", "run-failed"},
	{"jsonschema/observed/run-event.json", "observed-run-event"},
	{"jsonschema/observed/run-completed.json", "observed-run-completed"},
	{"jsonschema/observed/run-failed.json", "observed-run-failed"},
	{"jsonschema/canonical/run-event.json", "canonical-run-event"},
}

// readme says which file is for whom.
//
//go:embed dist.md
var readme []byte

// A File is one file of openapi/dist.
type File struct {
	Name string // its slash-separated path below openapi/dist
	Data []byte
}

// Dist makes all files of openapi/dist from the sources in fsys, the root of the
// repository.
func Dist(fsys fs.FS) ([]File, error) {
	files := []File{{"README.md", readme}}
	add := func(name string, d *Document, err error) (*Document, error) {
		if err != nil {
			return nil, err
		}
		asYAML, err := d.YAML()
		if err != nil {
			return nil, err
		}
		asJSON, err := d.JSON()
		if err != nil {
			return nil, err
		}
		files = append(files, File{name + ".yaml", asYAML}, File{name + ".json", asJSON})
		return d, nil
	}

	doc, err := Load(fsys, webhooks)
	if doc, err = add("webhooks", doc, err); err != nil {
		return nil, err
	}
	version := value(lookup(doc.root, "info"), "version")
	doc, err = doc.Receiver()
	if doc, err = add("receiver", doc, err); err != nil {
		return nil, err
	}
	doc, err = doc.OpenAPI30()
	if _, err = add("receiver-3.0", doc, err); err != nil {
		return nil, err
	}
	doc, err = Load(fsys, service)
	if _, err = add("service", doc, err); err != nil {
		return nil, err
	}
	addSchema := func(name string, schema *Document, err error) error {
		if err == nil {
			schema = schema.identified(jsonschema.Base+"openapi/"+name+".json", version)
		}
		_, err = add(name, schema, err)
		return err
	}
	for _, s := range schemas {
		schema, err := LoadSchema(fsys, s.source)
		if err := addSchema(path.Join("json-schema-2020-12", s.name), schema, err); err != nil {
			return nil, err
		}
		schema, err = schema.Draft07()
		if err := addSchema(path.Join("json-schema-draft-07", s.name), schema, err); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// identified gives the same schema under a name of its own, since its text is another
// than that of its source, and with the version of the contract, for which JSON Schema
// has no keyword.
func (d *Document) identified(id, version string) *Document {
	root := mapping()
	for key, value := range pairs(d.root) {
		root.Content = append(root.Content, key, value)
		if key.Value == "$schema" {
			set(root, "$id", text(id))
			set(root, "$comment", text("Version "+version+" of the contract."))
		}
	}
	return &Document{source: d.source, root: root}
}
