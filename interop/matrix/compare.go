package matrix

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// other is what no limit explains.
const other = ""

// compare says what a payload has lost when it was decoded and encoded again: the
// limits, and other where it is something else. An error is that after is no JSON.
func compare(before, after []byte) (losses map[string]bool, err error) {
	from, err := parse(before)
	if err != nil {
		return nil, err
	}
	to, err := parse(after)
	if err != nil {
		return nil, fmt.Errorf("what is encoded is no JSON: %w", err)
	}
	losses = map[string]bool{}
	compareValues(from, to, losses)
	return losses, nil
}

func parse(text []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&value)
	return value, err
}

func compareValues(before, after any, losses map[string]bool) {
	switch before := before.(type) {
	case map[string]any:
		if after, ok := after.(map[string]any); ok {
			compareObjects(before, after, losses)
			return
		}
		if after, ok := after.([]any); ok && len(before)+len(after) == 0 {
			losses[emptyObjects] = true
			return
		}
	case []any:
		if after, ok := after.([]any); ok && len(before) == len(after) {
			for i := range before {
				compareValues(before[i], after[i], losses)
			}
			return
		}
	case json.Number:
		if loss, ok := compareNumbers(before, after); ok {
			if loss != "" {
				losses[loss] = true
			}
			return
		}
	case string:
		if after, ok := after.(string); ok && before != after {
			losses[compareTexts(before, after)] = true
			return
		}
	}
	if !reflect.DeepEqual(before, after) {
		losses[other] = true
	}
}

func compareObjects(before, after map[string]any, losses map[string]bool) {
	for name, value := range before {
		switch now, ok := after[name]; {
		case ok:
			compareValues(value, now, losses)
		case value == nil:
			losses[nulls] = true
		default:
			losses[members] = true
		}
	}
	for name, value := range after {
		if _, ok := before[name]; ok {
			continue
		}
		if value == nil {
			losses[nulls] = true
		} else {
			losses[other] = true
		}
	}
}

// compareNumbers gives the loss, if any, and false if it is none that is known. Two
// numbers of one value are the same, whatever their digits: JSON Schema 2020-12,
// Core, section 4.2.2.
func compareNumbers(before json.Number, after any) (loss string, ok bool) {
	double, err := strconv.ParseFloat(string(before), 64)
	now, isNumber := after.(json.Number)
	if !isNumber {
		// An infinite number is written as null, as JSON has no other way.
		return numbers, after == nil && err != nil
	}
	if value(before) == value(now) {
		return "", true
	}
	if rounded, _ := strconv.ParseFloat(string(now), 64); rounded == double {
		return numbers, true
	}
	return overflow, double >= 1<<63 || double < -1<<63
}

// value gives a number in one way, whatever way it is written in: its digits, without
// zeros at either end, and their exponent.
func value(n json.Number) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(string(n)), "e")
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return "0"
	}
	least, _ := new(big.Int).SetString(cmp.Or(exponent, "0"), 10) // JSON has been read: it is one
	significant := strings.TrimRight(digits, "0")
	least.Add(least, big.NewInt(int64(len(digits)-len(significant)-len(fraction))))
	if negative {
		significant = "-" + significant
	}
	return significant + "e" + least.String()
}

// rfc3339 splits a time into what comes before its fraction, the fraction, and its
// offset.
var rfc3339 = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})$`)

// compareTexts tells times that are written in another way from those that are
// others.
func compareTexts(before, after string) (loss string) {
	was, is := rfc3339.FindStringSubmatch(before), rfc3339.FindStringSubmatch(after)
	if was == nil || is == nil {
		return other
	}
	// Package time knows no leap second. The one before is as far apart.
	leaps, leapsStill := strings.HasSuffix(was[1], ":60"), strings.HasSuffix(is[1], ":60")
	if leaps {
		was[1] = was[1][:17] + "59"
	}
	if leapsStill {
		is[1] = is[1][:17] + "59"
	}
	from, err := time.Parse(time.RFC3339, strings.ToUpper(was[1]+was[3]))
	to, err2 := time.Parse(time.RFC3339, strings.ToUpper(is[1]+is[3]))
	full, rest := strings.TrimRight(was[2], "0"), strings.TrimRight(is[2], "0")
	if leaps && !leapsStill && err == nil && err2 == nil && from.Add(time.Second).Equal(to) && full == rest {
		return nextSecond
	}
	if err != nil || err2 != nil || leaps != leapsStill || !from.Equal(to) {
		return other
	}
	switch {
	case full == rest:
		return times
	case strings.HasPrefix(full, rest):
		return fractions
	default:
		return other
	}
}
