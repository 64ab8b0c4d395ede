package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// maxSchemaBytes is how large a file of --schema may be.
const maxSchemaBytes = 4 << 20

// schemaVar adds the flag --schema.
func schemaVar(cmd *cobra.Command, schemas *[]string) {
	cmd.Flags().StringArrayVar(schemas, "schema", nil, "also hold payloads to the JSON Schema in FILE, or with ROBOT_ID=FILE those of one robot: `[ROBOT_ID=]FILE` (repeatable)")
	_ = cmd.MarkFlagFilename("schema", "json") // the error is that there is no such flag
}

// splitSchema returns the robot and the file that a --schema names. What is the name of a
// file as a whole names no robot.
func splitSchema(flag string) (robot, file string) {
	robot, file, found := strings.Cut(flag, "=")
	if _, err := os.Stat(flag); err == nil || !found {
		return "", flag
	}
	return robot, file
}

// loadSchemas compiles the schemas of --schema.
func loadSchemas(flags []string) (schemas []*conformance.Schema, err error) {
	for _, flag := range flags {
		if strings.Contains(flag, "://") {
			return nil, fmt.Errorf("--schema %s is a URL: save the schema to a file", redact.URL(flag))
		}
		robot, name := splitSchema(flag)
		if robot == "" && name != flag {
			return nil, fmt.Errorf("--schema %s names no robot: give ROBOT_ID=FILE, or FILE for all", redact.Text(flag))
		}
		text, err := readSchema(name)
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			err = failed.Err
		}
		if err != nil {
			return nil, fmt.Errorf("--schema %s: %w", redact.Text(flag), err)
		}
		s, err := conformance.CompileSchema(name, text)
		if err != nil {
			return nil, fmt.Errorf("--schema: %w", err)
		}
		s.Robot = robot
		schemas = append(schemas, s)
	}
	return schemas, nil
}

func readSchema(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSchemaBytes+1))
	if err == nil && len(text) > maxSchemaBytes {
		err = fmt.Errorf("it has more than %d MiB", maxSchemaBytes>>20)
	}
	return text, err
}
