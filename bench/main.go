// Command bench compares the validator of Runhooks with others, and with
// parsers that do nothing but parse. README.md says how to run and how to read
// it. It is run in its own folder.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

type options struct {
	only     string
	corpora  string
	rounds   int
	seed     uint64
	short    bool
	runhooks string
	python   string
	cache    string
	results  string
	before   string
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == timeWord {
		timeCommand(os.Args[2:])
		return
	}
	var o options
	flag.StringVar(&o.only, "only", "", "run only what has one of these, separated by commas, in its name")
	flag.StringVar(&o.corpora, "corpora", "", "run only the corpora that have one of these, separated by commas, in their names")
	flag.IntVar(&o.rounds, "rounds", 6, "how many rounds to take the median of")
	flag.Uint64Var(&o.seed, "seed", 1, "the seed of the corpora")
	flag.BoolVar(&o.short, "short", false, "one round over small corpora, Go only: does it run, and does each judge as it should?")
	flag.StringVar(&o.runhooks, "runhooks", "../bin/runhooks", "the program to compare as a whole process")
	flag.StringVar(&o.python, "python", ".cache/venv/bin/python", "the Python that has what python/requirements.txt lists")
	flag.StringVar(&o.cache, "cache", ".cache", "the folder for generated corpora")
	flag.StringVar(&o.results, "results", "", "the folder to write the tables and the chart to")
	flag.StringVar(&o.before, "before", "", "a commit: measure what is built from it, too, and compare")
	flag.Parse()
	if flag.NArg() > 0 || o.rounds < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := bench(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(o options) (err error) {
	c := contest{rounds: o.rounds, target: 200 * time.Millisecond, limit: 6 * time.Second, progress: os.Stderr}
	share := 1.0
	if o.short {
		c.rounds, c.target, c.progress, share = 1, time.Millisecond, io.Discard, 0.005
	}
	// One thread, garbage collection and all: figures are per core.
	runtime.GOMAXPROCS(1)

	inputs, infos, err := makeInputs(o, share)
	if err != nil {
		return err
	}
	all, old := subjects(), earlier{}
	if o.before != "" {
		old, err = buildEarlier(o.before)
		defer func() { err = errors.Join(err, os.RemoveAll(old.dir)) }()
		if err != nil {
			return err
		}
		all = append(all, pairs(old.commit)...)
	}
	contestants := slices.DeleteFunc(all, func(s subject) bool {
		return !selected(o.only, s.name) || !slices.ContainsFunc(inputs, func(in *input) bool { return s.on.covers(in.Deviates) })
	})
	programs := slices.DeleteFunc(commands(o.runhooks, old.program, o.cache), func(c command) bool {
		return o.short || !selected(o.only, c.name)
	})

	w := newWorkers(!o.short, o.python, old.worker)
	defer func() { err = errors.Join(err, w.close()) }()
	rows, contenders, err := c.enter(contestants, w)
	if err != nil {
		return err
	}
	if err := c.measure(contenders, inputs); err != nil {
		return err
	}
	files := slices.DeleteFunc(slices.Clone(inputs), func(in *input) bool { return in.Name != "11 MB" && in.Name != "NDJSON" && !in.Deviates })
	processes, err := c.measureCommands(programs, files, o.cache)
	if err != nil {
		return err
	}

	r := results{machine: thisMachine(), rounds: c.rounds, corpora: infos, commands: processes, before: old.commit, tenFindings: math.NaN()}
	if selected(o.only, ourChecker) {
		r.tenFindings = allocsOfTen(inputs)
	}
	for _, row := range rows {
		r.rows = append(r.rows, *row)
	}
	if o.short {
		fmt.Print(r.legend())
		return r.assert()
	}
	fmt.Print(r.markdown())
	if o.results == "" {
		return nil
	}
	return r.write(o.results)
}

// selected reports whether name contains one of the words, which commas separate. If there
// are none, every name is selected.
func selected(words, name string) bool {
	return slices.ContainsFunc(strings.Split(strings.ToLower(words), ","), func(word string) bool {
		return strings.Contains(strings.ToLower(name), word)
	})
}

// makeInputs generates the corpora, and writes them to the cache where other
// processes will read them.
func makeInputs(o options, share float64) ([]*input, []corpusInfo, error) {
	dir := filepath.Join(o.cache, "corpora")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, err
	}
	var inputs []*input
	var infos []corpusInfo
	all, err := recipes()
	if err != nil {
		return nil, nil, err
	}
	for _, recipe := range all {
		if !selected(o.corpora, recipe.Name) {
			continue
		}
		if !o.short {
			fmt.Fprintf(os.Stderr, "generating: %s\n", recipe.Name)
		}
		in := &input{Corpus: recipe.Make(o.seed, share)}
		in.Payloads = inOnePiece(in.Payloads)
		infos = append(infos, corpusInfo{recipe.Name, recipe.Description, len(in.Payloads), in.Size(), recipe.Deviates})
		extension := ".jsonl"
		if len(in.Payloads) == 1 {
			extension = ".json"
		}
		in.file = filepath.Join(dir, strings.ReplaceAll(recipe.Name, " ", "-")+extension)
		if !o.short {
			if err := writeLines(in.file, in.Payloads); err != nil {
				return nil, nil, err
			}
		}
		inputs = append(inputs, in)
	}
	if len(inputs) == 0 {
		return nil, nil, fmt.Errorf("there is no corpus of the name %q", o.corpora)
	}
	return inputs, infos, nil
}

// inOnePiece returns payloads that lie one after the other, as those of the workers do.
func inOnePiece(payloads [][]byte) [][]byte {
	text := bytes.Join(payloads, []byte("\n"))
	out := make([][]byte, len(payloads))
	for i, p := range payloads {
		out[i] = text[:len(p):len(p)]
		text = text[min(len(p)+1, len(text)):]
	}
	return out
}

func writeLines(file string, payloads [][]byte) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	lines := bufio.NewWriter(f)
	for _, p := range payloads {
		lines.Write(p) // the error stays until Flush
		lines.WriteByte('\n')
	}
	return errors.Join(lines.Flush(), f.Close())
}

// assert returns an error for results that are wrong on any machine: every subject must
// accept the corpora, validators must reject what breaks a schema in the plainest way, and
// ours must reject all controls.
func (r results) assert() error {
	var errs []error
	for _, row := range r.rows {
		for _, c := range r.corpora {
			if cell := row.cells[c.name]; cell != nil && cell.problem != "" {
				errs = append(errs, fmt.Errorf("%s: %s: %s", c.name, row.name, cell.problem))
			}
		}
		for _, missed := range row.misses {
			if row.name == ourName || !row.parses && slices.Contains([]string{"types", "required members", "syntax"}, missed) {
				errs = append(errs, fmt.Errorf("%s accepts controls: %s", row.name, missed))
			}
		}
	}
	return errors.Join(errs...)
}

// write writes the tables and the chart to dir.
func (r results) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tables := filepath.Join(dir, time.Now().UTC().Format("2006-01")+"-"+r.machine.slug()+".md")
	if err := os.WriteFile(tables, []byte(r.markdown()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "chart.svg"), []byte(r.chart()), 0o644)
}
