package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// A cluster is a PostgreSQL of its own, with fsync on. It listens on a socket in
// its folder and nowhere else.
type cluster struct {
	bin, dir string
	as       *syscall.Credential // whom it runs as, if this is root
}

// newCluster makes and starts a cluster from the programs of this machine, in a folder
// of its own in parent, or among temporary ones if that is empty.
func newCluster(ctx context.Context, parent string) (*cluster, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	c := &cluster{bin: bin}
	if c.dir, err = os.MkdirTemp(parent, "bench-postgres-"); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // as which PostgreSQL won't run
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		c.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(c.dir, uid, gid); err != nil {
			return nil, err
		}
	}
	if err := c.run(ctx, "initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8"); err != nil {
		return nil, err
	}
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func postgresPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), "pg_ctl")); err == nil {
				return filepath.Dir(path), nil
			}
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", fmt.Errorf("PostgreSQL's programs (initdb, pg_ctl) are not installed: apt-get install postgresql")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *cluster) run(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, program), args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log // a pipe would stay open in the server
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%s: %w\n%s", program, err, text[max(0, len(text)-2000):])
	}
	return nil
}

// start starts the server, and waits until it can be used.
func (c *cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return c.run(ctx, "pg_ctl", "-D", c.data(), "-l", filepath.Join(c.dir, "server.log"), "-w", "-t", "55", "-o",
		"-c listen_addresses='' -c unix_socket_directories='"+c.dir+"' -c fsync=on -c max_connections=200 -c shared_buffers=256MB -c max_wal_size=4GB",
		"start")
}

// stop stops the server at once, as a crash would.
func (c *cluster) stop(ctx context.Context) error {
	return c.run(ctx, "pg_ctl", "-D", c.data(), "-m", "immediate", "-w", "stop")
}

func (c *cluster) close() {
	_ = c.stop(context.Background())
	_ = os.RemoveAll(c.dir)
}

// url returns the URL of a database of the cluster.
func (c *cluster) url(database string) string {
	return "postgres:///" + database + "?host=" + c.dir + "&user=postgres"
}
