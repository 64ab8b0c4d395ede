package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	v5 "github.com/santhosh-tekuri/jsonschema/v5"
	v6 "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/runhooks/runhooks/jsonschema"
)

// layers are those of the contract that accept a payload.
type layers uint8

const (
	documented layers = 1 << iota
	observed
)

var folders = []string{"v1", "observed"} // of the layers

func (l layers) String() string {
	var names []string
	for i, folder := range folders {
		if l&(1<<i) != 0 {
			names = append(names, folder)
		}
	}
	return "{" + strings.Join(names, " ") + "}"
}

// sources returns the schemas of all layers, by their $id.
func sources() (map[string]json.RawMessage, error) {
	all := make(map[string]json.RawMessage)
	for _, folder := range folders {
		names, err := fs.Glob(jsonschema.FS, folder+"/run-*.json")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if all[jsonschema.Base+name], err = fs.ReadFile(jsonschema.FS, name); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// union is the $id of the schema of all events of a layer.
func union(folder string) string { return jsonschema.Base + folder + "/run-event.json" }

// peers are the judges in Go that work on values.
type peers struct {
	v5 []*v5.Schema
	v6 []*v6.Schema
}

func newPeers() (*peers, error) {
	c5, c6 := v5.NewCompiler(), v6.NewCompiler()
	c5.Draft = v5.Draft2020
	c5.AssertFormat = true
	c6.AssertFormat()
	all, err := sources()
	if err != nil {
		return nil, err
	}
	for id, text := range all {
		if err := c5.AddResource(id, bytes.NewReader(text)); err != nil {
			return nil, err
		}
		value, err := v6.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		if err := c6.AddResource(id, value); err != nil {
			return nil, err
		}
	}
	p := new(peers)
	for _, folder := range folders {
		five, err := c5.Compile(union(folder))
		if err != nil {
			return nil, err
		}
		six, err := c6.Compile(union(folder))
		if err != nil {
			return nil, err
		}
		p.v5, p.v6 = append(p.v5, five), append(p.v6, six)
	}
	return p, nil
}

func (p *peers) judge(value any) (by5, by6 layers) {
	for i := range folders {
		if p.v5[i].Validate(value) == nil {
			by5 |= 1 << i
		}
		if p.v6[i].Validate(value) == nil {
			by6 |= 1 << i
		}
	}
	return by5, by6
}

// decode reads a payload for judges that work on values.
func decode(payload []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var value any
	err := d.Decode(&value)
	return value, err
}

// numbers tells how the numbers in a value can be judged: those that are huge not
// by big.Rat, as v5 and v6 have them; and those that a float64 makes whole, or
// nothing, or infinite, not by ajv.
func numbers(value any) (huge, inexact bool) {
	switch v := value.(type) {
	case json.Number:
		text := string(v)
		_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
		if len(text) > 400 || len(strings.TrimLeft(exponent, "+-0")) > 3 {
			return true, true
		}
		if len(text) < 16 && exponent == "" {
			return false, false
		}
		exact, _ := new(big.Rat).SetString(text)
		f, err := strconv.ParseFloat(text, 64)
		return false, err != nil || exact.IsInt() != (f == math.Trunc(f)) || exact.Sign() != new(big.Float).SetFloat64(f).Sign()
	case []any:
		for _, item := range v {
			h, i := numbers(item)
			huge, inexact = huge || h, inexact || i
		}
	case map[string]any:
		for _, member := range v {
			h, i := numbers(member)
			huge, inexact = huge || h, inexact || i
		}
	}
	return huge, inexact
}

// An ajv is ajv in a process of its own, node/mutants.mjs.
type ajv struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	lines   bytes.Buffer
}

func startAjv(folder string) (*ajv, error) {
	a := &ajv{process: exec.Command("node", filepath.Join(folder, "mutants.mjs"))}
	a.process.Stderr = os.Stderr
	var err error
	if a.in, err = a.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := a.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	a.out = bufio.NewReader(out)
	if err := a.process.Start(); err != nil {
		return nil, err
	}
	all, err := sources()
	if err != nil {
		return nil, err
	}
	var told struct {
		Schemas []json.RawMessage `json:"schemas"`
		Layers  []string          `json:"layers"`
	}
	told.Schemas = slices.Collect(maps.Values(all))
	for _, folder := range folders {
		told.Layers = append(told.Layers, union(folder))
	}
	line, err := json.Marshal(told)
	if err != nil {
		return nil, err
	}
	a.add(line)
	a.ask()
	_, err = a.answers()
	return a, err
}

// add adds strict JSON to what is asked about.
func (a *ajv) add(payload []byte) {
	start := a.lines.Len()
	a.lines.Write(payload)
	for i, c := range a.lines.Bytes()[start:] {
		if c == '\n' { // space between tokens
			a.lines.Bytes()[start+i] = ' '
		}
	}
	a.lines.WriteByte('\n')
}

// ask sends what was added; answers has to be called next.
func (a *ajv) ask() {
	a.lines.WriteByte('\n')
	sent := bytes.Clone(a.lines.Bytes())
	a.lines.Reset()
	go a.in.Write(sent) // if it fails, there are no answers
}

// answers returns which layers accept each payload.
func (a *ajv) answers() ([]layers, error) {
	line, err := a.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("ajv: %w", err)
	}
	all := make([]layers, len(line)-1)
	for i := range all {
		all[i] = layers(line[i] - '0')
	}
	return all, nil
}

func (a *ajv) close() error {
	a.in.Close()
	return a.process.Wait()
}
