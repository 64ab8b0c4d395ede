package bundle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// receiverPath is the path that takes the events. Any would do: where a real
// endpoint is, its owner says in the settings of a robot.
const receiverPath = "/events"

// Receiver gives an OpenAPI document with the same webhooks as one operation of
// one path: what the one URL that takes all of them serves. It is for tools that
// know nothing of webhooks, and for stubs of a server.
//
// The operation's body is the union: the component with a discriminator whose
// mapping names every webhook. The operations of the webhooks have to be the
// same but for what they say of themselves and of their body.
func (d *Document) Receiver() (*Document, error) {
	if known := lookup(d.root, "paths"); known != nil && len(known.Content) > 0 {
		return nil, fmt.Errorf("bundle: %s: has paths of its own", d.source)
	}
	operation, err := receive(d.root)
	if err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", d.source, err)
	}
	post, item, paths := mapping(), mapping(), mapping()
	post.Content = operation.Content
	set(item, "post", post)
	set(paths, receiverPath, item)

	root := mapping()
	for key, value := range pairs(d.root) {
		switch key.Value {
		case "webhooks":
			set(root, "paths", paths)
		case "paths": // has nothing in it
		default:
			set(root, key.Value, verbatim(value))
		}
	}
	return &Document{source: d.source, root: root}, nil
}

// receive merges the operations of all webhooks of an OpenAPI document into
// one that takes their union.
func receive(root *yaml.Node) (*yaml.Node, error) {
	webhooks := lookup(root, "webhooks")
	union, schema, err := unionOf(root, webhooks)
	if err != nil {
		return nil, err
	}
	var first string // the webhook whose operation all others are compared to
	var description strings.Builder
	fmt.Fprintf(&description, "%s\n\n", strings.TrimSpace(value(schema, "description")))
	merged, media := mapping(), mapping()
	set(media, "schema", ref(componentPrefix+union))
	for name, item := range pairs(webhooks) {
		post := lookup(item, "post")
		if post == nil || len(item.Content) != 2 {
			return nil, fmt.Errorf("webhook %s: is not one POST and nothing else", name.Value)
		}
		fmt.Fprintf(&description, "`%s`: %s.\n%s\n\n", name.Value, value(post, "summary"),
			strings.TrimSpace(value(post, "description")))
		body, err := mergeBody(media, lookup(post, "requestBody"))
		if err != nil {
			return nil, fmt.Errorf("webhook %s: %w", name.Value, err)
		}
		if first == "" {
			first = name.Value
			set(merged, "operationId", text("receive"+union))
			set(merged, "summary", text("Receive an event"))
			set(merged, "description", nil) // once it is complete
		}
		for key, part := range pairs(post) {
			switch key.Value {
			case "operationId", "summary", "description":
				continue
			case "requestBody":
				part = body
			}
			if known := lookup(merged, key.Value); known == nil && first == name.Value {
				set(merged, key.Value, verbatim(part))
			} else if known == nil || !equal(known, part) {
				return nil, fmt.Errorf("webhooks %s and %s differ in %s; one receiver can't have both", first, name.Value, key.Value)
			}
		}
	}
	set(merged, "description", text(strings.TrimSpace(description.String())+"\n"))
	set(lookup(lookup(merged, "requestBody"), "content"), "application/json", media)
	return merged, nil
}

// mergeBody adds the examples of a request body to those of the union, media,
// and gives the body without what is the event's own.
func mergeBody(media, body *yaml.Node) (*yaml.Node, error) {
	content := lookup(body, "content")
	one := lookup(content, "application/json")
	if one == nil || len(content.Content) != 2 {
		return nil, fmt.Errorf("its body is not application/json and nothing else")
	}
	for key, value := range pairs(one) {
		if key.Value != "schema" && key.Value != "examples" {
			return nil, fmt.Errorf("%s of its body can't be merged", key.Value)
		}
		for name, example := range pairs(value) {
			if key.Value == "schema" {
				continue
			}
			examples := lookup(media, "examples")
			if examples == nil {
				examples = mapping()
				set(media, "examples", examples)
			}
			if lookup(examples, name.Value) != nil {
				return nil, fmt.Errorf("example %s is also one of another webhook", name.Value)
			}
			set(examples, name.Value, verbatim(example))
		}
	}
	return rebuild(body, func(key string, value *yaml.Node) (*yaml.Node, error) {
		if key == "content" {
			empty := mapping()
			set(empty, "application/json", mapping())
			return empty, nil
		}
		return verbatim(value), nil
	})
}

// unionOf gives the component that is the union of all webhooks, and its name.
func unionOf(root, webhooks *yaml.Node) (string, *yaml.Node, error) {
	names := map[string]bool{}
	for name := range pairs(webhooks) {
		names[name.Value] = true
	}
	if len(names) == 0 {
		return "", nil, fmt.Errorf("there are no webhooks")
	}
	for name, schema := range pairs(lookup(lookup(root, "components"), "schemas")) {
		mapped := map[string]bool{}
		for event := range pairs(lookup(lookup(schema, "discriminator"), "mapping")) {
			mapped[event.Value] = true
		}
		if maps.Equal(names, mapped) {
			return name.Value, schema, nil
		}
	}
	return "", nil, fmt.Errorf("no component has a discriminator that maps the webhooks %q", slices.Sorted(maps.Keys(names)))
}

// value gives the text that a mapping has for key, or "".
func value(n *yaml.Node, key string) string {
	if v := lookup(n, key); v != nil {
		return v.Value
	}
	return ""
}

// ref makes a reference to the schema at pointer.
func ref(pointer string) *yaml.Node {
	n := mapping()
	set(n, "$ref", text("#"+pointer))
	return n
}
