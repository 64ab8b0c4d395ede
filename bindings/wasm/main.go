//go:build wasip1

// Package main is the WebAssembly module that the packages of other languages are made
// of. It is a reactor: the host calls _initialize once, and then, one call at a time:
//
//	buffer(size i32) i32                             pointer of the request buffer
//	check(options_len, payload_len i32) i64          pointer<<32 | length of the answer
//	parse(options_len, payload_len i32) i64
//	verify(options_len, payload_len i32) i64
//
// The host writes the options and, behind them, the payload into the buffer, which has
// at least size bytes. The answer is JSON, and stays where it is until buffer is called
// again. Package internal/module says what options and answers are. A length that the
// buffer can't have answers an error.
package main

import (
	_ "time/tzdata" // a host has no time zone database that the module could read
	"unsafe"

	"github.com/runhooks/runhooks/internal/module"
)

func main() {}

var request, response []byte

//go:wasmexport buffer
func buffer(size uint32) unsafe.Pointer {
	response = nil
	if int(size) > cap(request) || cap(request) > largest && int(size) <= largest {
		request = make([]byte, max(int(size), smallest))
	}
	request = request[:cap(request)]
	return unsafe.Pointer(unsafe.SliceData(request))
}

// A request buffer is of smallest bytes at least, and one of more than largest is not
// kept for requests that need less.
const (
	smallest = 4 << 10
	largest  = 1 << 20
)

//go:wasmexport check
func check(options, payload uint32) uint64 { return answer(module.Check, options, payload) }

//go:wasmexport parse
func parse(options, payload uint32) uint64 { return answer(module.Parse, options, payload) }

//go:wasmexport verify
func verify(options, payload uint32) uint64 { return answer(module.Verify, options, payload) }

func answer(call func(options, payload []byte) []byte, options, payload uint32) uint64 {
	end := uint64(options) + uint64(payload)
	if end > uint64(len(request)) {
		response = []byte(`{"error":"the lengths are beyond the request buffer: call buffer with their sum first"}`)
	} else {
		response = call(request[:options:options], request[options:end:end])
	}
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(response))))<<32 | uint64(len(response))
}
