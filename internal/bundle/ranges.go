package bundle

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// isRange matches a range of statuses.
var isRange = regexp.MustCompile(`^[1-5]XX$`)

// usual are the statuses that a range becomes if its response has no examples.
var usual = map[string][]string{
	"2XX": {"200", "202", "204"},
	"3XX": {"301", "302", "303", "307", "308"},
}

// rangeNote ends the description of an operation that has lost a range of statuses.
const rangeNote = "A status that is not listed means what the listed ones with the same first digit mean."

// withoutRanges gives an OpenAPI document whose operations have statuses in place of
// ranges of them. A range becomes the statuses that its examples have, each with those
// examples. A default would say more, but progenitor takes none beside a success without
// a body. Responses that no operation refers to any more are left out.
func withoutRanges(root *yaml.Node) (*yaml.Node, error) {
	paths := lookup(root, "paths")
	if paths == nil {
		return root, nil
	}
	components := lookup(lookup(root, "components"), "responses")
	paths, err := rebuild(paths, func(_ string, item *yaml.Node) (*yaml.Node, error) {
		return rebuild(item, func(_ string, operation *yaml.Node) (*yaml.Node, error) {
			return listStatuses(components, operation)
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
					if !refers(paths, responsePrefix+name) {
						return nil, nil
					}
					return verbatim(response), nil
				})
			})
		}
		return verbatim(value), nil
	})
}

// responsePrefix begins a reference to a response among the components.
const responsePrefix = "#/components/responses/"

// listStatuses copies an operation, with statuses in place of ranges. What is explicit
// wins over what a range becomes.
func listStatuses(components, operation *yaml.Node) (*yaml.Node, error) {
	operation = verbatim(operation)
	responses, listed := lookup(operation, "responses"), mapping()
	lost := false
	for status, response := range pairs(responses) {
		if !isRange.MatchString(status.Value) {
			set(listed, status.Value, response)
			continue
		}
		lost = true
		resolved := response
		if target := value(response, "$ref"); target != "" {
			if resolved = lookup(components, strings.TrimPrefix(target, responsePrefix)); resolved == nil {
				return nil, fmt.Errorf("%s is not a response", target)
			}
		}
		statuses, exemplified := exampleStatuses(resolved), true
		if statuses == nil {
			statuses, exemplified = usual[status.Value], false
		}
		if statuses == nil {
			return nil, fmt.Errorf("%s has no example whose status could be listed", status.Value)
		}
		for _, one := range statuses {
			switch {
			case lookup(responses, one) != nil:
			case exemplified:
				set(listed, one, withExamplesOf(one, resolved))
			default:
				set(listed, one, verbatim(response))
			}
		}
	}
	if lost {
		set(operation, "responses", listed)
		set(operation, "description", text(strings.TrimSpace(strings.TrimSpace(value(operation, "description"))+"\n\n"+rangeNote)+"\n"))
	}
	return operation, nil
}

// exampleStatuses gives the statuses that examples of a response have, sorted.
func exampleStatuses(response *yaml.Node) []string {
	var statuses []string
	for _, media := range pairs(lookup(response, "content")) {
		for _, example := range pairs(lookup(media, "examples")) {
			if status := value(lookup(example, "value"), "status"); status != "" {
				statuses = append(statuses, status)
			}
		}
	}
	slices.Sort(statuses)
	return slices.Compact(statuses)
}

// withExamplesOf copies a response with those of its examples that have the status.
func withExamplesOf(status string, response *yaml.Node) *yaml.Node {
	response = verbatim(response)
	for _, media := range pairs(lookup(response, "content")) {
		examples := mapping()
		for name, example := range pairs(lookup(media, "examples")) {
			if value(lookup(example, "value"), "status") == status {
				set(examples, name.Value, example)
			}
		}
		set(media, "examples", examples)
	}
	return response
}

// refers tells whether n refers to the given place.
func refers(n *yaml.Node, reference string) bool {
	if value(n, "$ref") == reference {
		return true
	}
	return slices.ContainsFunc(n.Content, func(child *yaml.Node) bool { return refers(child, reference) })
}
