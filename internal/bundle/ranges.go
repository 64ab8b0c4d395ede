package bundle

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// responsePrefix begins the pointers to the responses among the components.
const responsePrefix = "/components/responses/"

// successes are the statuses that stand for 2XX: those that receivers answer with.
var successes = []string{"200", "202", "204"}

// isRange matches a range of statuses.
var isRange = regexp.MustCompile(`^[1-5]XX$`)

// withoutRanges gives an OpenAPI document whose operations have no response for a
// range of statuses. Responses that no operation refers to any more are left out of
// the components.
func withoutRanges(root *yaml.Node) (*yaml.Node, error) {
	paths := lookup(root, "paths")
	if paths == nil {
		return root, nil
	}
	paths, err := rebuild(paths, func(_ string, item *yaml.Node) (*yaml.Node, error) {
		return rebuild(item, func(_ string, operation *yaml.Node) (*yaml.Node, error) {
			return rebuild(operation, func(key string, value *yaml.Node) (*yaml.Node, error) {
				if key == "responses" {
					return statuses(root, value)
				}
				return verbatim(value), nil
			})
		})
	})
	if err != nil {
		return nil, err
	}
	return rebuild(root, func(key string, value *yaml.Node) (*yaml.Node, error) {
		switch key {
		case "paths":
			return paths, nil
		case "components":
			return rebuild(value, func(key string, value *yaml.Node) (*yaml.Node, error) {
				if key != "responses" {
					return verbatim(value), nil
				}
				return rebuild(value, func(name string, response *yaml.Node) (*yaml.Node, error) {
					if !refers(paths, "#"+responsePrefix+name) {
						return nil, nil
					}
					return verbatim(response), nil
				})
			})
		}
		return verbatim(value), nil
	})
}

// statuses gives the responses of an operation without ranges. What a range stands for
// is said by the default, and 2XX also becomes the successes.
func statuses(root, responses *yaml.Node) (*yaml.Node, error) {
	each, other := mapping(), mapping()
	var description strings.Builder
	for status, response := range pairs(responses) {
		if !isRange.MatchString(status.Value) {
			set(each, status.Value, verbatim(response))
			continue
		}
		if status.Value == "2XX" {
			for _, success := range successes {
				if lookup(responses, success) == nil {
					set(each, success, verbatim(response))
				}
			}
		}
		if target := lookup(response, "$ref"); target != nil {
			name, _ := strings.CutPrefix(target.Value, "#"+responsePrefix)
			if response = lookup(lookup(lookup(root, "components"), "responses"), name); response == nil {
				return nil, fmt.Errorf("%s is not a response", target.Value)
			}
		}
		if err := mergeResponse(other, response); err != nil {
			return nil, fmt.Errorf("%s and the ranges before it: %w", status.Value, err)
		}
		fmt.Fprintf(&description, "%s: %s\n\n", status.Value, strings.TrimSpace(value(response, "description")))
	}
	if description.Len() == 0 {
		return each, nil
	}
	if lookup(responses, "default") != nil {
		return nil, errors.New("a default can't stand for ranges, too")
	}
	set(other, "description", text(strings.TrimSpace(description.String())+"\n"))
	set(each, "default", other)
	return each, nil
}

// mergeResponse adds to a response what another has. Its description is the
// caller's.
func mergeResponse(into, response *yaml.Node) error {
	if into.Content == nil {
		set(into, "description", nil) // comes first
	}
	for key, part := range pairs(response) {
		if key.Value == "description" {
			continue
		}
		known := lookup(into, key.Value)
		if known == nil {
			set(into, key.Value, verbatim(part))
			continue
		}
		for name, one := range pairs(part) {
			other := lookup(known, name.Value)
			switch {
			case other == nil:
				set(known, name.Value, verbatim(one))
			case key.Value == "content":
				if err := mergeMedia(other, one); err != nil {
					return err
				}
			case !equal(other, one):
				return fmt.Errorf("there are two %s of %s", name.Value, key.Value)
			}
		}
	}
	return nil
}

// mergeMedia adds the examples of a media type to those of the same type with the same
// schema.
func mergeMedia(into, media *yaml.Node) error {
	for key, part := range pairs(media) {
		known := lookup(into, key.Value)
		if key.Value != "examples" || known == nil {
			if known == nil || !equal(known, part) {
				return fmt.Errorf("there are two values of %s", key.Value)
			}
			continue
		}
		for name, example := range pairs(part) {
			if lookup(known, name.Value) != nil {
				return fmt.Errorf("there are two examples %s", name.Value)
			}
			set(known, name.Value, verbatim(example))
		}
	}
	return nil
}

// refers tells whether n refers to the given place.
func refers(n *yaml.Node, reference string) bool {
	if target := lookup(n, "$ref"); target != nil && target.Value == reference {
		return true
	}
	for _, child := range n.Content {
		if refers(child, reference) {
			return true
		}
	}
	return false
}
