package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// power has the data on a disk of its own, whose file system is shut down in the
// middle of the load, as by a loss of power: what was not synced is dropped. It is
// ext4's own way to test that (EXT4_IOC_SHUTDOWN). What loses its power with the disk
// is the service with SQLite, and PostgreSQL without the service.
func power(ctx context.Context, r *run) error {
	disk := filepath.Join(r.dir, "disk")
	image := filepath.Join(r.dir, "image")
	if os.Getuid() != 0 {
		r.add(row{Figure: "loss of power", NotRun: "it takes root to mount a file system and shut it down"})
		return nil
	}
	if err := errors.Join(os.Mkdir(disk, 0o755), os.WriteFile(image, nil, 0o600), os.Truncate(image, 1<<30)); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		return fmt.Errorf("mkfs.ext4: %w: %s", err, out)
	}
	mount := func() error {
		if out, err := exec.CommandContext(ctx, "mount", "-o", "loop", image, disk).CombinedOutput(); err != nil {
			return fmt.Errorf("mount: %w: %s", err, out)
		}
		return nil
	}
	if err := mount(); err != nil {
		r.add(row{Figure: "loss of power", NotRun: err.Error()})
		return nil
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	data, store := filepath.Join(disk, "data"), ""
	if r.store == "postgres" {
		var err error
		if err = os.Chmod(r.dir, 0o711); err != nil { // it runs as another user
			return err
		}
		if r.cluster, err = newCluster(ctx, disk); err != nil {
			return err
		}
		defer r.cluster.close()
		if store, err = r.database(ctx); err != nil {
			return err
		}
		data = filepath.Join(r.dir, "data")
	}
	p, err := r.nodeIn(ctx, data, nil, store)
	if err != nil {
		return err
	}
	defer p.kill()
	processes, start := func() ([]int, error) { return []int{p.pid()}, nil }, p.start
	if r.store == "postgres" {
		processes, start = r.cluster.processes, r.cluster.start
	}
	l, err := r.load(ctx, &p.service)
	if err != nil {
		return err
	}
	defer l.abandon()
	cuts := lengths(r, 20, 3)
	for range cuts {
		pause(ctx, 2*time.Second)
		// Without power the processes stop, too. They stop first, because a sync that
		// is under way while ext4 shuts down may return without an error although
		// its transaction of the journal is dropped.
		pids, err := halt(ctx, processes)
		if err != nil {
			return err
		}
		if err := shutDown(disk); err != nil {
			r.add(row{Figure: "loss of power", NotRun: err.Error()})
			return nil
		}
		killAll(ctx, pids)
		if err := syscall.Unmount(disk, 0); err != nil {
			return err
		}
		if err := mount(); err != nil {
			return err
		}
		if err := start(ctx); err != nil {
			return err
		}
	}
	l.end()
	r.note("losses of power", float64(cuts), "")
	p.say()
	return errors.Join(r.account(ctx, r.sink, &p.service, &l.ledger, 20*time.Second), p.stop())
}

// halt stops processes, and returns those that it stopped, when all of their threads
// have stopped, those in a system call included. It asks for them again, as one that
// isn't stopped yet may start another.
func halt(ctx context.Context, processes func() ([]int, error)) (pids []int, err error) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; {
		if pids, err = processes(); err != nil {
			return nil, err
		}
		running := false
		for _, pid := range pids {
			running = !halted(pid) || running
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		if !running && len(pids) > 0 {
			return pids, nil
		}
		pause(ctx, time.Millisecond)
	}
	return nil, errors.New("the processes do not stop")
}

// halted says that all threads of a process have stopped.
func halted(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, file := range threads {
		text, err := os.ReadFile(file)
		_, rest, _ := strings.Cut(string(text), ") ")
		if err != nil || !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return len(threads) > 0
}

// killAll kills processes, and waits until there are none with their numbers, as the disk
// is in use until then, and PostgreSQL would take one for itself.
func killAll(ctx context.Context, pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range pids {
		for deadline := time.Now().Add(10 * time.Second); syscall.Kill(pid, 0) == nil && time.Now().Before(deadline) && ctx.Err() == nil; {
			pause(ctx, time.Millisecond)
		}
	}
}

// shutDown drops what a file system has not written yet, its journal included, and
// lets nothing more be written.
func shutDown(dir string) error {
	const (
		ext4Shutdown = 2<<30 | 4<<16 | 'X'<<8 | 125 // _IOR('X', 125, __u32)
		noLogFlush   = 2
	)
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	flag := uint32(noLogFlush)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), ext4Shutdown, uintptr(unsafe.Pointer(&flag))); errno != 0 {
		return fmt.Errorf("shut the file system down: %w", errno)
	}
	return nil
}
