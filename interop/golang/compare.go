package main

import (
	"encoding/json"
	"math/big"
	"strings"
	"time"
)

// A loss is what a value may suffer when it is decoded and encoded again.
type loss string

const (
	dropped   loss = "members that the contract doesn't name are dropped"
	rewritten loss = "times are written in another form"
	truncated loss = "times lose their fractions"
	added     loss = "members are added as null or empty"
	another   loss = "gives something else"
)

// compare enters into losses what the value after lacks of the one before.
func compare(before, after any, losses map[loss]bool) {
	switch before := before.(type) {
	case map[string]any:
		after, ok := after.(map[string]any)
		if !ok {
			losses[another] = true
			return
		}
		for name, value := range before {
			if other, ok := after[name]; ok {
				compare(value, other, losses)
			} else {
				losses[dropped] = true
			}
		}
		for name, value := range after {
			if _, ok := before[name]; ok {
				continue
			}
			if value == nil || value == "" {
				losses[added] = true
			} else {
				losses[another] = true
			}
		}
		return
	case []any:
		after, ok := after.([]any)
		if !ok || len(before) != len(after) {
			losses[another] = true
			return
		}
		for i := range before {
			compare(before[i], after[i], losses)
		}
		return
	case json.Number:
		x, ok := new(big.Rat).SetString(string(before))
		number, _ := after.(json.Number)
		y, ok2 := new(big.Rat).SetString(string(number))
		if ok && ok2 && x.Cmp(y) == 0 {
			return
		}
	case string:
		text, _ := after.(string)
		from, err1 := time.Parse(time.RFC3339Nano, strings.ToUpper(before))
		to, err2 := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
		switch {
		case before == text:
			return
		case err1 == nil && err2 == nil && from.Equal(to):
			losses[rewritten] = true
			return
		case err1 == nil && err2 == nil && from.Truncate(time.Second).Equal(to):
			losses[truncated] = true
			return
		}
	}
	if before != after {
		losses[another] = true
	}
}
