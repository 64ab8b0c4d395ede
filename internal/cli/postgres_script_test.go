package cli_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
)

// condition says whether what a script asks for is there.
func condition(name string) (bool, error) {
	switch name {
	case "postgres":
	case "dev-full":
		_, err := os.Stat("/dev/full")
		return err == nil, nil
	default:
		return false, fmt.Errorf("there is no condition %q", name)
	}
	there := os.Getenv("POSTGRES_URL") != ""
	if !there && os.Getenv("REQUIRE_ALL") == "1" {
		return false, errors.New("POSTGRES_URL is not set: run this with scripts/postgres.sh")
	}
	return there, nil
}

// database makes an empty database for the script, as "database NAME", and puts its
// URL into the variable.
func database(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: database NAME")
	}
	ctx := context.Background()
	server := os.Getenv("POSTGRES_URL")
	at, err := url.Parse(server)
	ts.Check(err)
	at.Path = "/test_" + strings.ToLower(rand.Text())
	run := func(statement string) {
		c, err := pgx.Connect(ctx, server)
		ts.Check(err)
		defer c.Close(ctx)
		_, err = c.Exec(ctx, statement+" "+at.Path[1:])
		ts.Check(err)
	}
	run("CREATE DATABASE")
	ts.Defer(func() { run("DROP DATABASE") })
	ts.Setenv(args[0], at.String())
}

// outbox publishes a text in a transaction, as "outbox VARIABLE EVENT", where the
// variable has the database's URL.
func outbox(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: outbox VARIABLE EVENT")
	}
	ctx := context.Background()
	c, err := pgx.Connect(ctx, ts.Getenv(args[0]))
	ts.Check(err)
	defer c.Close(ctx)
	_, err = c.Exec(ctx, "SELECT runhooks.publish($1)", args[1])
	ts.Check(err)
}

// contents puts the text of a file into a variable, as "contents NAME FILE".
func contents(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: contents NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}
