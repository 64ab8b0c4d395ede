package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/runhooks/runhooks/pkg/receiver"
)

// The environment variables that have what senders who can't sign need, separated by
// white space, so that it doesn't stand in the list of processes.
const (
	basicVariable = "RUNHOOKS_BASIC"
	pathVariable  = "RUNHOOKS_PATH_SECRET"
	queryVariable = "RUNHOOKS_QUERY_SECRET"
)

// asksUnsigned reports whether senders who can't sign are asked for something else.
func (o *listenOptions) asksUnsigned() bool {
	return len(o.credentials)+len(o.pathSecrets)+len(o.querySecrets) > 0
}

// parseUnsigned reads what such senders are asked for. The errors show nothing of it.
func (o *listenOptions) parseUnsigned() error {
	for _, of := range []struct {
		given    *[]string
		variable string
	}{{&o.basic, basicVariable}, {&o.pathSecrets, pathVariable}, {&o.querySecrets, queryVariable}} {
		if len(*of.given) == 0 {
			*of.given = strings.Fields(os.Getenv(of.variable))
		}
	}
	for _, text := range o.basic {
		user, password, ok := strings.Cut(text, ":")
		if !ok || user == "" || password == "" {
			return errors.New("--basic, or " + basicVariable + ", has to be USER:PASSWORD")
		}
		o.credentials = append(o.credentials, receiver.Credentials{Username: user, Password: password})
	}
	if len(o.pathSecrets) > 0 && !strings.HasSuffix(o.path, "/") {
		return fmt.Errorf("--path %s has to end in /, for a secret behind it", o.path)
	}
	return nil
}

// hidePath returns the target of a request without the segment of its path that may be
// a secret, or nearly one.
func hidePath(target string) string {
	path, query, ok := strings.Cut(target, "?")
	path = path[:strings.LastIndexByte(path, '/')+1] + "***"
	if ok {
		path += "?" + query
	}
	return path
}
