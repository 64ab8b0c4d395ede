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
// ext4's own way to test that (EXT4_IOC_SHUTDOWN).
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
	k := r.sink
	p, err := r.nodeIn(ctx, filepath.Join(disk, "data"), nil, "")
	if err != nil {
		return err
	}
	defer p.kill()
	l, err := r.load(ctx, &p.service)
	if err != nil {
		return err
	}
	defer l.end()
	cuts := lengths(r, 20, 3)
	for range cuts {
		pause(ctx, 2*time.Second)
		// Without power the process stops, too. It stops first, because a sync that
		// is under way while ext4 shuts down may return without an error although
		// its transaction of the journal is dropped.
		p.signal(syscall.SIGSTOP)
		if err := p.halted(ctx); err != nil {
			return err
		}
		if err := shutDown(disk); err != nil {
			r.add(row{Figure: "loss of power", NotRun: err.Error()})
			return nil
		}
		p.signal(syscall.SIGKILL)
		if err := syscall.Unmount(disk, 0); err != nil {
			return err
		}
		if err := mount(); err != nil {
			return err
		}
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	l.end()
	r.note("losses of power", float64(cuts), "")
	p.say()
	return errors.Join(r.account(ctx, k, &p.service, &l.ledger, 20*time.Second), p.stop())
}

// halted waits until all threads of a process that got SIGSTOP have stopped, those
// in a system call included.
func (p *process) halted(ctx context.Context) error {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.pid()))
		if err != nil {
			return err
		}
		running := false
		for _, file := range threads {
			text, err := os.ReadFile(file)
			_, rest, _ := strings.Cut(string(text), ") ")
			running = running || err != nil || !strings.HasPrefix(rest, "T")
		}
		if !running && len(threads) > 0 {
			return nil
		}
		pause(ctx, time.Millisecond)
	}
	return errors.New("the process does not stop")
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
